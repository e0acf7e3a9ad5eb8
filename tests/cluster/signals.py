"""Every signal there is, sent to a node in every way: the node goes on, or it drains and ends with 0."""

import contextlib
import itertools
import os
import re
import signal

from harness import END, READY, Cluster, check, until

ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
# Nobody can refuse the first two, the third is Ctrl-Z, and with the others, which are faults, a process must not go on.
LEFT_ALONE = {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL,
              signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}
# A write that fails says so to who wrote, and the last four have no effect on any process.
UNLOGGED = {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
LOGGED = signal.valid_signals() - ENDING - LEFT_ALONE - UNLOGGED

WAYS = {"the guard": lambda node, number: os.kill(node.process.pid, number),
        "the node": lambda node, number: os.kill(node.pid, number),
        "the process group": lambda node, number: os.killpg(node.process.pid, number)}
GUARDED = ()
UNGUARDED = ("--no-guard",)  # the process that was started is the node


def name_of(number):
    return f"SIGRTMIN+{number - signal.SIGRTMIN}" if number >= signal.SIGRTMIN else signal.Signals(number).name.replace("SIGIO", "SIGPOLL")


class AloneCluster(Cluster):
    """One node, whose process group is not that of the test."""

    def __init__(self):
        super().__init__(nodes=1)

    def make_nodes(self):
        nodes = super().make_nodes()
        nodes["n1"].process_options = {"start_new_session": True}
        return nodes

    @property
    def node(self):
        return self.nodes["n1"]

    def restart(self, *options):
        self.node.terminate()
        self.node.start(*options)
        check("its ports are free", self.node.wait_ready())


def logged_since(node, at):
    return set(re.findall(r"event=signal_ignored signal=(\S+)", node.logged()[at:]))


def every_signal_that_asks_for_no_end_is_logged_and_changes_nothing():
    wanted = {name_of(number) for number in LOGGED}
    check("there are such signals", {"SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPOLL", "SIGRTMIN+30"} <= wanted, wanted)
    with AloneCluster() as c:
        for options in (GUARDED, UNGUARDED):
            c.restart(*options)
            incarnation = c.status("n1")["incarnation"]
            for way, send in WAYS.items():
                at = len(c.node.logged())
                for number in sorted(LOGGED | UNLOGGED):
                    send(c.node, number)
                    check(f"it is there after signal {number} to {way}", c.node.process.poll() is None, c.node.logged())
                until(f"all that were sent to {way} are logged", READY, lambda: c.node.process.poll() or logged_since(c.node, at) == wanted)
                check("it goes on", c.node.process.poll() is None and c.status("n1")["incarnation"] == incarnation, way, options)


def a_signal_that_asks_for_an_end_drains_the_node_wherever_it_is_sent():
    with contextlib.ExitStack() as stack:
        clusters = {way: stack.enter_context(AloneCluster()) for way in WAYS}
        for c in clusters.values():
            c.node.terminate()
        for options, number in itertools.product((GUARDED, UNGUARDED), sorted(ENDING)):
            for c in clusters.values():
                c.node.start(*options)
            check("their ports are free", all([c.node.wait_ready() for c in clusters.values()]))
            for way, c in clusters.items():
                WAYS[way](c.node, number)
            for way, c in clusters.items():
                code = c.node.process.wait(END)
                log = c.node.logged()[c.node.started_at:]
                check(f"{name_of(number)} to {way} drains it", code == 0, code, log, options)
                check("and the log says why", f"event=stopping signal={name_of(number)}" in log and "event=stopped" in log, log)
        for c in clusters.values():
            c.node.killed = True  # it has ended


def has_begun(node):
    """Before that it has no config yet, and is a program like any other. SIGXFSZ is what it ignores last."""
    with open(f"/proc/{node.process.pid}/status") as status:
        return int(re.search(r"^SigIgn:\s+(\w+)", status.read(), re.M)[1], 16) >> (signal.SIGXFSZ - 1) & 1


def signals_while_a_node_starts_change_nothing():
    with AloneCluster() as c:
        for options in (GUARDED, UNGUARDED):
            for _ in range(3):
                c.node.terminate()
                c.node.start(*options)
                until("it has begun", READY, lambda: has_begun(c.node), every=0.001)

                def is_ready():
                    for number in (signal.SIGHUP, signal.SIGUSR1):
                        os.killpg(c.node.process.pid, number)
                    return c.node.is_ready()
                until("it is ready", READY, is_ready, every=0.001)
                check("the log says so", {"SIGHUP", "SIGUSR1"} <= logged_since(c.node, c.node.started_at))
