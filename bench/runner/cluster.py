"""Nodes for a measurement, in a folder of their own, on ports that were free; none is left behind."""

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import time

from .programs import Failed

READY = 30  # seconds
END = 30
ADDRESS_IN_USE = 3  # reki-node's exit code


def free_ports(count):
    with contextlib.ExitStack() as sockets:
        taken = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]


class Node:
    """`guard` is the process that was started; the node itself is its child, `pid`."""

    def __init__(self, folder, id, port, control_port):
        self.id = id
        self.address = f"tcp://127.0.0.1:{port}"
        self.control = f"tcp://127.0.0.1:{control_port}"
        self.data_dir = os.path.join(folder, "data", id)
        self.log = os.path.join(folder, f"{id}.log")
        self.guard = None
        self.pid = None
        self.killed = False

    def as_toml(self):
        return (f'[[node]]\nid = "{self.id}"\nlisten = "{self.address}"\ncontrol = "{self.control}"\n'
                f'data_dir = "{self.data_dir}"\n')

    def start(self, words, core):
        cores = sorted(os.sched_getaffinity(0))
        keep_to = (lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})) if core is not None else None
        with open(self.log, "ab") as log:
            self.guard = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=keep_to)

    def logged(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def is_ready(self):
        found = re.search(r"event=ready .*\bpid=(\d+)\n", self.logged())
        self.pid = int(found[1]) if found else None
        return found is not None

    def kill(self):
        """With -9, as a crash does; the guard tells the others and ends."""
        self.killed = True
        os.kill(self.pid, signal.SIGKILL)

    def processor_seconds(self):
        """Of the node and its guards, since they began."""
        return sum(_processor_seconds(pid) for pid in self._processes())

    def resident_bytes(self):
        """Of the node alone."""
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def _processes(self):
        return {self.guard.pid, self.pid} | set(_children(self.guard.pid))


def _processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [int(child) for child in children.read().split()]


class Cluster:
    """`with Cluster(programs, nodes=1, core=0) as cluster`: as in production, with guards, leases and renewals.

    `core`: all of its threads keep to that one; None: they run anywhere. `expected` are the log events of the level
    warning and above that the measurement brings about; any other makes it fail. `options`: lines of TOML for the type."""

    def __init__(self, programs, nodes=1, core=None, expected=(), options=""):
        self.programs = programs
        self.core = core
        self.expected = set(expected)
        self.options = options
        self.ids = [f"n{i + 1}" for i in range(nodes)]
        self.name = f"bench-{secrets.token_hex(4)}"

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="reki-bench.")
        self.config = os.path.join(self.temporary.name, "cluster.toml")
        self.nodes = []
        try:
            for _ in range(5):
                if self._start():
                    return self
                self._put_away()
            raise Failed("no free ports for the nodes")
        except BaseException:
            self._put_away()
            self.temporary.cleanup()
            raise

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self._check_logs()
                self._stop()
        finally:
            self._put_away()
            self.temporary.cleanup()

    @property
    def addresses(self):
        return ",".join(node.address for node in self.nodes)

    def words(self):
        """What a client's program is told."""
        return ["--cluster", self.name, "--connect", self.addresses]

    def _start(self):
        ports = free_ports(2 * len(self.ids))
        self.nodes = [Node(self.temporary.name, id, *ports[2 * i:2 * i + 2]) for i, id in enumerate(self.ids)]
        with open(self.config, "w") as config:
            config.write(f'[cluster]\nname = "{self.name}"\n')
            config.write("".join(node.as_toml() for node in self.nodes))
            config.write(f'[types.bench_echo]\nplugin = "{self.programs.echo_plugin}"\n{self.options}\n')
        for node in self.nodes:
            open(node.log, "wb").close()
            node.start([self.programs.node, "--config", self.config, "--node", node.id], self.core)
        init = subprocess.Popen([self.programs.command, "--config", self.config, "init", "--timeout", f"{READY}s"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + READY
        while init.poll() is None or not all(node.is_ready() for node in self.nodes):
            ended = [node for node in self.nodes if node.guard.poll() is not None]
            if any(node.guard.returncode == ADDRESS_IN_USE for node in ended):
                init.kill()
                init.wait()
                return False
            if ended or init.returncode or time.monotonic() > deadline:
                init.kill()
                raise Failed("the nodes are not ready: " + init.communicate()[1] + "".join(n.logged() for n in self.nodes))
            time.sleep(0.02)
        return True

    def _check_logs(self):
        """That nothing has happened that would make the figures something else's."""
        for node in self.nodes:
            for event in re.findall(r"Z (?:warning|error|critical) .*?event=(\S+)", node.logged()):
                if event not in self.expected:
                    raise Failed(f"event '{event}' in the log of {node.id}:\n{node.logged()[-4000:]}")

    def _stop(self):
        """How they end is for the tests to judge."""
        left = [node for node in self.nodes if not node.killed]
        for node in left:
            if node.guard.poll() is None:
                node.guard.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + END
        while any(node.guard.poll() is None for node in left) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _put_away(self):
        for node in self.nodes:
            if node.guard is not None and node.guard.poll() is None:
                node.guard.kill()
                node.guard.wait()
        self.nodes = []
