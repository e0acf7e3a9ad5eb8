"""Arguments that are wrong, each refused before anything is sent; in virtual time. Run by ctest as python_client."""

import inspect
import math
import os
import random
import sys
import unittest
from decimal import Decimal
from fractions import Fraction

import msgpack

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), "client", "python")]

import reki  # noqa: E402
from fake_node import CALL, LIST, LOOKUP_OR_START, STOP, WATCH  # noqa: E402
from reki import Client, RekiError  # noqa: E402
from test_protocol import InVirtualTime  # noqa: E402

KEYED = {"type": "counter", "key": "a"}
MESSAGE = {**KEYED, "message": "increment", "fields": [2], "args": [1], "fence": 0}
GOOD = {
    "lookup_or_start": {**KEYED, "args": [1]}, "lookup": KEYED, "start": {**KEYED, "args": [1]}, "stop": {**KEYED, "fence": 0},
    "call": MESSAGE, "send": MESSAGE, "list": {"type": "counter", "prefix": "a", "page": 7},
    "count": {"type": "counter", "prefix": "a"}, "describe": {"type": "counter"}, "status": {}, "view": {}, "nodes": {},
    "watch": KEYED,
}
ANY_VALUE_DOES = {"start", "wait_for_restart"}  # by whether it is true


class Unshowable:
    def __repr__(self):
        raise ArithmeticError("no")


def out_of(least, most, rng):
    """Whole numbers below and above, near and far."""
    return [least - 1, most + 1, least - 1 - rng.getrandbits(rng.randrange(1, 90)), most + 1 + rng.getrandbits(rng.randrange(1, 90)),
            1 << 70, -(1 << 70), 10**5000, -(10**5000)]


def bad_values(parameter, rng):
    """[(value, the error's name), ...]"""
    blob = rng.randbytes(rng.randrange(1, 9))
    neither = [None, [], {}, ("a",), object(), Unshowable(), 1j, {blob}]
    numbers = [0, rng.getrandbits(64), -1.5, rng.random(), math.nan, math.inf, True]
    no_utf8 = ["\ud800", "a" * rng.randrange(9) + chr(rng.randrange(0xD800, 0xE000))]
    if parameter in ("type", "message"):
        wrong = [*neither, *numbers, *no_utf8, blob, bytearray(b"counter")]
        return [(v, "invalid_argument") for v in wrong] + [("n" * 65, "too_large"), ("ü" * 33, "too_large")]
    if parameter in ("key", "prefix"):
        empty = ["", b"", bytearray(), memoryview(b"")] if parameter == "key" else []
        longer = ["k" * 1025, b"k" * rng.randrange(1025, 5000), bytearray(1025), "ü" * 513]
        return [(v, "invalid_argument") for v in [*neither, *numbers, *no_utf8, *empty]] + [(v, "too_large") for v in longer]
    if parameter in ("fence", "page"):
        least, most = (0, (1 << 64) - 1) if parameter == "fence" else (1, 10000)
        wrong = [*neither, *no_utf8, blob, "1", 1.0, rng.random(), math.nan, math.inf, True, *out_of(least, most, rng)]
        return [(v, "invalid_argument") for v in wrong]
    if parameter == "timeout":
        numbers = [0, -0.0, math.nan, -math.inf, -rng.random(), Fraction(-1, 3), Decimal(1), *out_of(1, 1 << 1024, rng)]
        return [(v, "invalid_argument") for v in [*neither[1:], *no_utf8, blob, "5", True, *numbers] if not is_long(v)]
    assert parameter in ("args", "fields"), f"which values of {parameter} are bad?"
    nested = []
    nested.append(nested)
    most = 65536 if parameter == "args" else 1 << 20
    longer = [bytes(most + 1), bytearray(most + 1), [bytes(most)], "x" * most]
    unpackable = [object(), [object()], [1 << 70], ["\ud800"], {blob}, 1j, nested]
    return [(v, "malformed_message") for v in unpackable] + [(v, "too_large") for v in longer]


def is_long(value):
    """A time for which one may watch, and not wait for an answer."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 3600


TOO_LONG = [3600.001, 4294968, 1e18, math.inf, 1 << 70, 10**400, 10**5000, Fraction(10801, 3)]


class Arguments(InVirtualTime):
    def refused(self, name, function, *args, **options):
        """The error; nothing was sent, and no time spent."""
        began = self.network.now
        error = self.fails(name, function, *args, **options)
        self.assertEqual((self.network.sent, self.network.sockets, self.network.now), ([], [], began))
        return error

    def bad_of(self, method, parameter, rng):
        out = bad_values(parameter, rng)
        if parameter == "timeout" and method != "watch":
            out += [(value, "invalid_argument") for value in TOO_LONG]
        if method in ("watch", "describe"):  # empty: all of them
            out = [(value, name) for value, name in out if not (isinstance(value, (str, bytes, bytearray, memoryview)) and not value)]
        return out

    @staticmethod
    def parameters(method):
        return [p for p in inspect.signature(getattr(Client, method)).parameters if p not in {"self"} | ANY_VALUE_DOES]

    def test_all_methods_are_in_the_table(self):
        methods = {name for name, value in vars(Client).items() if inspect.isfunction(value) and not name.startswith("_")}
        self.assertEqual(methods - {"close", "seen"}, set(GOOD))
        for method, good in GOOD.items():
            self.assertEqual(set(self.parameters(method)), {*good, "timeout"}, method)

    def test_a_bad_one_is_refused_with_its_name_and_what_is_allowed(self):
        c, rng = self.client(), random.Random(1)
        for method, good in GOOD.items():
            for parameter in self.parameters(method):
                for value, name in self.bad_of(method, parameter, rng):
                    with self.subTest(f"{method} {parameter}: {type(value).__name__}"):
                        error = self.refused(name, getattr(c, method), **{**good, parameter: value})
                        allowed = {"malformed_message": "cannot be packed", "too_large": "at most [0-9]+"}
                        self.assertRegex(error.text, rf"^{parameter} .*{allowed.get(name, 'must')}")

    def test_several_bad_ones_are_refused_too(self):
        c = self.client()
        for seed in range(500):
            rng = random.Random(seed)
            method = rng.choice(sorted(GOOD))
            parameters = self.parameters(method)
            arguments, names = dict(GOOD[method]), set()
            for parameter in rng.sample(parameters, rng.randrange(1, len(parameters) + 1)):
                arguments[parameter], name = rng.choice(self.bad_of(method, parameter, rng))
                names.add(name)
            with self.subTest(seed=seed), self.assertRaises(RekiError) as caught:
                getattr(c, method)(**arguments)
            self.assertIn(caught.exception.name, names)
        self.assertEqual(self.network.sent, [])

    def test_what_the_bounds_allow_passes(self):
        c = self.ready()
        for timeout in (3600, 3600.0, Fraction(1, 3), 1, 0.1):
            self.assertEqual(c.count("counter", timeout=timeout), 1)
        self.fails("gone", c.call, "counter", "a", "get", fence=(1 << 64) - 1)
        for page in (1, 10000):
            self.assertEqual(list(c.list("counter", page=page)), ["a"])
        self.assertEqual({msgpack.unpackb(request[6])[1] for _, request in self.requests(LIST)}, {1, 10000})
        self.fails("unknown_type", c.lookup, "t" * 64, "a")
        self.assertTrue(c.lookup_or_start("counter", "k" * 1024).started)
        self.fails("unreachable", c.lookup, "counter", "a", timeout=1e-9)

    def test_the_largest_request_is_a_frame_that_nodes_take(self):
        c = self.ready()
        largest = {"args": bytes(65536), "fields": bytes(1 << 20), "fence": (1 << 64) - 1, "timeout": 3600}
        self.fails("unknown_type", c.call, "t" * 64, "k" * 1024, "m" * 64, **largest)
        frame = self.network.sent[-1][2]
        self.assertEqual(frame[3][0][1], CALL)
        self.assertLess(len(msgpack.packb(frame)), reki.FRAME_BYTES_MAX)

    def test_a_time_out_that_is_set_later_is_looked_at_too(self):
        c = self.client()
        for value in (0, math.nan, math.inf, None):
            c.timeout = value
            for method, good in GOOD.items():
                if method != "watch":
                    self.refused("invalid_argument", getattr(c, method), **good)

    def test_fields_that_the_description_does_not_have_are_named(self):
        error = self.fails("malformed_message", self.client().call, "counter", "a", "increment", {1: 1, "x": 2, None: 3})
        self.assertIn("has no field '1'", error.text)
        self.assertEqual(self.requests(CALL), [])


class Watch(InVirtualTime):
    def test_a_key_without_its_type_is_refused(self):
        c = self.client()
        for key in ("some-key", b"k", bytearray(b"k"), memoryview(b"k")):
            error = self.fails("invalid_argument", c.watch, "", key)
            self.assertEqual(error.text, "a key is watched together with its type")
            self.fails("invalid_argument", c.watch, key=key)
        self.assertEqual(self.network.sent, [])

    def test_it_may_last_for_any_time(self):
        events = msgpack.packb([1000, 1, [[21, 0, 0]]])
        self.n1.before = lambda n, r: [0, 0, False, events] if r.op == WATCH else None
        for timeout in TOO_LONG:
            self.assertEqual(next(self.client().watch("counter", "a", timeout=timeout)).kind, "watching")

    def test_events_have_the_key_as_str(self):
        events = msgpack.packb([1000, 1, [[10, 0, 0, b"a", 7], [4, 5, 0]]])
        self.n1.before = lambda n, r: [0, 0, False, events] if r.op == WATCH else None
        for key in ("a", b"a", bytearray(b"a"), memoryview(b"a")):
            watch = self.client().watch("counter", key)
            self.assertEqual([next(watch).key, next(watch).key], ["a", "a"])


class Keys(InVirtualTime):
    """Whatever holds the bytes of a key is that key."""

    FORMS = ["xyz", b"xyz", bytearray(b"xyz"), memoryview(b"xyz"), memoryview(b"x.y.z")[::2], memoryview(bytearray(b"xyz"))]

    def test_it_is_sent_as_bytes(self):
        c = self.client()
        for key in self.FORMS:
            c.lookup_or_start("counter", key)
            c.call("counter", key, "increment", bytearray(msgpack.packb([2])))
            c.send("counter", key, "increment", memoryview(msgpack.packb([2])))
            self.assertEqual((c.count("counter", key), list(c.list("counter", key))), (1, ["xyz"]))
            self.assertEqual(self.fails("already_started", c.start, "counter", key).existing, c.lookup("counter", "xyz"))
        self.assertEqual(self.n1.actors[("counter", b"xyz")][1], 4 * len(self.FORMS))
        self.assertEqual({request[5] for op in (LOOKUP_OR_START, CALL) for _, request in self.requests(op)}, {b"xyz"})
        for key in self.FORMS:
            self.assertEqual(c.view().slot("counter", key), c.view().slot("counter", "xyz"))

    def test_it_comes_back_as_str_or_bytes(self):
        c = self.client()
        actors = {c.lookup_or_start("counter", key) for key in self.FORMS} | {c.send("counter", key, "get") for key in self.FORMS}
        self.assertEqual({actor.key for actor in actors}, {"xyz"})
        self.assertEqual(c.start("counter", bytearray(b"\xff")).key, b"\xff")

    def test_one_that_changes_during_a_call_was_another(self):
        c, key = self.client(), bytearray(b"k1")
        actor = c.lookup_or_start("counter", key)
        key[:] = b"k2"
        self.assertEqual((actor.key, c.stop("counter", "k1")), ("k1", actor.fence))
        self.assertEqual(len(self.requests(STOP)), 1)

    def test_a_view_refuses_what_a_client_refuses(self):
        view, rng = self.client().view(), random.Random(2)
        for parameter in ("type", "key"):
            for value, name in bad_values(parameter, rng):
                for function in (view.slot, view.owner):
                    self.fails(name, function, **{**KEYED, parameter: value})


class Construction(unittest.TestCase):
    def test_what_is_wrong_is_refused_by_name(self):
        good, rng = {"addresses": ["tcp://n1:7101"], "cluster": "shop", "name": "till 7", "timeout": 5}, random.Random(3)
        names = [value for value, _ in bad_values("type", rng)]
        times = [None, *TOO_LONG, *(value for value, _ in bad_values("timeout", rng))]
        bad = {"addresses": [None, 5, "", [], (), {}, object(), Unshowable()], "cluster": names, "name": names, "timeout": times}
        self.assertEqual(set(bad), set(inspect.signature(Client).parameters))
        for parameter, values in bad.items():
            for value in values:
                with self.subTest(parameter, value=type(value).__name__), self.assertRaises(RekiError) as caught:
                    Client(**{**good, parameter: value})
                self.assertEqual(caught.exception.name, "invalid_argument")
                self.assertRegex(caught.exception.text, parameter if value != "" else "address")


if __name__ == "__main__":
    unittest.main()
