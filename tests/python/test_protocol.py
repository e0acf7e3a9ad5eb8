"""What docs/protocol.md asks of a client, in virtual time: frames in, frames out. Run by ctest as python_client."""

import os
import sys
import unittest

import msgpack
import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), "client", "python")]

import reki  # noqa: E402
from fake_node import CALL, COUNT, GOODBYE, HELLO, LIST, LOOKUP, LOOKUP_OR_START, PING, PONG, REJECT  # noqa: E402
from fake_node import REPLY, REQUEST, SEND, SILENCE, VIEW, WATCH, WELCOME, NodeModel, share, slot_of  # noqa: E402
from network import ONE_WAY, Network  # noqa: E402
from reki import Client, RekiError  # noqa: E402

TRIP = 2 * ONE_WAY


def keyed(reply):
    """A `before` that gives this reply to all that concerns a key."""
    return lambda node, request: reply if request.op <= SEND else None


def only(op, *replies):
    """A `before` that gives these replies to the first requests of this operation."""
    left = list(replies)
    return lambda node, request: left.pop(0) if request.op == op and left else None


class InVirtualTime(unittest.TestCase):
    """n1 and n2 in view 5, which a coordinator has made; n1 owns every key, and has an actor for "a"."""

    def setUp(self):
        self.network = Network()
        self.network.__enter__()
        self.addCleanup(self.network.__exit__)
        self.n1, self.n2 = self.nodes = [NodeModel("n1", incarnation=1000), NodeModel("n2", incarnation=2000)]
        self.network.add(*self.nodes)
        self.share(5)

    def share(self, epoch, owner=0, to=None, among=None, term=1):
        share(to or self.nodes, epoch=epoch, owner=lambda slot: owner, term=term, among=among or self.nodes)

    def leaves(self, node, epoch=6):
        """The others go by a view without it; so does the node itself unless it hears nothing."""
        rest = [n for n in self.nodes if n is not node]
        share(rest if node.deaf else self.nodes, epoch=epoch, owner=lambda slot: 0, term=1, among=rest)

    def client(self, *nodes, cluster="shop", **options):
        client = Client([n.address for n in nodes or [self.n1]], cluster, **options)
        self.addCleanup(client.close)
        return client

    def ready(self, **options):
        """A client in session with n1, that knows the view."""
        client = self.client(**options)
        client.lookup_or_start("counter", "a")
        return client

    def fails(self, name, function, *args, **options):
        with self.assertRaises(RekiError) as caught:
            function(*args, **options)
        self.assertEqual(caught.exception.name, name, caught.exception)
        return caught.exception

    def took(self, function, *args, **options):
        began = self.network.now
        function(*args, **options)
        return self.network.now - began

    def requests(self, op, node=None):
        """(time, request) of each that the client has sent."""
        return [(time, frame[3][0]) for time, address, frame in self.network.sent
                if frame[0] == REQUEST and frame[3][0][1] == op and node in (None, self.network.nodes.get(address))]

    def times(self, op, node=None):
        return [time for time, _ in self.requests(op, node)]

    def value(self, node):
        return node.actors.get(("counter", b"a"), [0, 0])[1]


class Hello(InVirtualTime):
    def test_nothing_else_is_said_before_the_welcome(self):
        self.ready()
        self.assertEqual([frame[0] for _, _, frame in self.network.sent], [HELLO, REQUEST, REQUEST])
        self.assertEqual(len(self.requests(VIEW)), 1)

    def test_it_is_said_again_until_there_is_a_welcome(self):
        self.n1.deaf = True
        self.fails("unreachable", self.client().lookup, "counter", "a", timeout=2)
        times = self.network.times(HELLO)
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertGreaterEqual(len(times), 5)
        self.assertTrue(all(0.29 < gap < 0.6 for gap in gaps), gaps)
        self.assertEqual(self.network.frames(REQUEST), [])

    def test_a_slow_way_is_no_reason_to_give_up(self):
        self.n1.one_way = 0.12
        self.assertLess(self.took(self.ready), 2)
        self.assertEqual(len({r.id for r in self.n1.ops(VIEW)}), 1)

    def test_a_connection_that_was_lost_begins_with_it_again(self):
        c = self.ready()
        self.network.kill(self.n1)
        self.n1.forget_sessions()
        self.network.add(self.n1)
        self.assertFalse(c.lookup_or_start("counter", "a").started)
        self.assertEqual((len(self.n1.hellos), self.n1.rejects), (2, 0))

    def test_a_client_without_a_clusters_name_takes_any(self):
        self.assertEqual(self.client(cluster="").lookup_or_start("counter", "a").node, "n1")
        self.assertEqual(self.n1.hellos[0][4], "")

    def test_a_node_that_is_full_is_greeted_again_later_and_then_serves(self):
        for code in (40, 45):
            with self.subTest(code):
                self.setUp()
                self.share(5, owner=1)
                c = self.client()
                c.view()
                self.n2.reject_hello = (code, "not now")
                self.network.after(0.7, setattr, self.n2, "reject_hello", None)
                self.assertLess(self.took(c.call, "counter", "a", "increment"), 1.1)
                times = self.network.times(HELLO, self.n2.address)
                self.assertEqual(len(times), 4)
                self.assertTrue(all(b - a > 0.29 for a, b in zip(times, times[1:])), times)

    def test_a_node_that_stays_full_is_told_by_its_code(self):
        self.share(5, owner=1)
        c = self.client()
        c.view()
        self.n2.reject_hello = (40, "too many connections")
        for call in (c.lookup, lambda *a, **o: c.call(*a, "get", **o)):
            self.assertIn("too many", self.fails("overloaded", call, "counter", "a", timeout=1).text)

    def test_an_epoch_in_the_welcome_tells_of_a_newer_view(self):
        self.share(5, owner=1)
        c = self.client()
        c.view()
        self.share(6, owner=1)
        self.n2.on_frame = lambda n, route, f: None if f[0] == HELLO else []
        began = self.network.now
        self.fails("unknown_outcome", c.call, "counter", "a", "get", timeout=0.2)
        self.assertLess(self.times(VIEW)[1], began + 0.01)
        self.assertEqual(c.view().epoch, 6)


class Rejects(InVirtualTime):
    def swallow(self, *ops):
        """n1 reads requests of these operations, counts them as read, and says nothing."""
        self.n1.before = lambda node, request: SILENCE if request.op in ops else None

    def test_what_was_rejected_is_sent_again_under_its_id(self):
        c = self.ready()
        for code in (63, 64):
            rejects = [[REJECT, code, "who are you?"]]
            self.n1.on_frame = lambda n, route, f: [rejects.pop()] if f[0] == REQUEST and rejects else None
            hellos = len(self.n1.hellos)
            c.call("counter", "a", "increment")
            self.assertEqual(len(self.n1.hellos), hellos + 1)
        self.assertEqual(self.value(self.n1), 2)
        ids = [r[0] for _, r in self.requests(CALL)]
        self.assertEqual([ids[0], ids[2]], [ids[1], ids[3]])

    def test_the_rejects_before_a_welcome_count_from_the_last_request_on(self):
        """The first call was read by the process before, the second is rejected by this one."""
        c = self.ready()
        self.swallow(CALL)
        self.fails("unknown_outcome", c.call, "counter", "a", "increment", timeout=0.05)
        self.n1.before = lambda n, r: None
        self.n1.forget_sessions()
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        self.assertEqual(len(self.times(CALL)), 3)

    def test_a_call_that_no_reject_concerns_is_of_unknown_outcome_at_the_welcome(self):
        c = self.ready()
        self.swallow(CALL)
        self.network.after(0.05, self.n1.forget_sessions)
        self.assertLess(self.took(self.fails, "unknown_outcome", c.call, "counter", "a", "increment"), 0.2)
        self.assertEqual(len(self.times(CALL)), 1)

    def test_rejects_of_an_earlier_session_do_not_count_in_the_next(self):
        c = self.ready()
        self.n1.forget_sessions()
        c.call("counter", "a", "increment")  # rejected once
        self.swallow(CALL)
        self.network.after(0.05, self.n1.forget_sessions)
        self.fails("unknown_outcome", c.call, "counter", "a", "increment")
        self.assertEqual(len(self.times(CALL)), 3)

    def test_a_lookup_that_no_reject_concerns_is_sent_again(self):
        c = self.ready()
        self.n1.before = only(LOOKUP, SILENCE)
        self.network.after(0.05, self.n1.forget_sessions)
        self.assertLess(self.took(c.lookup, "counter", "a"), 0.2)
        (_, first), (_, second) = self.requests(LOOKUP)
        self.assertEqual(first[0], second[0])

    def test_a_call_in_doubt_at_a_node_that_now_refuses_the_connection_is_of_unknown_outcome(self):
        c = self.ready()
        self.swallow(CALL)
        self.n1.reject_hello = (40, "too many connections")
        self.network.after(0.05, self.n1.forget_sessions)
        error = None

        def call():
            nonlocal error
            error = self.fails("unknown_outcome", c.call, "counter", "a", "increment")

        self.assertLess(self.took(call), 0.2)
        self.assertIn("too many connections", error.text)

    def test_a_node_that_refuses_the_connection_is_greeted_again_later(self):
        c = self.ready()
        for code in (40, 45):
            with self.subTest(code):
                rejects = [[REJECT, code, "not now"]]
                self.n1.on_frame = lambda n, route, f: [rejects.pop()] if f[0] == REQUEST and rejects else None
                began = self.network.now
                c.lookup("counter", "a")
                hellos = self.network.times(HELLO)
                self.assertTrue(0.29 < hellos[-1] - began < 0.4, hellos)

    def test_a_reject_of_one_frame_is_its_error_and_the_session_goes_on(self):
        c = self.ready()
        for code, name in ((60, "malformed_frame"), (23, "too_large")):
            self.n1.on_frame = lambda n, route, f: [[REJECT, code, "what?"]] if f[0] == REQUEST else None
            self.fails(name, c.call, "counter", "a", "increment")
        self.n1.on_frame = lambda n, route, f: None
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        self.assertEqual(len(self.n1.hellos), 1)


class Goodbye(InVirtualTime):
    def closes(self, reads, op=CALL):
        """At the first request of `op` n1 says GOODBYE, with that request among those that it has read or not, and has
        left the view by then."""
        said = []

        def on_frame(node, route, frame):
            if said:
                return []
            if frame[0] != REQUEST or frame[3][0][1] != op:
                return None
            self.leaves(node)
            said.append(node.read.get(route, 0) + reads)
            return [[GOODBYE, said[0]]]

        self.n1.on_frame = on_frame
        return said

    def test_the_last_request_that_was_read_is_of_unknown_outcome_at_once(self):
        c = self.ready()
        self.closes(reads=1)
        self.assertLess(self.took(self.fails, "unknown_outcome", c.call, "counter", "a", "increment"), 0.01)
        self.assertEqual(len(self.times(CALL)), 1)

    def test_the_first_request_that_was_not_read_goes_elsewhere_at_once(self):
        c = self.ready()
        self.closes(reads=0)
        self.assertLess(self.took(c.call, "counter", "a", "increment"), 0.05)
        self.assertEqual(self.value(self.n2), 1)
        (_, first), (_, second) = self.requests(CALL)
        self.assertEqual(first[0], second[0])

    def with_pings(self):
        """A client that has sent PINGs in this session."""
        c = self.ready()
        self.n1.before = only(LOOKUP, SILENCE)
        self.fails("deadline_exceeded", c.lookup, "counter", "a", timeout=0.45)
        self.assertEqual(self.n1.pings, 4)
        return c

    def test_pings_are_counted_before_a_request_that_was_read(self):
        c = self.with_pings()
        self.assertEqual(self.closes(reads=1), [])
        self.fails("unknown_outcome", c.call, "counter", "a", "increment")
        self.assertEqual(len(self.times(CALL)), 1)

    def test_pings_are_counted_before_a_request_that_was_not_read(self):
        c = self.with_pings()
        self.closes(reads=0)
        c.call("counter", "a", "increment")
        self.assertEqual(self.value(self.n2), 1)

    def test_pings_after_the_request_are_behind_it(self):
        c = self.ready()
        waits = []

        def on_frame(node, route, frame):
            if frame[0] == REQUEST and frame[3][0][1] == CALL:
                waits.append(node.read[route] + 1)
                self.network.after(0.35, route.tell, [GOODBYE, waits[0]])
                return []
            return None

        self.n1.on_frame = on_frame
        self.fails("unknown_outcome", c.call, "counter", "a", "increment")
        self.assertGreaterEqual(self.n1.pings, 2)
        self.assertEqual(len(self.times(CALL)), 1)

    def again(self):
        """A client in its second session over one connection; the node counts from its last WELCOME."""
        c = self.ready()
        for _ in range(5):
            c.lookup("counter", "a")
        self.n1.forget_sessions()
        c.lookup("counter", "a")
        self.assertEqual((len(self.n1.hellos), len(self.network.sockets)), (2, 1))
        return c

    def test_the_count_begins_at_the_hello_for_a_request_that_was_read(self):
        c = self.again()
        counts = self.closes(reads=1)
        self.fails("unknown_outcome", c.call, "counter", "a", "increment")
        self.assertEqual((counts, len(self.times(CALL))), ([2], 1))

    def test_the_count_begins_at_the_hello_for_a_request_that_was_not_read(self):
        c = self.again()
        counts = self.closes(reads=0)
        c.call("counter", "a", "increment")
        self.assertEqual((counts, self.value(self.n2)), ([1], 1))

    def test_a_lookup_goes_elsewhere_whether_it_was_read_or_not(self):
        for reads in (0, 1):
            with self.subTest(reads):
                self.setUp()
                c = self.ready()
                self.closes(reads, op=LOOKUP_OR_START)
                self.assertLess(self.took(c.lookup_or_start, "counter", "a"), 0.05)
                self.assertIn(("counter", b"a"), self.n2.actors)

    def test_one_that_came_between_two_calls_is_heeded_by_the_next(self):
        c = self.ready()
        (route,) = self.network.sockets
        route.tell([GOODBYE, self.n1.read[route]])
        self.network.sleep(1)
        self.n1.deaf = True
        self.leaves(self.n1)
        self.assertEqual(self.client(self.n2).view().epoch, 6)
        c._addresses.append(self.n2.address)
        self.assertLess(self.took(c.call, "counter", "a", "increment"), 0.2)
        self.assertEqual(self.value(self.n2), 1)

    def test_replies_before_it_count(self):
        c = self.ready()

        def on_frame(node, route, frame):
            if frame[0] == REQUEST and frame[3][0][1] == CALL:
                return [*node._answer(route, frame), [GOODBYE, node.read[route]]]
            return None

        self.n1.on_frame = on_frame
        self.assertEqual(c.call("counter", "a", "increment"), 1)

    def test_after_it_the_connection_needs_a_new_hello(self):
        c = self.ready()
        (route,) = self.network.sockets
        route.tell([GOODBYE, self.n1.read[route]])
        self.network.sleep(1)
        self.n1.before = only(CALL, SILENCE)
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        self.assertEqual((len(self.times(CALL)), len(self.n1.hellos)), (2, 2))


class Pings(InVirtualTime):
    def test_a_node_that_answers_in_time_gets_none(self):
        c = self.ready()
        for _ in range(50):
            c.call("counter", "a", "increment")
        self.network.sleep(5)
        c.call("counter", "a", "increment")
        self.assertEqual(self.n1.pings, 0)

    def test_a_silent_node_gets_one_after_each_tenth_of_a_second(self):
        c = self.ready()
        self.n1.deaf = True
        began = self.network.now
        self.fails("unknown_outcome", c.call, "counter", "a", "increment", timeout=1)
        times = self.network.times(PING)
        self.assertEqual(len(times), 9)
        gaps = [b - a for a, b in zip([began, *times], times)]
        self.assertTrue(all(0.095 < gap < 0.125 for gap in gaps), gaps)
        self.assertEqual(len({frame[1] for frame in self.network.frames(PING)}), 9)

    def answers_pings(self, *frames):
        """n1 swallows calls, and answers PINGs with these; {nonce} stands for theirs."""

        def on_frame(node, route, frame):
            if frame[0] == PING:
                return [[part if part != "nonce" else frame[1] for part in answer] for answer in frames]
            return [] if frame[0] == REQUEST and frame[3][0][1] in (CALL, LOOKUP) else None

        self.n1.on_frame = on_frame

    def test_a_pong_of_epoch_0_asks_for_a_hello(self):
        c = self.ready()
        self.answers_pings([PONG, "nonce", 0])
        self.assertLess(self.took(self.fails, "unknown_outcome", c.call, "counter", "a", "increment"), 0.2)
        self.assertEqual(len(self.n1.hellos), 2)

    def test_a_pong_to_another_ping_says_nothing(self):
        c = self.ready()
        self.answers_pings([PONG, 4711, 0], [PONG, 4712, 99], [PONG, "nonce", 5])
        self.fails("unknown_outcome", c.call, "counter", "a", "increment", timeout=0.5)
        self.assertEqual(len(self.n1.hellos), 1)
        self.assertEqual(len(self.times(VIEW)), 1)

    def test_a_pong_of_a_higher_epoch_has_the_view_fetched_once(self):
        c = self.ready()
        self.answers_pings([PONG, "nonce", 6])
        self.share(6)
        self.n1.epoch = 5
        self.fails("unknown_outcome", c.call, "counter", "a", "increment", timeout=1)
        self.assertEqual(len(self.times(VIEW)), 2)
        self.assertEqual(c._view.epoch, 6)

    def test_a_lower_epoch_afterwards_takes_nothing_back(self):
        c = self.ready()

        def on_frame(node, route, frame):
            if frame[0] == PING:
                return [[PONG, frame[1], 6], *node._answer(route, owed.pop())] if owed else None
            if frame[0] == REQUEST and frame[3][0][1] == COUNT:
                owed.append(frame)
                return []
            return None

        owed = []
        self.share(6, to=[self.n1])
        self.n1.on_frame, self.n1.epoch = on_frame, 5
        self.assertEqual(c.count("counter"), 1)
        self.assertEqual(c.view().epoch, 6)

    def test_an_epoch_that_nobody_has_a_view_of_is_asked_for_once(self):
        c = self.ready()
        self.n1.epoch = 9
        for _ in range(10):
            c.call("counter", "a", "increment")
        self.assertEqual(len(self.times(VIEW)), 2)

    def test_a_lookup_is_sent_once_to_a_node_that_answers_pings(self):
        c = self.ready()
        self.n1.before = only(LOOKUP, SILENCE)
        self.fails("deadline_exceeded", c.lookup, "counter", "a", timeout=2)
        self.assertEqual(len(self.times(LOOKUP)), 1)

    def test_a_lookup_at_a_silent_node_is_sent_again_and_ends_as_unreachable(self):
        c = self.ready()
        self.n1.deaf = True
        self.fails("unreachable", c.lookup, "counter", "a", timeout=2)
        times = self.times(LOOKUP)
        self.assertTrue(5 <= len(times) <= 7, times)
        self.assertEqual(len({r[0] for _, r in self.requests(LOOKUP)}), 1)

    def test_a_node_that_has_said_nothing_since_the_request_is_unreachable(self):
        self.n1.before = lambda n, r: setattr(n, "deaf", True) or SILENCE if r.op == LOOKUP else None
        self.fails("unreachable", self.client().lookup, "counter", "a", timeout=0.25)

    def test_a_reply_of_an_earlier_incarnation_is_ignored(self):
        c = self.ready()
        late = []

        def on_frame(node, route, frame):
            if frame[0] == REQUEST and frame[3][0][1] == CALL:
                return [[REPLY, 5, 999, [[frame[3][0][0], 0, 1, False, msgpack.packb(666)]]], *node._answer(route, frame)]
            return None

        self.n1.on_frame = on_frame
        self.assertEqual((c.call("counter", "a", "increment"), late), (1, []))


class Redirects(InVirtualTime):
    def asked(self):
        return [(time, self.network.nodes[address].name) for time, address, frame in self.network.sent
                if frame[0] == REQUEST and frame[3][0][1] == CALL]

    def test_two_are_followed_at_once_and_then_there_is_a_wait(self):
        c = self.ready()
        self.n1.before, self.n2.before = keyed([46, "", 0, "n2"]), keyed([46, "", 0, "n1"])
        self.fails("wrong_node", c.call, "counter", "a", "increment", timeout=0.5)
        asked = self.asked()
        self.assertGreater(len(asked), 12)
        self.assertEqual([name for _, name in asked[:9]], ["n1", "n2", "n1"] * 3)
        gaps = [b - a for (a, _), (b, _) in zip(asked, asked[1:])]
        for first, second, third in zip(gaps[3:9:3], gaps[4:9:3], gaps[5:9:3]):
            self.assertLess(max(first, second), TRIP + 0.0005)
            self.assertGreater(third, TRIP + 0.0009)
        self.assertEqual(len({r[0] for _, r in self.requests(CALL)}), 1)

    def test_one_of_a_lower_epoch_is_not_followed(self):
        c = self.ready()
        self.n1.epoch = 4
        self.n1.before = only(CALL, *[[46, "", 0, "n2"]] * 5)
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        self.assertEqual(self.requests(CALL, self.n2), [])
        times = self.times(CALL, self.n1)
        self.assertEqual(len(times), 6)
        self.assertTrue(all(b - a > TRIP + 0.0009 for a, b in zip(times, times[1:])))

    def test_a_newer_view_knows_better_than_the_redirect(self):
        n3 = NodeModel("n3", incarnation=3000)
        self.network.add(n3)
        c = self.ready()
        share([*self.nodes, n3], epoch=6, owner=lambda slot: 2, term=1)
        self.n1.before = keyed([46, "", 0, "n2"])
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        self.assertEqual(self.requests(CALL, self.n2), [])
        self.assertEqual(len(self.requests(CALL, n3)), 1)

    def test_one_to_a_node_that_is_in_no_view_is_waited_out(self):
        c = self.ready()
        self.n1.before = only(CALL, *[[46, "", 0, "n9"]] * 4)
        self.assertEqual(c.call("counter", "a", "increment"), 1)


class Deadlines(InVirtualTime):
    def left(self, began, timeout, op=CALL):
        return [(began + timeout - time, request[2] / 1000) for time, request in self.requests(op)]

    def test_a_node_is_given_what_is_left_but_for_the_way_back(self):
        c = self.ready()
        for timeout, way in ((5.0, 0.02), (1.0, 0.02), (0.1, 0.01), (0.05, 0.005)):
            self.network.sent.clear()
            began = self.network.now
            c.call("counter", "a", "increment", timeout=timeout)
            ((left, remaining),) = self.left(began, timeout)
            self.assertAlmostEqual(remaining, left - way, delta=0.0011)
            self.assertLess(remaining, left - way + 1e-6)

    def test_the_time_that_is_left_shrinks_with_each_try(self):
        c = self.ready()
        self.n1.before = only(CALL, *[[44, "not yet"]] * 20)
        began = self.network.now
        c.call("counter", "a", "increment", timeout=2)
        given = self.left(began, 2)
        self.assertEqual(len(given), 21)
        for left, remaining in given:
            self.assertAlmostEqual(remaining, left - 0.02, delta=0.0011)
        self.assertLess(given[-1][1], given[0][1] - 0.05)

    def test_it_is_never_0(self):
        self.share(5, owner=1)
        c = self.client()
        c.view()
        began = self.network.now
        self.fails("unknown_outcome", c.call, "counter", "a", "increment", timeout=0.0029)  # 2 ms of it for the HELLO
        ((left, remaining),) = self.left(began, 0.0029)
        self.assertLess(left, 0.001)
        self.assertEqual(remaining, 0.001)

    def test_a_refused_call_is_not_sent_again_when_its_answer_would_be_late(self):
        for one_way, latest in ((0.04, 0.1), (0.01, 0.04)):
            with self.subTest(one_way):
                self.setUp()
                c = self.ready(timeout=9)
                self.n1.one_way = one_way
                self.n1.before = keyed([44, "no quorum"])
                least = []
                for n in range(20):
                    self.network.sent.clear()
                    began, timeout = self.network.now, 1 + n * 0.007
                    error = self.fails("unavailable", c.call, "counter", "a", "increment", timeout=timeout)
                    self.assertIn("no quorum", error.text)
                    least.append(min(left for left, _ in self.left(began, timeout)))
                self.assertGreaterEqual(min(least), latest)
                self.assertLess(min(least), latest + 0.06)

    def test_a_refused_lookup_is_tried_to_the_end_and_ends_with_the_last_refusal(self):
        c = self.ready()
        self.n1.before = only(LOOKUP, *[[44, "first"]] * 5, *[[44, "last"]] * 999)
        began = self.network.now
        self.assertIn("last", self.fails("unavailable", c.lookup, "counter", "a", timeout=1).text)
        self.assertGreater(self.network.now - began, 0.99)
        self.assertLessEqual(self.network.now - began, 1)

    def test_a_refused_lookup_is_tried_to_the_end_however_long_the_way(self):
        c = self.ready()
        self.n1.one_way = 0.04
        self.n1.before = keyed([44, "no quorum"])
        for n in range(10):
            took = self.took(self.fails, "unavailable", c.lookup, "counter", "a", timeout=1 + n * 0.013)
            self.assertGreater(took, 0.99 + n * 0.013)

    def test_a_refusal_comes_before_the_deadline(self):
        c = self.ready()
        for node in self.nodes:
            node.before = keyed([44, "no quorum"])
        for n in range(30):
            timeout = 0.2 + n * 0.003
            took = self.took(self.fails, "unavailable", c.lookup_or_start, "counter", "a", timeout=timeout)
            self.assertLessEqual(took, timeout + 0.0002)

    def test_the_last_refusal_stands_when_the_node_is_silent_afterwards(self):
        c = self.ready()
        self.n1.before = lambda n, r: (setattr(n, "deaf", True), [44, "no quorum"])[1] if r.op == LOOKUP else None
        self.fails("unavailable", c.lookup, "counter", "a", timeout=1)

    def test_a_call_that_was_never_sent_is_unreachable(self):
        c = self.ready()
        self.network.kill(self.n1)
        self.fails("unreachable", c.call, "counter", "a", "increment", timeout=1)
        self.assertEqual(self.requests(CALL), [])

    def test_a_call_or_send_whose_connection_ends_is_of_unknown_outcome_at_once(self):
        for op, name in ((CALL, "call"), (SEND, "send")):
            with self.subTest(name):
                self.setUp()
                c = self.ready()
                self.n1.before = only(op, SILENCE)
                self.network.after(0.05, self.network.kill, self.n1)
                took = self.took(self.fails, "unknown_outcome", getattr(c, name), "counter", "a", "increment")
                self.assertLess(took, 0.06)

    def test_a_connection_that_is_lost_while_something_is_sent_is_tried_again(self):
        c = self.ready()
        (connection,) = self.network.sockets
        send, failures = connection.send, [zmq.Again(), zmq.Again()]

        def fails_at_first(data):
            if failures:
                raise failures.pop()
            send(data)

        connection.send = fails_at_first
        self.assertEqual(c.call("counter", "a", "increment"), 1)

    def test_what_nobody_owns_is_waited_for(self):
        c = self.ready()
        self.share(6, owner=0xFFFF)
        self.n1.before = keyed([44, "nobody's"])
        self.network.after(0.3, lambda: (self.share(7), setattr(self.n1, "before", lambda n, r: None)))
        self.assertLess(self.took(c.call, "counter", "a", "increment"), 0.5)


class Waits(InVirtualTime):
    def test_they_grow_from_2_to_50_ms_and_each_is_used_8_times(self):
        c = self.ready()
        self.n1.before = keyed([44, "not yet"])
        self.network.slept.clear()
        self.fails("unavailable", c.lookup, "counter", "a", timeout=3)
        waits = self.network.slept[:-1]  # the last one ends with the deadline
        self.assertGreater(len(waits), 70)
        for n, wait in enumerate(waits):
            whole = min(0.05, 0.002 * 2 ** (n // 8))
            self.assertTrue(whole / 2 <= wait <= whole, (n, wait))
        self.assertGreater(max(waits), 0.04)
        self.assertGreater(len(set(waits)), 60)

    def test_meanwhile_a_newer_view_is_asked_for_every_10_to_20_ms_of_each_node_in_turn(self):
        c = self.ready()
        self.n1.before = keyed([44, "not yet"])
        self.network.sent.clear()
        self.fails("unavailable", c.lookup, "counter", "a", timeout=1)
        times = self.times(VIEW)
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertGreaterEqual(min(gaps), 0.01)
        self.assertLess(max(gaps), 0.08)  # a wait of up to 50 ms comes between
        self.assertGreater(len(times), 15)
        by_node = [len(self.times(VIEW, node)) for node in self.nodes]
        self.assertLessEqual(abs(by_node[0] - by_node[1]), 1)

    def test_a_newer_view_ends_the_wait(self):
        c = self.ready()
        self.n1.before = keyed([45, "closing"])
        self.network.after(0.3, lambda: share([self.n2], epoch=6, owner=lambda slot: 0, term=1))
        self.assertLess(self.took(c.call, "counter", "a", "increment"), 0.42)
        self.assertEqual(self.value(self.n2), 1)

    def test_an_older_view_than_ours_is_of_no_use(self):
        c = self.ready()
        self.share(4, owner=1, to=[self.n2])
        self.n1.before = keyed([44, "not yet"])
        self.network.after(0.3, setattr, self.n1, "before", lambda n, r: None)
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        self.assertGreater(len(self.times(VIEW, self.n2)), 2)
        self.assertEqual((c.view().epoch, self.requests(CALL, self.n2)), (5, []))

    def test_what_concerns_one_node_waits_too(self):
        c = self.ready()
        self.n1.before = only(COUNT, [44, "not yet"], [45, "closing"])
        self.assertEqual(c.count("counter"), 1)
        self.n1.before = only(LIST, [44, "not yet"])
        self.assertEqual(list(c.list("counter")), ["a"])
        self.n1.before = lambda n, r: [44, "no quorum"] if r.op == COUNT else None
        self.fails("unavailable", c.count, "counter", timeout=0.2)
        self.n1.before = lambda n, r: [24, "a foreign cursor"] if r.op == LIST else None
        self.fails("invalid_argument", list, c.list("counter"))


class InDoubt(InVirtualTime):
    """A call whose node has not answered, and the views meanwhile."""

    def setUp(self):
        super().setUp()
        self.n3 = NodeModel("n3", incarnation=3000)
        self.nodes.append(self.n3)
        self.network.add(self.n3)
        self.share(5)

    def freeze(self, node=None, op=CALL):
        """n1 is handed the request, and does nothing more."""
        self.n1.before = lambda n, r: (setattr(n, "deaf", True), SILENCE)[1] if r.op == op else None

    def call(self, timeout=10, c=None):
        c = c or self.ready()
        self.network.sent.clear()
        return self.took(self.fails, "unknown_outcome", c.call, "counter", "a", "increment", timeout=timeout)

    def test_it_ends_when_the_silent_node_has_left_the_view(self):
        self.freeze()
        self.network.after(1.0, self.leaves, self.n1)
        took = self.call()
        self.assertGreater(took, 0.9)
        self.assertLess(took, 1.05)
        self.assertEqual(len(self.times(CALL)), 1)

    def test_it_ends_when_the_view_has_another_incarnation_of_the_silent_node(self):
        self.freeze()

        def restarts():
            self.n1.incarnation = 1001
            share([self.n2, self.n3], epoch=6, owner=lambda slot: 0, term=1, among=self.nodes)

        self.network.after(1.0, restarts)
        self.assertLess(self.call(), 1.05)

    def test_the_others_are_asked_in_turn_once_the_silence_is_long(self):
        self.freeze()
        c = self.ready()
        began = self.network.now
        self.call(timeout=2, c=c)
        times = self.times(VIEW)
        self.assertGreater(times[0], began + 0.25)
        self.assertLess(times[0], began + 0.45)
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertGreaterEqual(min(gaps), 0.01)
        self.assertLess(max(gaps), 0.035)
        by_node = [len(self.times(VIEW, node)) for node in self.nodes]
        self.assertEqual(by_node[0], 0)
        self.assertLess(abs(by_node[1] - by_node[2]), 0.5 * len(times))
        self.assertGreater(min(by_node[1:]), 5)

    def test_another_silent_node_keeps_no_view_away(self):
        self.freeze()
        c = self.ready()
        self.n2.deaf = True

        def n1_leaves():
            share([self.n3], epoch=6, owner=lambda slot: 0, term=1, among=[self.n2, self.n3])

        self.network.after(1.0, n1_leaves)
        self.assertLess(self.call(c=c), 1.2)

    def test_a_node_that_is_still_in_the_view_is_waited_for(self):
        self.freeze()
        self.assertAlmostEqual(self.call(timeout=3), 3, delta=0.01)

    def test_an_answer_after_a_long_silence_counts(self):
        c = self.ready()

        def on_frame(node, route, frame):
            if frame[0] == REQUEST and frame[3][0][1] == CALL:
                self.network.after(1.5, lambda: route.tell(*node._answer(route, frame)))
                return []
            return [] if frame[0] == PING else None

        self.n1.on_frame = on_frame
        self.assertAlmostEqual(self.took(c.call, "counter", "a", "increment"), 1.5, delta=0.1)
        self.assertEqual(self.value(self.n1), 1)

    def test_an_answer_that_comes_together_with_the_view_counts(self):
        c = self.ready()
        late = []

        def n1_is_silent(node, route, frame):
            if frame[0] == REQUEST and frame[3][0][1] == CALL:
                late.extend([route, node._answer(route, frame)])
            return []

        def n2_tells_of_the_view(node, request):
            if request.op == VIEW and self.network.now > began + 1 and late:
                route, answer = late
                route.tell(*answer, one_way=0)
                late.clear()
                self.leaves(self.n1)

        self.n1.on_frame, self.n2.before = n1_is_silent, n2_tells_of_the_view
        self.n1.deaf = False
        began = self.network.now
        self.assertEqual(c.call("counter", "a", "increment", timeout=10), 1)
        self.assertLess(self.network.now - began, 1.1)
        self.assertEqual(c.view().epoch, 6)

    def slow(self, seconds, leaves=True):
        """n1 answers the call after so long, PINGs at once; the view without it comes after 0.2 s."""
        c = self.ready()

        def on_frame(node, route, frame):
            if frame[0] == REQUEST and frame[3][0][1] == CALL:
                self.network.after(seconds, lambda: route.tell(*node._answer(route, frame)))
                return []
            return None

        self.n1.on_frame = on_frame
        if leaves:
            self.network.after(0.2, self.leaves, self.n1)
        return c

    def test_the_last_replies_of_a_node_that_has_left_and_answers_pings_are_waited_for(self):
        c = self.slow(0.8)
        self.assertEqual(c.call("counter", "a", "increment", timeout=10), 1)

    def test_but_not_for_ever(self):
        took = self.call(c=self.slow(5))
        self.assertGreater(took, 1.1)
        self.assertLess(took, 1.5)

    def test_a_node_that_is_let_in_again_is_waited_for_as_before(self):
        c = self.slow(2.5)
        self.network.after(0.7, self.share, 7)
        self.network.after(2.1, self.leaves, self.n1, 8)  # and its last replies are waited for anew
        self.assertEqual(c.call("counter", "a", "increment", timeout=10), 1)

    def test_a_view_made_from_a_config_says_nothing_about_incarnations(self):
        self.share(5, term=0)
        self.n1.restart()
        c = self.slow(2.0, leaves=False)
        self.assertEqual(c.call("counter", "a", "increment", timeout=10), 1)

    def test_an_incarnation_that_the_view_does_not_know_may_be_any(self):
        incarnation, self.n1.incarnation = self.n1.incarnation, 0
        self.share(6)
        self.n1.incarnation = incarnation
        c = self.slow(2.0, leaves=False)
        self.assertEqual(c.call("counter", "a", "increment", timeout=10), 1)

    def test_a_lookup_goes_on_at_the_new_owner_under_its_id(self):
        c = self.ready()
        self.freeze(op=LOOKUP_OR_START)
        self.network.after(1.0, self.leaves, self.n1)
        self.network.sent.clear()
        self.assertLess(self.took(c.lookup_or_start, "counter", "a"), 1.4)
        self.assertEqual(len({r[0] for _, r in self.requests(LOOKUP_OR_START)}), 1)
        self.assertEqual(len(self.times(LOOKUP_OR_START, self.n2)), 1)

    def test_a_lookup_held_by_a_node_that_has_left_goes_elsewhere_after_its_last_replies(self):
        c = self.ready()
        self.n1.before = only(LOOKUP_OR_START, SILENCE)
        self.network.after(0.2, self.leaves, self.n1)
        took = self.took(c.lookup_or_start, "counter", "a", timeout=10)
        self.assertGreater(took, 1.1)
        self.assertLess(took, 1.5)
        self.assertIn(("counter", b"a"), self.n2.actors)

    def test_connections_to_it_are_closed(self):
        self.freeze()
        c = self.ready()
        c._addresses[:] = [self.n2.address]
        self.network.after(1.0, self.leaves, self.n1)
        self.call(c=c)
        self.assertEqual({s.closed for s in self.network.sockets if s.address == self.n1.address}, {True})
        self.assertEqual({s.closed for s in self.network.sockets if s.address != self.n1.address}, {False})


class Fences(InVirtualTime):
    def setUp(self):
        super().setUp()
        self.c = self.ready()
        self.fence = self.c.lookup("counter", "a").fence

    def test_they_are_remembered_across_newer_views(self):
        for epoch in (6, 7):
            self.share(epoch)
            self.assertEqual(self.c.view().epoch, epoch - 1)
            self.c.describe()
            self.assertEqual(self.c.view().epoch, epoch)
            self.n1.before = lambda n, r: [0, self.fence - 1] if r.op <= SEND else None
            self.assertIn("has been seen", self.fails("unavailable", self.c.lookup, "counter", "a", timeout=0.3).text)
            self.fails("unknown_outcome", self.c.call, "counter", "a", "increment")
            self.n1.before = lambda n, r: None

    def test_the_same_and_a_higher_one_count(self):
        for fence in (self.fence, self.fence + 1, self.fence + 1):
            self.n1.before = keyed([0, fence])
            self.assertEqual(self.c.lookup("counter", "a").fence, fence)
        self.n1.before = keyed([0, self.fence])
        self.fails("unavailable", self.c.lookup, "counter", "a", timeout=0.1)

    def meanwhile(self, op, function):
        """The answer has the old fence; a higher one is seen, in another thread, while the request is under way."""

        def before(node, request):
            if request.op == op:
                self.c._fences["counter", b"a"] = self.fence + 5
            return None

        self.n1.before = before
        return function()

    def test_a_call_counts_that_was_overtaken_by_another_answer(self):
        self.assertEqual(self.meanwhile(CALL, lambda: self.c.call("counter", "a", "increment")), 1)
        self.assertEqual(self.c._fences["counter", b"a"], self.fence + 5)
        self.fails("unknown_outcome", self.c.call, "counter", "a", "increment")

    def test_a_lookup_does_not(self):
        self.fails("unavailable", self.meanwhile, LOOKUP, lambda: self.c.lookup("counter", "a", timeout=0.2))

    def test_a_view_from_a_config_goes_by_none(self):
        self.share(6, term=0)
        self.c.describe()
        self.c.view()
        self.n1.before = keyed([0, self.fence - 1])
        self.assertEqual(self.c.lookup("counter", "a").fence, self.fence - 1)


class Incarnations(InVirtualTime):
    def test_one_that_has_just_joined_counts_by_its_higher_epoch(self):
        c = self.ready()
        self.n1.restart()
        self.share(6)
        self.assertEqual(c.call("counter", "a", "increment"), 1)

    def test_what_one_that_the_view_does_not_name_says_of_its_actors_does_not_count(self):
        c = self.ready()
        self.n1.restart()
        self.fails("unavailable", c.count, "counter", timeout=0.2)
        self.assertEqual(c.status()["n1"]["node"], "n1")
        self.n1.before = keyed([1, "not running"])
        self.fails("unavailable", c.lookup, "counter", "a", timeout=0.2)
        self.fails("unknown_outcome", c.call, "counter", "a", "get", timeout=0.2)
        self.n1.before = keyed([46, "", 0, "n2"])
        self.assertEqual(c.call("counter", "a", "increment"), 1)
        self.assertEqual(self.value(self.n2), 1)


class Watching(InVirtualTime):
    def watch(self, *answers, node=None, type="counter", key="a", timeout=60.0, client=None):
        """`node` answers with these, one after the other: [sequence, event, ...], at the end at the last moment with
        nothing."""
        self.answer(node or self.n1, *answers)
        return (client or self.client(self.n2)).watch(type, key, timeout=timeout)

    def answer(self, node, *answers, forever=False):
        left = list(answers)

        def on_frame(node, route, frame):
            if frame[0] != REQUEST or frame[3][0][1] != WATCH:
                return None
            id, _, remaining_ms, *_, args = frame[3][0]
            node.read[route] += 1

            def reply(sequence, *events):
                return [REPLY, node.epoch, node.incarnation, [[id, 0, 0, False, msgpack.packb([node.incarnation, sequence, events])]]]

            if left:
                said = left[0] if forever else left.pop(0)
                return [[REPLY, node.epoch, node.incarnation, [[id, *said]]] if isinstance(said, tuple) else reply(*said)]
            self.network.after(remaining_ms / 1000, route.tell, reply(msgpack.unpackb(args)[1]))
            return []

        node.on_frame = on_frame

    def take(self, watch, count):
        return [(e.kind, e.reason, e.node) for e in (next(watch) for _ in range(count))]

    def drain(self, watch):
        return [(e.kind, e.node) for e in watch]

    def asked(self, node=None):
        """(time, position) of each question to the node."""
        return [(time, msgpack.unpackb(request[6])) for time, request in self.requests(WATCH, node)]

    RUNNING, STOPPED, ENDED = [10, 0, 0, b"a", 7], [3, 4, 0, b"a", 7], [23, 0, 0]

    def test_ended_is_told_once_and_the_node_is_left_alone(self):
        watch = self.watch(timeout=4.5)
        self.answer(self.n1, [1, self.RUNNING], *[[2, self.ENDED]] * 99)
        self.assertEqual(self.drain(watch), [("running", "n1"), ("ended", "n1")])
        times = [time for time, _ in self.asked(self.n1)]
        self.assertTrue(5 <= len(times) <= 7, times)
        self.assertTrue(all(b - a > 0.9 for a, b in zip(times[1:], times[2:])), times)

    def test_after_ended_views_are_asked_for_and_the_next_owner_is_asked_at_once(self):
        watch = self.watch()
        self.answer(self.n1, [1, self.RUNNING], [3, self.STOPPED, self.ENDED], forever=False)
        self.assertEqual(self.take(watch, 3), [("running", "none", "n1"), ("stopped", "closing", "n1"), ("ended", "none", "n1")])
        self.answer(self.n2, [9, [11, 0, 0, b"a"]])
        began = self.network.now
        self.network.after(0.3, self.leaves, self.n1)
        self.assertEqual(self.take(watch, 2), [("moved", "moved", "n2"), ("not_running", "none", "n2")])
        self.assertLess(self.network.now - began, 0.34)
        self.assertEqual([position for _, position in self.asked(self.n2)], [[0, 0]])
        self.assertEqual(len(self.asked(self.n1)), 2)

    def test_a_node_that_has_ended_and_is_back_is_asked_from_where_it_was(self):
        watch = self.watch([1, self.RUNNING], [2, self.ENDED])
        self.take(watch, 2)
        self.n1.incarnation = 1001
        self.share(6)
        self.answer(self.n1, [1, [20, 21, 0], [11, 0, 0, b"a"]])
        began = self.network.now
        self.assertEqual(self.take(watch, 2), [("missed", "node_restarted", "n1"), ("not_running", "none", "n1")])
        self.assertLess(self.network.now - began, 0.1)
        self.assertEqual(self.asked(self.n1)[-1][1], [1000, 2])

    def test_of_a_type_the_other_nodes_are_asked_on_and_the_end_of_one_that_has_ended_is_not_missed(self):
        watch = self.watch([1, [21, 0, 0]], *[[2, self.ENDED]] * 9, key="")
        self.answer(self.n2, [1, [21, 0, 0]])
        self.assertEqual(self.take(watch, 3), [("watching", "none", "n1"), ("watching", "none", "n2"), ("ended", "none", "n1")])
        self.network.after(0.5, self.leaves, self.n1)
        self.network.after(0.8, self.answer, self.n2, [2, [1, 0, 0, b"b", 8]])
        began = self.network.now
        self.assertEqual(self.take(watch, 1), [("started", "none", "n2")])
        self.assertLess(self.network.now - began, 3)
        self.assertEqual(len(self.asked(self.n1)), 2)

    def test_a_node_that_is_gone_without_it_is_missed(self):
        watch = self.watch([1, [21, 0, 0]], key="")
        self.answer(self.n2, [1, [21, 0, 0]])
        self.take(watch, 2)
        self.leaves(self.n1)
        self.assertEqual(self.take(watch, 1), [("missed", "node_lost", "n1")])

    def test_a_first_answer_of_a_node_that_is_behind_gives_no_position(self):
        """n1 goes by view 4 still, in which the key is another's."""
        watch = self.watch([77, [22, 0, 0, b"", 0, "", 0, "n2", 4]], [3, self.RUNNING])
        began = self.network.now
        self.assertEqual(self.take(watch, 1), [("running", "none", "n1")])
        self.assertLess(self.network.now - began, 0.15)
        self.assertEqual([position for _, position in self.asked(self.n1)], [[0, 0], [0, 0]])
        self.assertEqual(self.asked(self.n2), [])

    def test_a_later_answer_of_a_node_that_is_behind_does(self):
        watch = self.watch([1, self.RUNNING], [5, self.STOPPED, [22, 0, 0, b"", 0, "", 0, "n2", 4]], [6, [1, 0, 0, b"a", 9]])
        self.assertEqual([kind for kind, *_ in self.take(watch, 3)], ["running", "stopped", "started"])
        self.assertEqual([position for _, position in self.asked(self.n1)], [[0, 0], [1000, 1], [1000, 5]])

    def test_a_node_that_stays_behind_is_not_asked_in_a_spin(self):
        watch = self.watch(timeout=1)
        self.answer(self.n1, [77, [22, 0, 0, b"", 0, "", 0, "n2", 4]], forever=True)
        self.assertEqual(self.drain(watch), [])
        self.assertLess(len(self.asked(self.n1)), 25)

    def test_a_move_is_followed_with_a_view_of_at_least_its_epoch_and_the_node_not_asked_meanwhile(self):
        watch = self.watch([1, self.RUNNING], *[[2, [22, 0, 0, b"", 0, "", 0, "n2", 7]]] * 9)
        self.take(watch, 1)
        self.answer(self.n2, [9, self.RUNNING])
        self.network.after(0.4, self.share, 7, 1)
        began = self.network.now
        self.assertEqual(self.take(watch, 2), [("moved", "moved", "n2"), ("running", "none", "n2")])
        self.assertLess(self.network.now - began, 0.45)
        self.assertEqual(len(self.asked(self.n1)), 2)
        self.assertEqual(self.asked(self.n2)[0][1], [0, 0])

    def test_a_move_by_a_view_that_the_next_one_takes_back(self):
        watch = self.watch([1, self.RUNNING], [2, [22, 0, 0, b"", 0, "", 0, "n2", 6]], [3, self.STOPPED])
        self.take(watch, 1)
        self.network.after(0.1, self.share, 7, 0)
        self.assertEqual(self.take(watch, 1), [("stopped", "closing", "n1")])
        self.share(8, owner=1)  # and n1 has the actor still
        self.answer(self.n1, [4, [1, 0, 0, b"a", 9]], [5, self.STOPPED])
        self.assertEqual(self.take(watch, 2), [("started", "none", "n1"), ("stopped", "closing", "n1")])
        self.assertEqual(self.asked(self.n2), [])

    def test_a_move_by_a_view_that_is_not_there_yet_is_not_followed_by_an_older_one(self):
        watch = self.watch([1, self.RUNNING])
        self.take(watch, 1)
        self.share(6, owner=1)
        self.answer(self.n1, [2, self.STOPPED, [22, 0, 0, b"", 0, "", 0, "n2", 7]])
        self.answer(self.n2, [9, [11, 0, 0, b"a"]])
        self.take(watch, 1)
        began = self.network.now
        self.network.after(0.3, self.share, 7, 1)
        self.assertEqual(self.take(watch, 1), [("moved", "moved", "n2")])
        self.assertGreater(self.network.now - began, 0.29)

    def test_a_node_that_has_the_actor_still_is_asked_on_in_a_newer_view(self):
        watch = self.watch([1, self.RUNNING])
        self.take(watch, 1)
        self.share(6, owner=1)
        self.answer(self.n1, [2, self.STOPPED])
        self.assertEqual(self.take(watch, 1), [("stopped", "closing", "n1")])
        self.assertEqual(self.asked(self.n2), [])

    def test_events_of_a_later_version_are_passed_over(self):
        watch = self.watch([2, [77, 0, 0, b"a"], self.RUNNING, [99]])
        self.assertEqual(self.take(watch, 1), [("running", "none", "n1")])

    def test_a_node_that_does_not_know_yet_is_asked_again(self):
        watch = self.watch((44, "on its way"), (44, "on its way"), [2, self.RUNNING])
        self.assertLess(self.took(self.take, watch, 1), 0.3)
        self.assertEqual(len(self.asked(self.n1)), 3)

    def test_an_answer_of_an_incarnation_that_the_view_does_not_name_is_none(self):
        watch = self.watch([1, self.RUNNING])
        self.take(watch, 1)
        self.n1.incarnation = 1001
        self.n1.forget_sessions()
        self.answer(self.n1, *[[9, self.STOPPED]] * 99)
        self.network.after(0.5, self.share, 6)
        began = self.network.now
        self.take(watch, 1)
        self.assertGreater(self.network.now - began, 0.49)
        self.assertEqual(self.asked(self.n1)[-1][1], [1000, 1])

    def test_who_hears_nothing_for_a_second_is_told_so_and_when_it_is_over(self):
        watch = self.watch([1, self.RUNNING])
        self.take(watch, 1)
        self.n1.deaf = True
        began = self.network.now
        self.assertEqual(self.take(watch, 1), [("unwatched", "none", "n1")])
        self.assertTrue(1.0 < self.network.now - began < 3.7, self.network.now - began)
        self.n1.deaf = False
        self.assertEqual(self.take(watch, 1), [("watching", "none", "n1")])


if __name__ == "__main__":
    unittest.main()
