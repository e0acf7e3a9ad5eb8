"""The guard and its node as processes, one case a run: guard.py CASE GUARD_NODE

The node does what is written to its stdin, see guard_node.cpp. What "never happens" is waited for until well after it
would have; everything else has a deadline that only a broken guard reaches.
"""

import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import zmq

GUARD_NODE = sys.argv[2]
PATIENCE = 40
SKIPPED = 77
STAND_STILL = f"raise {int(signal.SIGSTOP)}"
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # linux/sockios.h, linux/if.h


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def state_of(pid):
    """As in ps: R, S, T, Z ...; nothing if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [int(child) for child in children.read().split()]


def second_of(it):
    """The backup guard, in its own session."""
    until("there are both", lambda: len(children_of(it.guard)) == 2)
    second, = set(children_of(it.guard)) - {it.node}
    until("it is in its own session", lambda: os.getsid(second) == second)
    return second


def is_gone(pid):
    return state_of(pid) in (None, "Z")


class Guarded:
    """A guard, its node, and what the node says."""

    def __init__(self, grace_ms=100, second=True, before=(), prepare=None):
        self.process = subprocess.Popen([*before, GUARD_NODE, str(grace_ms), "1" if second else "0"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=True, preexec_fn=prepare)
        self.guard = self.process.pid
        self.expect("before the fork")
        if not before:
            self.node = int(self.expect("node").split()[1])

    def expect(self, begin):
        line = self.process.stdout.readline()
        assert line.startswith(begin), (begin, line, self.process.poll())
        return line

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command, answer="ok"):
        self.tell(command)
        return self.expect(answer)

    def lease(self, ms, verb="lease", then=""):
        """When it is over, on CLOCK_BOOTTIME. `then` is what the node does at once: the test may be slow to say it."""
        self.tell(f"{verb} {ms}\n{then}".rstrip())
        return int(self.expect("ok").split()[1])

    def lives_beyond(self, lease_end, grace_ms=100):
        """The guard would have killed it by then."""
        while boot_ns() < lease_end + (grace_ms + 500) * 1_000_000:
            time.sleep(0.02)
        self.ask("nothing")

    def end(self):
        """The guard's exit code, and its log."""
        code = self.process.wait(PATIENCE)
        assert self.process.stdout.read() == ""
        return code, self.process.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Receiver:
    """A ROUTER, as a voter has one."""

    def __init__(self):
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        self.address = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"

    def receive(self, answers=True):
        assert self.socket.poll(PATIENCE * 1000), "nothing came"
        route, frame = self.socket.recv_multipart()
        if answers:
            self.socket.send_multipart([route, b"told"])
        return frame

    def got_nothing(self):
        return not self.socket.poll(0)


def the_nodes_own_exit_code_passes_through():
    for code in (0, 7, 255):
        with Guarded() as it:
            it.tell(f"exit {code}")
            assert it.end()[0] == code


def it_does_so_for_a_parent_that_ignores_its_children():
    with Guarded(prepare=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)) as it:
        it.tell("exit 7")
        assert it.end()[0] == 7


def a_node_that_is_killed_gives_128_and_the_signal_and_its_death_is_told():
    for number in (signal.SIGKILL, signal.SIGUSR1):
        receiver = Receiver()
        with Guarded() as it:
            it.ask(f"notice gone-{number} {receiver.address}")
            os.kill(it.node, number)
            assert receiver.receive() == f"gone-{number}".encode()
            assert is_gone(it.node), "it was told before it was true"
            code, log = it.end()
            assert code == 128 + number, (code, log)
            assert f"event=node_killed pid={it.node} signal={int(number)} incarnation=42" in log, log
            assert "event=death_told incarnation=42 endpoints=1 acknowledged=" in log, log


def a_node_that_ends_by_itself_is_told_of_as_well():
    receiver = Receiver()
    with Guarded() as it:
        it.ask(f"notice gone {receiver.address}")
        it.tell("exit 3")
        assert receiver.receive() == b"gone"
        assert it.end()[0] == 3


def a_stopped_node_is_killed_once_its_lease_is_over_and_its_death_is_told():
    receiver = Receiver()
    with Guarded() as it:
        it.ask(f"notice gone {receiver.address}")
        lease_end = it.lease(300, then=STAND_STILL)
        assert receiver.receive() == b"gone"
        assert boot_ns() > lease_end + 100_000_000, "not before the lease and the grace are over"
        assert is_gone(it.node)
        code, log = it.end()
        assert code == 4, (code, log)
        assert f"event=fenced pid={it.node} incarnation=42 lease_over_ms=" in log, log


def a_node_that_is_quiet_is_left_alone_until_it_has_a_lease_again():
    with Guarded() as it:
        it.lives_beyond(it.lease(200, "quiet_lease"))
        it.lease(200, then=STAND_STILL)
        assert it.end()[0] == 4


def a_lease_that_is_renewed_is_no_reason_to_kill():
    with Guarded() as it:
        first = it.lease(1000, then="lease 3600000")
        it.expect("ok")
        it.lives_beyond(first)
        it.tell("exit 0")
        assert it.end()[0] == 0


def without_a_lease_a_stopped_node_is_left_alone():
    with Guarded() as it:
        os.kill(it.node, signal.SIGSTOP)
        lived_until = boot_ns() + 1_000_000_000  # four looks of the guard's
        until("time goes by", lambda: boot_ns() > lived_until)
        os.kill(it.node, signal.SIGCONT)
        it.ask("nothing")


def survives_a_pause_of_its_guard(it, grace_ms):
    lease_end = it.lease(300)
    os.kill(it.guard, signal.SIGSTOP)
    while boot_ns() < lease_end + (grace_ms + 500) * 1_000_000:
        time.sleep(0.02)
    os.kill(it.guard, signal.SIGCONT)
    it.tell("quiet")
    if it.process.stdout.readline() != "ok\n":
        return False
    it.lives_beyond(boot_ns(), grace_ms)
    it.tell("exit 0")
    return it.end()[0] == 0


def a_guard_that_stood_still_too_gives_its_node_time_to_become_quiet():
    for _ in range(5):  # under load these two seconds may be too few for the test to say so
        with Guarded(grace_ms=2000) as it:
            if survives_a_pause_of_its_guard(it, 2000):
                return
    raise AssertionError("it was killed each time")


def who_has_left_properly_is_not_told_of():
    for end in ("exit 0", "exit 3", "raise 9"):
        receiver = Receiver()
        with Guarded() as it:
            it.ask(f"notice gone {receiver.address}")
            it.ask("left")
            it.tell(end)
            log = it.end()[1]
            assert "death_told" not in log, log
            assert receiver.got_nothing()


def an_endpoint_that_is_not_there_delays_no_other():
    receiver = Receiver()
    with Guarded() as it:
        with socket.socket() as refuses:
            refuses.bind(("127.0.0.1", 0))
            nobody = f"tcp://127.0.0.1:{refuses.getsockname()[1]}"
            it.ask(f"notice gone {nobody} tcp://name-of-nobody.invalid:7101 {receiver.address}")
            os.kill(it.node, signal.SIGKILL)
            assert receiver.receive() == b"gone"
            code, log = it.end()
        assert code == 137 and "endpoints=3 " in log, (code, log)


def every_signal_is_passed_on_each_time():
    names = "TERM INT HUP QUIT USR1 USR2 ALRM VTALRM PROF IO PWR XCPU TTIN TTOU RTMIN RTMAX".split()
    with Guarded() as it:
        for number in (int(getattr(signal, f"SIG{name}")) for name in names):
            it.ask(f"catch {number}")
            for _ in range(2):
                os.kill(it.guard, number)
                it.expect(f"signal {number}\n")
        it.tell("exit 5")
        assert it.end()[0] == 5


def a_signal_to_guard_and_node_is_one_wish_and_the_second_wish_ends_it_at_once():
    with Guarded() as it:
        it.ask(f"catch {int(signal.SIGUSR1)}")
        it.ask("drain")
        os.kill(it.node, signal.SIGINT)
        it.expect("signal 2\n")
        os.kill(it.guard, signal.SIGINT)
        # The guard takes SIGINT before SIGUSR1, so that the node has had both once it says so.
        os.kill(it.guard, signal.SIGUSR1)
        it.expect("signal 10\n")
        for _ in range(2):
            it.ask("nothing")
        os.kill(it.guard, signal.SIGINT)
        assert it.end()[0] == 128 + signal.SIGINT


def two_signals_that_come_the_same_way_end_it_at_once():
    for way in ("guard", "node"):
        with Guarded() as it:
            it.ask("drain")
            os.kill(getattr(it, way), signal.SIGTERM)
            it.expect("signal 15\n")
            it.ask("nothing")
            os.kill(getattr(it, way), signal.SIGTERM)
            assert it.end()[0] == 128 + signal.SIGTERM


def a_guard_that_is_killed_takes_its_node_with_it_and_the_backup_guard_tells():
    for way in ("nothing", "unbind", "grow 128", STAND_STILL):
        receiver = Receiver()
        with Guarded() as it:
            second = second_of(it)
            it.ask(f"notice gone {receiver.address}")
            it.tell(way)
            if way == STAND_STILL:
                until("the node stands still", lambda: state_of(it.node) == "T")
            else:
                it.expect("ok")
            os.kill(it.guard, signal.SIGKILL)
            assert receiver.receive() == b"gone"
            assert is_gone(it.node), "it was told before it was true"
            code, log = it.end()
            assert code == -signal.SIGKILL and "event=guard_killed incarnation=42" in log, (code, log)
            until("nothing is left", lambda: is_gone(second))


def without_a_backup_guard_the_node_still_dies_with_the_first():
    with Guarded(second=False) as it:
        assert children_of(it.guard) == [it.node]
        os.kill(it.node, signal.SIGSTOP)
        os.kill(it.guard, signal.SIGKILL)
        until("the node is gone", lambda: is_gone(it.node))


def the_backup_guard_survives_its_process_group_and_signals():
    receiver = Receiver()
    with Guarded() as it:
        second = second_of(it)
        it.ask(f"notice gone {receiver.address}")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            os.kill(second, number)
        os.killpg(it.guard, signal.SIGKILL)
        assert receiver.receive() == b"gone"


def the_backup_guard_ends_silently_with_the_first():
    with Guarded() as it:
        second = second_of(it)
        it.tell("exit 0")
        code, log = it.end()
        assert code == 0 and "guard_killed" not in log, (code, log)
        assert is_gone(second)


def in_namespaces(*which):
    """The words that run a command in namespaces of its own; skips the case where this user may not."""
    for more in ([], ["--user", "--map-root-user"]):
        words = ["unshare", *which, *more]
        try:
            if subprocess.run([*words, "true"], capture_output=True, timeout=PATIENCE).returncode == 0:
                return words
        except FileNotFoundError:
            pass
    print(f"skipped: this user may not: unshare {' '.join(which)}")
    sys.exit(SKIPPED)


def a_name_that_nobody_resolves_delays_no_other():
    words = in_namespaces("--net", "--mount")
    done = subprocess.run([*words, sys.executable, __file__, "with_a_name_server_that_is_silent", GUARD_NODE],
                          timeout=PATIENCE)
    assert done.returncode == 0


def with_a_name_server_that_is_silent():
    """In namespaces of its own."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as name_server:
        fcntl.ioctl(name_server, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        name_server.bind(("127.0.0.1", 53))
        for file, text in (("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n"), ("nsswitch.conf", "hosts: dns\n")):
            with open(f"{folder}/{file}", "w") as out:
                out.write(text)
            subprocess.run(["mount", "--bind", f"{folder}/{file}", f"/etc/{file}"], check=True)
        receiver = Receiver()
        with Guarded() as it:
            it.ask(f"notice gone tcp://name-of-nobody.example:7101 {receiver.address}")
            os.kill(it.node, signal.SIGKILL)
            assert receiver.receive() == b"gone"
            assert name_server.recv(512), "the name was asked for"
            code, log = it.end()
            assert code == 137 and "endpoints=2 " in log, (code, log)


def as_process_1_it_passes_signals_on_reaps_orphans_and_tells():
    words = in_namespaces("--pid", "--fork", "--mount-proc", "--kill-child")
    receiver = Receiver()
    with Guarded(before=words) as it:
        it.expect("node 2\n")
        guard, = children_of(it.process.pid)
        node, = children_of(guard)
        it.ask(f"notice gone {receiver.address}")
        for number in (15, 15, 2):
            it.ask(f"catch {number}")
            os.kill(guard, number)
            it.expect(f"signal {number}\n")
        it.tell("orphan")
        assert sorted([it.expect(""), it.expect("")]) == ["ok\n", "orphan\n"]
        until("the orphan is reaped", lambda: children_of(guard) == [node])
        it.lease(300, then=STAND_STILL)
        assert receiver.receive() == b"gone"
        code, log = it.end()
        assert code == 4 and re.search("event=fenced pid=2 ", log), (code, log)


globals()[sys.argv[1]]()
