"""One client in several threads, and after fork(). Run by ctest as python_client."""

import os
import subprocess
import sys
import threading
import unittest
from unittest import mock

import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "client", "python")]

import reki  # noqa: E402
from fake_node import CALL, SILENCE, VIEW, FakeNode, share  # noqa: E402
from reki import Client, RekiError  # noqa: E402

LONG = 60  # seconds; nothing takes as long unless it hangs


class Thread:
    """Runs the function; `result` is what it returned or raised."""

    def __init__(self, function, *args, **options):
        def run():
            try:
                self.result = function(*args, **options)
            except Exception as e:
                self.result = e

        self.result = None
        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def wait(self):
        self._thread.join(LONG)
        if self._thread.is_alive():
            raise AssertionError("the thread hangs")
        return self.result

    @property
    def runs(self):
        return self._thread.is_alive()


class WithNode(unittest.TestCase):
    def setUp(self):
        for name in ("SILENCE_MAX", "VIEW_ANSWER_MAX"):  # however busy the machine is
            patch = mock.patch.object(reki, name, LONG)
            patch.start()
            self.addCleanup(patch.stop)
        self.node = FakeNode("n1")
        self.addCleanup(self.node.close)
        share([self.node])
        self.client = Client([self.node.address], "shop", timeout=LONG)
        self.addCleanup(self.client.close)

    def hold(self, key):
        """The node reads calls of this key and says nothing. Returns the event of the first one."""
        held = threading.Event()
        answer = self.node.before

        def before(node, request):
            if request.op == CALL and request.key == key.encode():
                held.set()
                return SILENCE
            return answer(node, request)

        self.node.before = before
        return held


class Threads(WithNode):
    def test_each_call_of_each_thread_is_answered_right(self):
        def count(key):
            return [self.client.call("counter", key, "increment") for _ in range(150)]

        threads = [Thread(count, f"k{n}") for n in range(4)]
        for thread in threads:
            self.assertEqual(thread.wait(), list(range(1, 151)))
        self.assertEqual(len(self.node.ops(CALL)), 600)
        self.assertEqual(len({request.id for request in self.node.requests}), len(self.node.requests))

    def test_calls_to_one_actor_are_all_executed_once(self):
        def count():
            return [self.client.call("counter", "a", "increment") for _ in range(100)]

        threads = [Thread(count) for _ in range(4)]
        values = [value for thread in threads for value in thread.wait()]
        self.assertEqual(sorted(values), list(range(1, 401)))

    def test_a_call_that_waits_holds_nobody_up(self):
        held = self.hold("slow")
        slow = Thread(self.client.call, "counter", "slow", "get")
        self.assertTrue(held.wait(LONG))
        for n in range(20):
            self.assertEqual(self.client.call("counter", "a", "increment"), n + 1)
        self.assertEqual(list(self.client.list("counter")), ["a"])
        self.assertTrue(slow.runs)
        self.node.restart()  # which the next PING tells
        self.assertEqual(slow.wait().name, "unknown_outcome")

    def test_threads_one_after_the_other_use_one_connection(self):
        for _ in range(10):
            Thread(self.client.lookup_or_start, "counter", "a").wait()
        self.assertEqual(len(self.node.hellos), 1)

    def test_threads_at_once_have_no_more_connections_than_there_are_threads(self):
        def count():
            for _ in range(50):
                self.client.call("counter", "a", "increment")

        for thread in [Thread(count) for _ in range(4)]:
            self.assertIsNone(thread.wait())
        self.assertLessEqual(len(self.node.sessions), 5)  # and one that asks for the view

    def test_the_first_view_is_asked_for_once(self):
        barrier = threading.Barrier(8)

        def look():
            barrier.wait(LONG)
            return self.client.view().epoch

        threads = [Thread(look) for _ in range(8)]
        self.assertEqual([thread.wait() for thread in threads], [5] * 8)
        self.assertEqual(len(self.node.ops(VIEW)), 1)

    def test_each_newer_view_is_asked_for_once(self):
        self.client.view()
        for epoch in (6, 7, 8):
            share([self.node], epoch=epoch)
            threads = [Thread(lambda: [self.client.call("counter", "a", "get") for _ in range(20)]) for _ in range(4)]
            for thread in threads:
                self.assertEqual(thread.wait(), [0] * 20)
            self.assertEqual(self.client.view().epoch, epoch)
        self.assertLessEqual(len(self.node.ops(VIEW)), 4)

    def test_who_waits_for_the_first_view_in_vain_says_so_by_the_deadline(self):
        asked = threading.Event()
        self.node.before = lambda n, r: (asked.set(), SILENCE)[1] if r.op == VIEW else None
        first = Thread(self.client.view)
        self.assertTrue(asked.wait(LONG))
        with self.assertRaises(RekiError) as caught:
            self.client.view(timeout=0.1)
        self.assertEqual(caught.exception.name, "unreachable")
        self.client.close()
        self.assertIsInstance(first.wait(), RuntimeError)


class Closing(WithNode):
    def test_a_call_under_way_ends_when_another_thread_closes_the_client(self):
        held = self.hold("slow")
        slow = Thread(self.client.call, "counter", "slow", "get")
        self.assertTrue(held.wait(LONG))
        self.assertIsNone(Thread(self.client.close).wait())
        self.assertIsInstance(slow.wait(), RuntimeError)
        self.assertIn("closed", str(slow.result))

    def test_a_socket_can_be_closed_that_knows_of_the_end_of_its_context(self):
        context = zmq.Context()
        socket = reki._Socket(context, self.node.address)
        term = Thread(context.term)
        with self.assertRaises(zmq.ContextTerminated):
            while True:
                socket.dealer.poll(10)
        socket.close()
        self.assertIsNone(term.wait())

    def test_a_closed_client_says_so(self):
        self.client.call("counter", "a", "increment")
        watch = self.client.watch("counter", "a")
        for _ in range(2):
            self.client.close()
            for call in (lambda: self.client.lookup("counter", "a"), self.client.describe,
                         lambda: next(self.client.watch("counter", "a"))):
                with self.assertRaisesRegex(RuntimeError, "closed"):
                    call()
        self.assertRaisesRegex(RuntimeError, "closed", next, watch)


IN_A_CHILD = """
import os, signal, sys, threading, time
sys.path.insert(0, sys.argv[1])
import reki
from reki import Client, RekiError
signal.alarm(60)
client = Client([sys.argv[2]], cluster="shop", timeout=50)
for key in "abc": client.call("counter", key, "increment")
keys = client.list("counter", page=1)
watch = client.watch("counter", "a")
next(keys)
def slow():
    try: client.call("counter", "slow", "get")
    except Exception as e: print("slow:", type(e).__name__, flush=True)
thread = threading.Thread(target=slow, daemon=True)
thread.start()
while client._connections.free[sys.argv[2]]: time.sleep(0.001)  # until the thread has taken the one connection
locks = [client._connections.lock, client._view_lock, client._lock]
for lock in locks: lock.acquire()  # as if other threads held them just now
child = os.fork()
if child == 0:
    signal.alarm(30)  # is not inherited
    for call in (lambda: client.call("counter", "a", "increment"), lambda: client.lookup("counter", "a"), client.describe,
                 lambda: next(keys), lambda: next(watch), lambda: next(client.watch("counter", "a")),
                 lambda: client.__enter__().view()):
        try: print("child:", call(), flush=True)
        except RuntimeError as e: print("child:", "fork" in str(e), flush=True)
    client.close()
    with client: pass
    own = Client([sys.argv[2]], cluster="shop", timeout=20)
    print("child:", own.call("counter", "a", "increment"), flush=True)
    if sys.argv[3] == "close": own.close()
    del client
    sys.exit(3)  # through all that an interpreter does at its end
for lock in locks: lock.release()
_, status = os.waitpid(child, 0)
print("parent:", os.waitstatus_to_exitcode(status), client.call("counter", "a", "increment"), thread.is_alive(), flush=True)
client.close()
thread.join(20)
"""


class Fork(WithNode):
    def run_script(self, close):
        self.hold("slow")
        command = [sys.executable, "-B", "-c", IN_A_CHILD, os.path.dirname(reki.__file__), self.node.address, close]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONG + 30)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_the_child_is_refused_clearly_and_the_parent_goes_on(self):
        expected = ["child: True"] * 7 + ["child: 2", "parent: 3 3 True", "slow: RuntimeError"]
        self.assertEqual(self.run_script("close"), expected)

    def test_a_child_ends_that_leaves_its_own_client_open(self):
        self.assertIn("parent: 3 3 True", self.run_script("leave open"))


if __name__ == "__main__":
    unittest.main()
