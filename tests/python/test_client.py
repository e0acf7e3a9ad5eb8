"""Tests of client/python/reki.py against nodes of our own making. Run by ctest as python_client."""

import dataclasses
import contextlib
import os
import re
import socket
import sys
import threading
import time
import unittest

import msgpack

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "client", "python")]

import cluster_session  # noqa: E402
import reki  # noqa: E402
from fake_node import CALL, COUNT, DESCRIBE, LOOKUP, LOOKUP_OR_START, SILENCE, START, VIEW, WATCH  # noqa: E402
from fake_node import FakeNode, share, slot_of  # noqa: E402
from reki import Client, RekiError  # noqa: E402


def page():
    with open(os.path.join(ROOT, "docs", "protocol.md"), encoding="utf-8") as f:
        return f.read()


def once(reply):
    """A `before` that gives its reply to the first call, and nothing from then on."""
    left = [reply]

    def before(node, request):
        return left.pop() if request.op == CALL and left else None

    return before


class WithNodes(unittest.TestCase):
    def node(self, name="n1", **options):
        node = FakeNode(name, **options)
        self.addCleanup(node.close)
        share([node])
        return node

    def client(self, *nodes, cluster="shop", **options):
        client = Client([n if isinstance(n, str) else n.address for n in nodes], cluster, **options)
        self.addCleanup(client.close)
        return client

    def fails(self, name, function, *args, **options):
        with self.assertRaises(RekiError) as caught:
            function(*args, **options)
        self.assertEqual(caught.exception.name, name, caught.exception)
        return caught.exception

    def fails_in_no_doubt(self, name, function, *args, **options):
        """As fails(), for what is tried until its deadline: a last try may still be under way by then."""
        for _ in range(10):
            try:
                function(*args, **options)
            except RekiError as error:
                if error.name != "unknown_outcome":
                    self.assertEqual(error.name, name, error)
                    return error
        self.fail("each call was in doubt in the end")


class Page(unittest.TestCase):
    """The client against what the page says."""

    def test_slots_are_those_of_the_page(self):
        rows = re.findall(r"^\| (\S+) \| (\S+) \| (0x\w+) \| 0x\w+ \| (\d+) \|$", page(), re.M)
        self.assertEqual(len(rows), 3)
        for type, key, seed, slot in rows:
            view = reki.View(1, 0, "shop", int(seed, 16), "", (), ())
            self.assertEqual(view.slot(type, key), int(slot))

    def test_a_delta_makes_the_view_that_the_page_says(self):
        text = page().split("### delta")[1].split("```hex")[1].split("```")[0]
        delta = bytes.fromhex("".join(line.split(";")[0] for line in text.splitlines()))
        n1 = reki.Member("n1", 0xBADCAFE8BADF00D, "tcp://10.0.0.1:7101", 1, "a", 1)
        base = reki.View(5, 0x30001, "shop", 0x0123456789ABCDEF, "n1", (n1,), (0,) * 16384)
        view = reki.View.decode(delta, base)
        self.assertEqual((view.epoch, view.cluster, [m.node for m in view.members]), (6, "shop", ["n1", "n2"]))
        self.assertEqual([slot for slot, owner in enumerate(view.table) if owner == 1], [3543, 9261])
        self.assertEqual(view.members[1].address, "tcp://10.0.0.2:7101")
        self.assertIsNone(reki.View.decode(delta, view))  # not its base
        self.assertIsNone(reki.View.decode(delta))
        other = dataclasses.replace(base, members=(dataclasses.replace(n1, incarnation=1),))
        self.assertIsNone(reki.View.decode(delta, other))  # of the same number only

    def test_error_names_are_those_of_the_page(self):
        rows = re.findall(r"^\| (\d+) \| (\w+) \| .* \|$", page().split("## 5. ")[1].split("\n## ")[0], re.M)
        self.assertEqual({int(code): name for code, name in rows}, reki.NAMES)

    def test_operations_are_those_of_the_page(self):
        rows = re.findall(r"^\| (\d+) \| (\w+) \| .* \|$", page().split("### Operations")[1].split("\n### ")[0], re.M)
        self.assertEqual(len(rows), 12)
        for number, name in rows:
            self.assertEqual(getattr(reki, name.upper()), int(number))

    def test_the_limits_are_those_of_the_page(self):
        section = page().split("### Limits")[1].split("\n### ")[0]
        limits = {what: int(most) for what, most in re.findall(r"^\| ([^|]+) \| (\d+)", section, re.M)}
        self.assertEqual(limits["a frame"], reki.FRAME_BYTES_MAX)
        self.assertEqual([limits[what] for what in ("type, name of a message", "name in a HELLO")], [reki.NAME_MAX] * 2)
        self.assertEqual((limits["key"], limits["args"]), (reki.KEY_MAX, reki.ARGS_MAX))
        self.assertEqual(limits["payload of a request"], reki.PAYLOAD_MAX)
        self.assertEqual(limits["keys in a page of `list`"], reki.PAGE_MAX)
        self.assertLess(1000 * reki.TIMEOUT_MAX, limits["`remaining_ms`"])

    def test_the_words_for_watchers_are_those_of_the_page(self):
        section = page().split("## 8. ")[1]
        for element, names in (("kind", reki.KINDS), ("reason", reki.REASONS)):
            rows = re.findall(rf"^\| {element} \| (\d+) \| (\w+) \|", section, re.M)
            self.assertEqual({int(number): name for number, name in rows}, names)

    def test_the_page_frames_decode(self):
        examples = re.findall(r"### (.+?)\n.*?```hex\n(.*?)```", page().split("## 7. ")[1], re.S)
        frames = {}
        for name, text in examples:
            digits = "".join(line.split(";")[0] for line in text.splitlines())
            frames[name] = msgpack.unpackb(bytes.fromhex(digits))
        fence = 0x500000001
        self.assertEqual(frames["HELLO"], [1, "reki", 1, 1, "shop", 1, "till 7", 0x1122334455667788])
        self.assertEqual(frames["REPLY"][3], [[1, 0, fence, True], [2, 0, fence, False, b"\x02"]])
        listed = msgpack.unpackb(frames["list reply"][3][0][4])
        self.assertEqual(listed, [[b"user_1", b"user_123"], b"user_123"])


class Watching(WithNodes):
    def setUp(self):
        self.asked = []  # (node's name, type, key, position)

    def watched(self, *nodes, **answers):
        """The nodes answer `watch` with these, one after the other: [sequence, event, ...]; at the end with nothing."""

        def before(node, request):
            if request.op != WATCH:
                return None
            self.asked.append((node.name, request.type, request.key, msgpack.unpackb(request.args)))
            left = answers.get(node.name, [])
            sequence, *events = left.pop(0) if left else [self.asked[-1][3][1]]
            return [0, 0, False, msgpack.packb([node.incarnation, sequence, events])]

        for node in nodes:
            node.before = before
        return self.client(*nodes)

    @staticmethod
    def lines(events):
        return [" ".join(str(part) for part in (e.kind, e.reason, e.key, e.node, e.other) if part) for e in events]

    def take(self, watch, count):
        return self.lines(next(watch) for _ in range(count))

    def test_a_key_is_asked_about_from_where_the_last_answer_ended(self):
        node = self.node()
        c = self.watched(node, n1=[[4, [11, 0, 5000, b"a"]], [6, [1, 0, 6000, b"a", 77], [4, 5, 7000, b"a", 77, "boom", 40]]])
        events = list(c.watch("counter", "a", timeout=0.3))
        self.assertEqual(self.lines(events), ["not_running none a n1", "started none a n1", "crashed crashed a n1"])
        crash = events[2]
        self.assertEqual((crash.type, crash.time, crash.fence, crash.text, crash.retry_after), ("counter", 7, 77, "boom", 0.04))
        self.assertEqual(self.asked[:3], [("n1", "counter", b"a", [0, 0]), ("n1", "counter", b"a", [1000, 4]),
                                          ("n1", "counter", b"a", [1000, 6])])

    def test_a_move_is_followed_once_the_view_is_there(self):
        n1, n2 = self.node("n1"), self.node("n2")
        share([n1, n2], epoch=5, owner=lambda slot: 0)
        c = self.watched(n1, n2, n1=[[1, [10, 0, 0, b"a", 7]], [2, [3, 7, 0, b"a", 7], [22, 0, 0, b"", 0, "", 0, "n2", 6]]],
                         n2=[[9, [11, 0, 0, b"a"]]])
        watch = c.watch("counter", "a", timeout=5)
        self.assertEqual(self.take(watch, 1), ["running none a n1"])
        share([n1, n2], epoch=6, owner=lambda slot: 1)
        self.assertEqual(self.take(watch, 3), ["stopped moved a n1", "moved moved a n2 n1", "not_running none a n2"])
        self.assertEqual(self.asked[-1], ("n2", "counter", b"a", [0, 0]))

    def test_a_node_that_is_gone_from_the_view_is_lost(self):
        n1, n2 = self.node("n1"), self.node("n2")
        share([n1, n2], epoch=5, owner=lambda slot: 0)
        c = self.watched(n1, n2, n1=[[1, [10, 0, 0, b"a", 7]]], n2=[[9, [11, 0, 0, b"a"]]])
        watch = c.watch("counter", "a", timeout=5)
        self.take(watch, 1)
        share([n2], epoch=6)
        n1.epoch, n1.view_payload = 6, n2.view_payload
        self.assertEqual(self.take(watch, 2), ["moved node_lost a n2 n1", "not_running none a n2"])

    def test_a_node_that_said_that_the_actor_moves_and_is_gone_is_not_lost(self):
        n1, n2 = self.node("n1"), self.node("n2")
        share([n1, n2], epoch=5, owner=lambda slot: 0)
        c = self.watched(n1, n2, n1=[[1, [10, 0, 0, b"a", 7]], [2, [3, 7, 0, b"a", 7]]], n2=[[9, [11, 0, 0, b"a"]]])
        watch = c.watch("counter", "a", timeout=5)
        self.assertEqual(self.take(watch, 2), ["running none a n1", "stopped moved a n1"])
        share([n2], epoch=6)
        n1.epoch, n1.view_payload = 6, n2.view_payload
        self.assertEqual(self.take(watch, 2), ["moved moved a n2 n1", "not_running none a n2"])

    def test_a_type_is_watched_at_all_nodes_and_the_silent_one_is_named(self):
        n1, n2 = self.node("n1"), self.node("n2")
        share([n1, n2])
        c = self.watched(n1, n2, n1=[[1, [21, 0, 0]]], n2=[[1, [21, 0, 0]], [2, [1, 0, 0, b"b", 8]]])
        watch = c.watch("counter", timeout=20)
        self.assertEqual(self.take(watch, 3), ["watching none n1", "watching none n2", "started none b n2"])
        n1.deaf = True
        self.assertEqual(self.take(watch, 1), ["unwatched none n1"])
        n1.deaf = False
        self.assertEqual(self.take(watch, 1), ["watching none n1"])

    def test_a_position_that_cannot_be_gone_on_from_is_told_as_missed(self):
        node = self.node()
        c = self.watched(node, n1=[[4, [21, 0, 0]], [9, [20, 20, 0, b"", 0, "", 0, "", 300], [21, 0, 0]]])
        events = list(c.watch("counter", timeout=0.2))
        self.assertEqual(self.lines(events), ["watching none n1", "missed fell_behind n1", "watching none n1"])
        self.assertEqual(events[1].number, 300)

    def test_the_nodes_are_watched_by_epoch(self):
        node = self.node()
        c = self.watched(node, n1=[[5, [35, 0, 0, b"", 0, "", 0, "n1", 1], [36, 0, 0, b"", 0, "", 0, "", 5]]])
        events = list(c.watch(timeout=0.2))
        self.assertEqual(self.lines(events), ["member none n1", "view none"])
        self.assertEqual(events[1].number, 5)
        self.assertEqual(self.asked[1][1:], ("", b"", [1000, 5]))

    def test_what_cannot_be_watched_is_an_error(self):
        node = self.node()
        node.before = lambda _, request: [20, "no type"] if request.op == WATCH else None
        self.fails("unknown_type", next, self.client(node).watch("countr", "a"))


class OneNode(WithNodes):
    def test_a_session_of_all_calls(self):
        node = self.node()
        c = self.client(node, name="till 7")
        self.fails("not_running", c.lookup, "counter", "a")
        actor = c.lookup_or_start("counter", "a")
        self.assertEqual((actor.node, actor.started, actor.epoch, actor.start_number), ("n1", True, 5, 1))
        self.assertFalse(c.lookup_or_start("counter", "a").started)
        self.assertEqual(c.lookup("counter", b"a").fence, actor.fence)
        with self.assertRaises(RekiError) as failed:
            c.start("counter", "a")
        self.assertEqual(failed.exception.name, "already_started")
        self.assertEqual(failed.exception.existing, c.lookup("counter", "a"))
        self.assertEqual(c.call("counter", "a", "increment", {"by": 2}), 2)
        self.assertEqual(c.call("counter", "a", "increment", [3]), 5)
        self.assertEqual(c.call("counter", "a", "get", fence=actor.fence), 5)
        self.assertEqual(c.send("counter", "a", "increment").node, "n1")
        self.assertEqual(c.call("counter", "a", "get"), 6)
        self.assertEqual(c.stop("counter", "a"), actor.fence)
        self.fails("not_running", c.call, "counter", "a", "get", start=False)
        self.assertEqual(c.start("counter", "a", {"start_at": 40}).start_number, 2)
        self.assertEqual(c.call("counter", "a", "get"), 40)
        self.fails("gone", c.call, "counter", "a", "get", fence=actor.fence)
        self.assertEqual(list(c.list("counter")), ["a"])
        self.assertEqual(c.count("counter"), 1)
        self.assertEqual(c.status(), {"n1": {"node": "n1", "actors": 1}})
        self.assertEqual([m.node for m in c.nodes()], ["n1"])
        self.assertEqual(c.view().epoch, 5)
        self.assertEqual(c.describe()[0][0], "counter")
        self.assertEqual(node.hellos, [[1, "reki", 1, 1, "shop", 1, "till 7", c.incarnation]])
        self.assertEqual(set(node.targets), {node.incarnation})
        ids = [r.id for r in node.requests]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertTrue(all(0 < r.remaining_ms <= 5000 for r in node.requests))

    def test_a_wrong_cluster_is_an_error_at_once(self):
        began = time.monotonic()
        error = self.fails("wrong_cluster", self.client(self.node(), cluster="other").lookup, "counter", "a")
        self.assertIn("this is cluster shop", error.text)
        self.assertLess(time.monotonic() - began, 2)

    def test_a_welcome_of_another_cluster_is_not_taken(self):
        node = self.node()
        node.welcome_cluster = "other"
        self.fails("wrong_cluster", self.client(node).lookup, "counter", "a")
        self.assertEqual(node.requests, [])

    def test_no_common_version_is_an_error_at_once(self):
        node = self.node()
        node.reject_hello = (62, "version 9 only")
        self.fails("version_mismatch", self.client(node).lookup, "counter", "a")

    def test_a_node_that_is_full_for_a_while_is_asked_again(self):
        node = self.node()
        node.reject_hello = (40, "too many connections")
        c = self.client(node, timeout=0.8)
        self.fails("overloaded", c.lookup_or_start, "counter", "a")
        node.reject_hello = None
        self.assertTrue(c.lookup_or_start("counter", "a").started)

    def test_the_node_forgets_the_connection_and_a_lookup_goes_through(self):
        node = self.node()
        c = self.client(node)
        c.lookup_or_start("counter", "a")
        node.forget_sessions()
        self.assertFalse(c.lookup_or_start("counter", "a").started)
        self.assertEqual((len(node.hellos), node.rejects), (2, 1))

    def test_the_node_forgets_the_connection_and_a_call_is_executed_once(self):
        node = self.node()
        c = self.client(node)
        c.lookup_or_start("counter", "a")
        node.forget_sessions()
        self.assertEqual(c.call("counter", "a", "increment", [2]), 2)
        self.assertEqual((node.rejects, len(node.ops(CALL))), (1, 1))

    def test_the_node_restarts_between_two_calls(self):
        node = self.node()
        c = self.client(node)
        self.assertEqual(c.call("counter", "a", "increment", [2]), 2)
        node.restart()
        self.assertEqual(c.call("counter", "a", "increment", [2]), 2)
        self.assertEqual(node.targets[-1], node.incarnation)

    def test_a_new_incarnation_behind_a_session_that_is_known_is_told_of(self):
        node = self.node()
        c = self.client(node)
        c.lookup_or_start("counter", "a")
        node.incarnation += 1
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        self.assertEqual((node.rejects, len(node.ops(CALL))), (1, 1))

    def test_a_call_whose_reply_died_with_the_node_is_not_repeated(self):
        node = self.node()
        c = self.client(node)
        c.lookup_or_start("counter", "a")

        def dies(n, request):
            if request.op != CALL:
                return None
            n._serve(request)
            n.restart()
            return SILENCE

        node.before = dies
        began = time.monotonic()
        self.fails("unknown_outcome", c.call, "counter", "a", "increment")
        self.assertLess(time.monotonic() - began, 3)  # not the whole time-out: the next incarnation says so
        self.assertEqual(len(node.ops(CALL)), 1)

    def test_a_lookup_whose_reply_died_with_the_node_is_repeated_under_its_id(self):
        node = self.node()
        c = self.client(node)
        c.lookup_or_start("counter", "a")
        left = [1]

        def dies(n, request):
            if request.op != LOOKUP_OR_START or not left:
                return None
            left.pop()
            n.restart()
            return SILENCE

        node.before = dies
        self.assertTrue(c.lookup_or_start("counter", "a").started)
        first, second = node.ops(LOOKUP_OR_START)[1:]
        self.assertEqual(first.id, second.id)

    def test_a_reply_of_another_incarnation_is_ignored(self):
        node = self.node()
        c = self.client(node)
        c.lookup_or_start("counter", "a")

        def lies_first(n, request):
            if request.op != CALL:
                return None
            return [[5, 5, 4711, [[request.id, 0, 1, False, msgpack.packb(666)]]]], None

        node.before = lies_first
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        node.before = lambda n, r: None
        node.reply_incarnation = 4711
        self.fails("deadline_exceeded", c.lookup, "counter", "a", timeout=0.5)

    def test_a_reply_to_another_request_is_ignored(self):
        node = self.node()
        c = self.client(node)
        node.before = lambda n, r: ([[5, 5, n.incarnation, [[r.id + 1, 0, 1, False, msgpack.packb(666)]]]], None)
        self.assertEqual(c.call("counter", "a", "increment"), 1)

    def test_elements_of_a_later_version_are_ignored(self):
        node = self.node()
        c = self.client(node)
        node.before = lambda n, r: [0, 9, False, msgpack.packb(3), {"new": 1}, 7] if r.op == CALL else None
        self.assertEqual(c.call("counter", "a", "get"), 3)

    def test_an_unknown_code_is_an_error_with_its_text(self):
        node = self.node()
        node.before = once([777, "of tomorrow"])
        error = self.fails("code_777", self.client(node).call, "counter", "a", "get")
        self.assertEqual((error.code, error.text), (777, "of tomorrow"))

    def test_retry_after_is_in_seconds(self):
        node = self.node()
        node.before = once([5, "crashed", 40])
        error = self.fails("restarting", self.client(node).call, "counter", "a", "get", wait_for_restart=False)
        self.assertAlmostEqual(error.retry_after, 0.04)
        self.assertEqual(node.ops(CALL)[0].flags, 1)

    def test_overload_is_handed_to_the_caller(self):
        node = self.node()
        node.before = once([40, "full", 10])
        self.fails("overloaded", self.client(node).call, "counter", "a", "get")

    def test_what_was_refused_unexecuted_is_sent_again(self):
        node = self.node()
        node.before = once([45, "closing"])
        self.assertEqual(self.client(node).call("counter", "a", "increment"), 1)
        self.assertEqual(len({r.id for r in node.ops(CALL)}), 1)
        self.assertEqual(len(node.ops(CALL)), 2)


class Fields(WithNodes):
    def sent(self, message, fields, **options):
        node = self.node()
        c = self.client(node)
        c.call("counter", "a", message, fields, **options)
        return node.ops(CALL)[0]

    def test_a_dict_is_ordered_and_its_gaps_are_filled(self):
        self.assertEqual(msgpack.unpackb(self.sent("increment", {"times": 3}).payload), [1, 3])
        self.assertEqual(msgpack.unpackb(self.sent("increment", {"times": 3, "by": 2}).payload), [2, 3])
        self.assertEqual(msgpack.unpackb(self.sent("increment", {"by": 2}).payload), [2])
        self.assertEqual(msgpack.unpackb(self.sent("get", {}).payload), [])
        self.assertEqual(self.sent("get", None).payload, b"")

    def test_args_are_there_only_if_the_call_may_start(self):
        self.assertEqual(self.sent("get", None).args, b"")
        self.assertEqual(msgpack.unpackb(self.sent("get", None, args={"start_at": 2}).args), [2])
        node = self.node()
        self.fails("not_running", self.client(node).call, "counter", "a", "get", start=False)
        self.assertIsNone(node.ops(CALL)[0].args)

    def test_a_mistake_is_told_without_asking_the_actor(self):
        node = self.node()
        c = self.client(node)
        error = self.fails("malformed_message", c.call, "counter", "a", "increment", {"bye": 1})
        self.assertEqual(error.text, "increment has no field 'bye'; its fields: by, times")
        self.fails("unknown_message", c.call, "counter", "a", "decrement", {"by": 1})
        self.fails("unknown_type", c.call, "clock", "a", "get", {"by": 1})
        self.assertEqual(node.ops(CALL), [])

    def test_a_description_is_fetched_once(self):
        node = self.node()
        c = self.client(node)
        for _ in range(3):
            c.call("counter", "a", "increment", {"by": 1})
        self.assertEqual(len(node.ops(DESCRIBE)), 1)

    def test_structs_within_are_shaped_too(self):
        point = ["struct", [["x", "int", msgpack.packb(0)], ["y", "int", msgpack.packb(7)]]]
        schema = ["struct", [["at", point, b"\x92\x00\x07"], ["all", ["array", point], b"\x90"],
                             ["by", ["map", "str", point], b"\x80"], ["perhaps", ["optional", point], b"\xc0"]]]
        value = {"at": {"y": 1}, "all": [{"x": 2}, [3]], "by": {"k": {}}, "perhaps": {"y": 4}}
        self.assertEqual(reki._shaped(schema, value, "m"), [[0, 1], [[2], [3]], {"k": []}, [0, 4]])
        self.assertEqual(reki._shaped(schema, {"perhaps": None}, "m"), [[0, 7], [], {}, None])

    def test_keys_that_are_no_text_come_back_as_bytes(self):
        node = self.node()
        c = self.client(node)
        for key in ("Zürich", b"\xff\x00"):
            c.lookup_or_start("counter", key)
        self.assertEqual(set(c.list("counter")), {"Zürich", b"\xff\x00"})


class SeveralNodes(WithNodes):
    def pair(self, **options):
        nodes = [self.node("n1", incarnation=1000), self.node("n2", incarnation=2000)]
        share(nodes, **options)
        return nodes

    def key_of(self, owner, nodes):
        return next(key for key in map(str, range(1000)) if slot_of("counter", key) % len(nodes) == owner)

    def test_each_key_is_asked_for_at_its_owner(self):
        nodes = self.pair()
        c = self.client(nodes[0])
        for n in range(200):
            self.assertEqual(c.lookup_or_start("counter", str(n)).node, nodes[slot_of("counter", str(n)) % 2].name)
        self.assertEqual(len(nodes[0].actors) + len(nodes[1].actors), 200)
        self.assertEqual(sorted(c.list("counter", page=7)), sorted(map(str, range(200))))
        self.assertEqual(sorted(c.list("counter", "19")), ["19", *map(str, range(190, 200))])
        self.assertEqual(c.count("counter"), 200)
        self.assertEqual(c.count("counter", "19"), 11)
        self.assertEqual(set(c.status()), {"n1", "n2"})

    def test_a_redirect_is_followed_with_the_new_view(self):
        nodes = self.pair(owner=lambda slot: 0)
        c = self.client(nodes[0])
        c.lookup_or_start("counter", "a")
        share(nodes, epoch=6, owner=lambda slot: 1)
        nodes[0].before = lambda n, r: [46, "", 0, "n2"] if r.op <= 6 else None
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        self.assertEqual(c.view().epoch, 6)
        self.assertEqual((len(nodes[0].ops(CALL)), len(nodes[1].ops(CALL))), (1, 1))

    def test_a_redirect_is_followed_by_name_while_there_is_no_newer_view(self):
        nodes = self.pair(owner=lambda slot: 0)
        nodes[0].before = lambda n, r: [46, "", 0, "n2"] if r.op <= 6 else None
        self.assertEqual(self.client(nodes[0]).lookup_or_start("counter", "a").node, "n2")

    def disagree(self, nodes):
        for node, other in ((nodes[0], "n2"), (nodes[1], "n1")):
            node.before = lambda n, r, other=other: [46, "", 0, other] if r.op <= 6 else None

    def test_nodes_that_do_not_agree_are_asked_until_the_deadline_but_not_without_a_pause(self):
        nodes = self.pair(owner=lambda slot: 0)
        self.disagree(nodes)
        self.fails("wrong_node", self.client(nodes[0]).lookup_or_start, "counter", "a", timeout=0.5)
        asked = sum(len(n.ops(LOOKUP_OR_START)) for n in nodes)
        self.assertGreaterEqual(asked, 6)
        self.assertLess(asked, 250)

    def test_nodes_that_agree_in_the_end_serve(self):
        nodes = self.pair(owner=lambda slot: 0)
        self.disagree(nodes)
        with after(0.1, lambda: setattr(nodes[1], "before", lambda n, r: None)):
            self.assertEqual(self.client(nodes[0]).call("counter", "a", "increment"), 1)
        self.assertEqual(len({r.id for n in nodes for r in n.ops(CALL)}), 1)

    def test_a_higher_epoch_in_a_reply_makes_the_view_new(self):
        nodes = self.pair(owner=lambda slot: 0)
        c = self.client(nodes[0])
        c.lookup_or_start("counter", "a")
        share(nodes, epoch=6, owner=lambda slot: 1)
        c.lookup_or_start("counter", "a")
        self.assertEqual(c.lookup_or_start("counter", "a").node, "n2")
        self.assertEqual(len(nodes[0].ops(VIEW) + nodes[1].ops(VIEW)), 2)

    def test_a_delta_is_as_good_as_a_view(self):
        nodes = self.pair(owner=lambda slot: 0)
        c = self.client(nodes[0])
        c.lookup_or_start("counter", "a")
        share(nodes, epoch=6, owner=lambda slot: int(slot % 3 == 0), delta_from=5)
        for key in map(str, range(50)):
            c.lookup_or_start("counter", key)
        self.assertEqual(c.view().epoch, 6)
        self.assertEqual(c.view(), reki.View.decode(nodes[0].view_payload))
        self.assertEqual([msgpack.unpackb(r.args) for r in nodes[0].ops(VIEW)], [[0, False], [5, True]])

    def test_a_delta_that_does_not_fit_is_answered_by_asking_for_the_whole(self):
        nodes = self.pair(owner=lambda slot: 0)
        c = self.client(nodes[0])
        c.lookup_or_start("counter", "a")
        share(nodes, epoch=6, owner=lambda slot: int(slot % 3 == 0), delta_from=5)
        earlier_life = dataclasses.replace(c._view.members[0], incarnation=1)
        c._view = dataclasses.replace(c._view, members=(earlier_life, *c._view.members[1:]))
        c._epoch_seen = 6
        self.assertEqual(c.view(), reki.View.decode(nodes[0].view_payload))
        self.assertEqual(len(nodes[0].ops(VIEW)), 3)

    def test_a_dead_seed_does_no_harm(self):
        node = self.node()
        self.assertEqual(self.client(nobody(self), node).lookup_or_start("counter", "a").node, "n1")

    def test_a_key_goes_on_at_its_new_owner_when_the_old_one_dies(self):
        nodes = self.pair(owner=lambda slot: 1)
        c = self.client(*nodes)
        self.assertEqual(c.lookup_or_start("counter", "a").node, "n2")
        nodes[1].deaf = True
        share(nodes, epoch=6, owner=lambda slot: 0)
        self.assertEqual(c.lookup_or_start("counter", "a").node, "n1")


@contextlib.contextmanager
def after(seconds, function):
    """Calls it then, while the test waits for something."""
    timer = threading.Timer(seconds, function)
    timer.start()
    try:
        yield
    finally:
        timer.join()


class Changes(WithNodes):
    """Two nodes in views that a coordinator makes. At first n1 owns everything."""

    def setUp(self):
        self.nodes = [self.node("n1", incarnation=1000), self.node("n2", incarnation=2000)]
        share(self.nodes, owner=lambda slot: 0, term=1)
        self.c = self.client(self.nodes[0])
        self.assertEqual(self.c.lookup_or_start("counter", "a").node, "n1")

    def move(self, *to, epoch=6):
        share(to or self.nodes, epoch=epoch, owner=lambda slot: 0, term=1, among=[self.nodes[1]])

    def refuse(self, node, code, text):
        node.before = lambda n, r: [code, text] if r.op <= 6 else None

    def test_unavailable_is_tried_again_for_calls_too_under_one_id(self):
        self.refuse(self.nodes[0], 44, "the lease is over")
        with after(0.1, lambda: setattr(self.nodes[0], "before", lambda n, r: None)):
            self.assertEqual(self.c.call("counter", "a", "increment"), 1)
        self.assertEqual(len({r.id for r in self.nodes[0].ops(CALL)}), 1)
        self.assertGreater(len(self.nodes[0].ops(CALL)), 3)

    def test_what_stays_unavailable_ends_with_the_last_text_by_the_deadline(self):
        for node in self.nodes:
            self.refuse(node, 44, "no quorum: 1 of 3 voters")
        for call in (self.c.lookup, lambda *a, **o: self.c.call(*a, "increment", **o)):
            began = time.monotonic()  # of the first one
            error = self.fails_in_no_doubt("unavailable", call, "counter", "a", timeout=0.4)
            self.assertIn("no quorum", error.text)
            self.assertGreater(time.monotonic() - began, 0.3)

    def test_what_a_node_that_closes_refuses_goes_to_the_new_owner(self):
        self.refuse(self.nodes[0], 45, "closing")
        with after(0.1, lambda: self.move(self.nodes[1])):  # n1 never knows
            self.assertEqual(self.c.call("counter", "a", "increment"), 1)
        self.assertEqual(len(self.nodes[1].ops(CALL)), 1)

    def test_the_owner_dies_and_a_look_up_finds_the_new_one(self):
        self.nodes[0].die()
        with after(0.2, lambda: self.move(self.nodes[1])):
            began = time.monotonic()
            self.assertEqual(self.c.lookup_or_start("counter", "a").node, "n2")
        self.assertLess(time.monotonic() - began, 3)

    def test_a_call_in_flight_at_a_node_that_dies_is_of_unknown_outcome_at_once(self):
        def dies(n, r):
            if r.op != CALL:
                return None
            n.die()
            return SILENCE

        self.nodes[0].before = dies
        began = time.monotonic()
        self.fails("unknown_outcome", self.c.call, "counter", "a", "increment", timeout=10)
        self.assertLess(time.monotonic() - began, 5)

    def test_an_answer_of_an_incarnation_that_the_view_does_not_name_does_not_count(self):
        self.nodes[0].restart()
        self.fails("unknown_outcome", self.c.call, "counter", "a", "increment")
        self.fails("unavailable", self.c.lookup_or_start, "counter", "a", timeout=0.3)
        self.refuse(self.nodes[0], 44, "no quorum")
        self.assertIn("no quorum", self.fails("unavailable", self.c.lookup, "counter", "a", timeout=0.3).text)
        self.nodes[0].before = lambda n, r: None
        share(self.nodes, epoch=6, owner=lambda slot: 0, term=1)  # it is let in
        self.assertEqual(self.c.call("counter", "a", "increment"), 2)

    def test_an_older_start_than_one_seen_is_no_answer(self):
        fence = self.c.lookup("counter", "a").fence
        self.nodes[0].before = lambda n, r: [0, fence - 1] if r.op <= 6 else None
        self.fails("unavailable", self.c.lookup, "counter", "a", timeout=0.3)
        self.fails("unknown_outcome", self.c.send, "counter", "a", "increment")
        self.nodes[0].before = lambda n, r: [2, "", 0, "", fence - 1] if r.op == START else None
        self.fails("unavailable", self.c.start, "counter", "a", timeout=0.3)
        self.nodes[0].before = lambda n, r: None
        self.assertEqual(self.c.lookup("counter", "a").fence, fence)

    def test_fences_are_remembered_for_the_keys_used_last(self):
        kept, reki.FENCES_MAX = reki.FENCES_MAX, 10
        self.addCleanup(setattr, reki, "FENCES_MAX", kept)
        for n in range(30):
            self.c.lookup_or_start("counter", "a")
            self.c.lookup_or_start("counter", f"k{n}")
        self.assertEqual(len(self.c._fences), 10)
        self.assertIn(("counter", b"a"), self.c._fences)
        self.assertNotIn(("counter", b"k0"), self.c._fences)

    def test_connections_to_nodes_that_have_left_are_closed(self):
        third = self.node("n3", incarnation=3000)
        share([*self.nodes, third], epoch=6, owner=lambda slot: 2, term=1)
        self.c.call("counter", "a", "increment")
        self.c.call("counter", "a", "increment")
        self.assertIn(third.address, self.c._connections.free)
        self.move(*self.nodes, third, epoch=7)
        third.before = lambda n, r: [46, "", 0, "n2"] if r.op <= 6 else None
        self.c.call("counter", "a", "increment")
        self.assertNotIn(third.address, self.c._connections.free)


def nobody(test):
    """An address at which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return "tcp://127.0.0.1:%d" % s.getsockname()[1]


class Session(WithNodes):
    """The script that other tests run against real nodes."""

    def three(self):
        nodes = [self.node(f"n{i}", incarnation=1000 * i) for i in (1, 2, 3)]
        share(nodes)
        return nodes

    def run_with(self, nodes):
        cluster_session.run([node.address for node in nodes], "shop", 3, 60, say=lambda text: None, watch=False)

    def test_good_nodes_pass(self):
        self.run_with(self.three())

    def test_a_node_that_deviates_does_not(self):
        deviations = {
            "increment": lambda n, r: [0, 1, False, msgpack.packb(3)] if r.message == "increment" else None,
            "what another client finds": lambda n, r: [0, 1] if r.op == LOOKUP_OR_START and n.actors else None,
            "count": lambda n, r: [0, 0, False, msgpack.packb(0)] if r.op == COUNT else None,
            "instead of the error not_running": lambda n, r: [0, 1] if r.op == LOOKUP else None,
        }
        for what, deviation in deviations.items():
            nodes = self.three()
            for node in nodes:
                node.before = deviation
            with self.subTest(what), self.assertRaisesRegex(cluster_session.Deviation, what):
                self.run_with(nodes)


class Deadlines(WithNodes):
    def within(self, seconds, name, function, *args, **options):
        began = time.monotonic()
        error = self.fails(name, function, *args, timeout=seconds, **options)
        self.assertLess(time.monotonic() - began, seconds + 0.4)
        return error

    def test_nobody_there(self):
        for call in (lambda c: c.lookup, lambda c: c.lookup_or_start):
            self.within(0.9, "unreachable", call(self.client(nobody(self))), "counter", "a")
        self.within(1.0, "unreachable", self.client(nobody(self)).call, "counter", "a", "get")

    def test_somebody_there_who_says_nothing(self):
        node = self.node()
        node.deaf = True
        self.within(1.0, "unreachable", self.client(node).lookup, "counter", "a")

    def test_the_owner_falls_silent(self):
        nodes = [self.node("n1"), self.node("n2", incarnation=2000)]
        share(nodes, owner=lambda slot: 1)
        c = self.client(nodes[0])
        c.lookup_or_start("counter", "a")
        nodes[1].deaf = True
        self.within(0.9, "unreachable", c.lookup, "counter", "a")
        self.within(1.0, "unknown_outcome", c.call, "counter", "a", "increment")

    def test_the_owner_is_dead_and_nothing_was_sent(self):
        nodes = [self.node("n1"), FakeNode("n2", incarnation=2000)]
        share(nodes, owner=lambda slot: 1)
        nodes[1].close()
        self.within(1.0, "unreachable", self.client(nodes[0]).call, "counter", "a", "increment")

    def test_a_node_that_is_slow_but_there(self):
        node = self.node()
        c = self.client(node)
        node.before = lambda n, r: None if r.op == VIEW else SILENCE
        self.within(1.0, "deadline_exceeded", c.lookup, "counter", "a")
        self.assertEqual(len(node.ops(LOOKUP)), 1)  # it answered PINGs: no need to ask twice
        self.within(1.0, "unknown_outcome", c.call, "counter", "a", "get")

    def test_a_call_to_a_node_that_falls_silent_is_not_repeated(self):
        node = self.node()
        c = self.client(node)
        c.lookup_or_start("counter", "a")
        node.answers_ping = False
        node.before = lambda n, r: SILENCE if r.op == CALL else None
        self.within(1.5, "unknown_outcome", c.call, "counter", "a", "increment")
        self.assertEqual(len(node.ops(CALL)), 1)

    def test_a_late_reply_is_not_taken_for_the_next_one(self):
        node = self.node()
        c = self.client(node)
        c.lookup_or_start("counter", "a")
        late = []

        def keeps(n, r):
            if r.op != CALL:
                return None
            if not late:
                late.append(r.id)
                return SILENCE
            return [[5, 5, n.incarnation, [[late[0], 0, 1, False, msgpack.packb(666)]]]], None

        node.before = keeps
        self.within(0.3, "unknown_outcome", c.call, "counter", "a", "increment")
        self.assertEqual(c.call("counter", "a", "increment"), 1)

    def test_next_to_no_time(self):
        self.within(1e-6, "unreachable", self.client(self.node()).lookup, "counter", "a")


if __name__ == "__main__":
    unittest.main()
