"""Three reki-node processes for one test, and the programs that talk to them.

Everything is in a folder of its own, on ports that were free; nothing waits longer than a deadline, and only processes
that were started here are ended. A cluster must end well: each node exits with 0 after SIGTERM, no sanitizer has
reported anything, and nothing is in the logs but what the test said it expects.
"""

import contextlib
import json
import os
import random
import re
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

NODE = os.environ["REKI_NODE"]
COMMAND = os.environ["REKI_COMMAND"]
PROBE = os.environ["REKI_PROBE"]
ACTORS = os.environ["REKI_ACTORS"]
EXAMPLES = os.environ["REKI_EXAMPLES"]
SANITIZED = bool(os.environ.get("REKI_SANITIZE"))
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Seconds. Generous: what is too slow is for the tests' own bounds to say.
READY = 60
END = 60
ADDRESS_IN_USE = 3  # reki-node's exit code

SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|REKI_ASSERT|assertion .* failed")


def say(text):
    print(text, flush=True)


def check(what, holds, *shown):
    """An assert that says what it was about, also under -O."""
    if not holds:
        raise AssertionError(what + "".join(f"\n  {thing!r}" for thing in shown))


def until(what, deadline_s, condition, every=0.02):
    """The first true value of `condition`, which is asked again and again."""
    deadline = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        check(f"{what} within {deadline_s} s", time.monotonic() < deadline)
        time.sleep(every)


def free_ports(count):
    """Of those that Linux does not give to who connects: a node that comes back to its port finds it."""
    with contextlib.ExitStack() as sockets:
        ports = []
        while len(ports) < count:
            one, port = sockets.enter_context(socket.socket()), random.randrange(10240, 32768)
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


def await_death(pidfd):
    check("a process dies", select.select([pidfd], [], [], END)[0])
    os.close(pidfd)


class Node:
    """One reki-node and its log; `start` may be called again after the end. `process` is its guard, once it is ready
    `pid` is the node itself."""

    def __init__(self, cluster, id, port, control_port):
        self.cluster = cluster
        self.id = id
        self.port = port
        self.control_port = control_port
        self.data_dir = os.path.join(cluster.folder, "data", id)
        self.log = os.path.join(cluster.folder, f"{id}.log")
        self.process = None
        self.pid = None
        self.killed = False
        self.program = NODE
        self.config = None  # its own, where it is not the cluster's
        self.more_environment = {}
        self.process_options = {}  # of Popen

    @property
    def address(self):
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def control_address(self):
        return f"tcp://127.0.0.1:{self.control_port}"

    def words(self):
        """The command line."""
        return [self.program, "--config", self.config or self.cluster.config, "--node", self.id]

    def environment(self):
        return dict(os.environ, REKI_WITNESS=self.cluster.witness_file, **self.more_environment)

    def start(self, *options):
        self.started_at = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.words(), *options], stderr=log, stdout=log, stdin=subprocess.DEVNULL,
                                            env=self.environment(), **self.process_options)
        self.killed = False

    def logged(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def is_ready(self):
        """False if the port was taken meanwhile."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(self.started_at)
            ready = re.search(r"event=ready .*\bpid=(\d+)\n", log.read())
            if ready:
                self.pid = int(ready[1])
                return True
        code = self.process.poll()
        check(f"node {self.id} runs", code in (None, ADDRESS_IN_USE), code, self.logged())
        return None if code is None else False

    def wait_ready(self):
        """False if the port was taken meanwhile."""
        return until(f"node {self.id} is ready", READY, lambda: [r] if (r := self.is_ready()) is not None else None)[0]

    def signal(self, number):
        check(f"node {self.id} is there for signal {number}", self.process.poll() is None, self.logged())
        self.process.send_signal(number)

    def freeze(self):
        """Stops all threads of the node, its guard goes on; they have stopped when this returns."""
        os.kill(self.pid, signal.SIGSTOP)
        until(f"node {self.id} stands still", READY, lambda: self._thread_states() == {"T"})

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def _thread_states(self):
        out = set()
        tasks = f"/proc/{self.pid}/task"
        for thread in os.listdir(tasks):
            with open(f"{tasks}/{thread}/stat") as stat:
                out.add(stat.read().rpartition(")")[2].split()[0])
        return out

    def kill(self):
        """The guard, as whoever kills the process that was started; the node goes with it."""
        self.killed = True
        node = os.pidfd_open(self.pid)
        self.signal(signal.SIGKILL)
        self.process.wait(END)
        await_death(node)

    def kill_child(self):
        """The node alone: its guard is left to tell of its death, and ends with it."""
        self.killed = True
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self):
        self.signal(signal.SIGTERM)
        self.wait_end()

    def wait_end(self):
        try:
            code = self.process.wait(END)
        except subprocess.TimeoutExpired:
            check(f"node {self.id} ends within {END} s", False, self.logged()[-20000:])
        self.check_end(code)

    def check_end(self, code):
        check(f"node {self.id} exits with 0 after SIGTERM", code == 0, code, self.logged())

    def put_away(self):
        """Whatever it takes."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(END)


class Cluster:
    """`with Cluster() as c:` starts the nodes n1, n2, n3. `types` is TOML, `settings` too, for [cluster]; `expected` names
    log events of the levels warning and error that this test brings about. `profile` is that of its leases: by default the
    one with longer leases, for machines that are busy."""

    def __init__(self, types=None, expected=(), nodes=3, settings="", profile="cloud"):
        self.name = f"test-{secrets.token_hex(4)}"
        self.types = types if types is not None else actor_types()
        self.settings = settings
        self.expected = {"joining", *expected}  # nodes wait for `reki init` for as long as the machine takes
        self.profile = profile
        self.ids = [f"n{i + 1}" for i in range(nodes)]

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="reki-cluster-test.")
        self.folder = self.temporary.name
        self.config = os.path.join(self.folder, "cluster.toml")
        self.witness_file = os.path.join(self.folder, "witness")
        self.nodes = {}
        self.others = []
        try:
            until("three free ports", READY, self._start)
        except BaseException:
            self._show_logs()
            self._put_away()
            raise
        return self

    def make_nodes(self):
        ports = free_ports(2 * len(self.ids))
        return {id: Node(self, id, *ports[2 * i:2 * i + 2]) for i, id in enumerate(self.ids)}

    def node_table(self, node):
        """TOML"""
        return (f'[[node]]\nid = "{node.id}"\nlisten = "{node.address}"\n'
                f'control = "{node.control_address}"\ndata_dir = "{node.data_dir}"\n')

    def cluster_table(self):
        """TOML"""
        return f'[cluster]\nname = "{self.name}"\nprofile = "{self.profile}"\n{self.settings}'

    def _start(self):
        self.nodes = self.make_nodes()
        with open(self.config, "w") as config:
            config.write(self.cluster_table())
            config.write("".join(map(self.node_table, self.nodes.values())))
            config.write(self.types)
        for node in self.nodes.values():
            node.start()
        taken = any(node.process.poll() == ADDRESS_IN_USE for node in self.nodes.values())
        if taken or (self.nodes and not self._init()):
            self._put_away(keep_folder=True)
            return False
        if all([node.wait_ready() for node in self.nodes.values()]):
            return True
        self._put_away(keep_folder=True)
        return False

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.stop()
                self._check_logs()
            else:
                self._show_logs()
        finally:
            self._put_away()

    def stop(self):
        """All nodes at once."""
        left = [node for node in self.nodes.values() if not node.killed]
        for node in left:
            node.signal(signal.SIGTERM)
        for node in left:
            node.wait_end()

    def _init(self):
        """Makes the cluster. False if a node could not get its ports."""
        init = self.start(COMMAND, "--config", self.config, "init", "--timeout", f"{READY}s", stdout=subprocess.DEVNULL)
        while init.poll() is None:
            if any(node.process.poll() == ADDRESS_IN_USE for node in self.nodes.values()):
                init.kill()
                init.wait(END)
                return False
            time.sleep(0.02)
        check("the cluster is made", init.returncode == 0, init.stderr.read(), *[n.logged() for n in self.nodes.values()])
        return True

    def _show_logs(self):
        for node in self.nodes.values():
            if os.path.exists(node.log):
                sys.stderr.write(f"---- {node.id}\n{node.logged()[-20000:]}\n")

    def _check_logs(self):
        for node in self.nodes.values():
            text = node.logged()
            check(f"no sanitizer report of {node.id}", not SANITIZER_REPORT.search(text), text[-20000:])
            for line in text.splitlines():
                event = re.search(r"Z (warning|error|critical) .*?event=(\S+)", line)
                check(f"nothing unexpected in the log of {node.id}", not event or event[2] in self.expected, line)

    def _put_away(self, keep_folder=False):
        for process in self.others:
            if process.poll() is None:
                process.kill()
            process.wait(END)
        self.others = []
        for node in self.nodes.values():
            node.put_away()
        if not keep_folder:
            self.temporary.cleanup()

    # ---- programs

    def start(self, *words, **options):
        """A process that ends with the cluster at the latest."""
        words = [str(word) for word in words]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen(words, text=True, **options)
        self.others.append(process)
        return process

    def probe(self, command, address=None, program=PROBE, stdin=None, **values):
        words = [f"{name}={value}" for name, value in values.items()]
        return self.start(program, command, self.name, address or self.nodes[self.ids[0]].address, *words, stdin=stdin)

    def callers(self, node="n1", compare="n2", ms=0, **options):
        """They call keys of two nodes for so long; 0: until they are told to end."""
        busy = self.probe("latency", self.nodes[compare].address, stdin=None if ms else subprocess.PIPE, node=node, compare=compare, ms=ms, **options)
        check("the callers run", busy.stderr.readline() == "ready\n")
        return busy

    def no_call_failed(self, *busy):
        """Waits for these callers' ends."""
        for each in busy:
            done = self.result(each)
            say(json.dumps({side: {"codes": done[side]["codes"], "max_ms": done[side].get("max_ms")} for side in ("here", "there")}))
            check("no call fails", all(set(done[side]["codes"]) == {"ok"} for side in ("here", "there")), done)

    def result(self, process, timeout=100):
        """The JSON that a probe ends with."""
        out, err = process.communicate(timeout=timeout)
        check(f"{process.args[:2]} exits with 0", process.returncode == 0, process.returncode, out, err)
        check("no sanitizer report", not SANITIZER_REPORT.search(err), err)
        return json.loads(out)

    def run(self, *words, code=0, timeout=60, **options):
        words = [str(word) for word in words]
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, **options)
        check(f"{words} exits with {code}", code in (done.returncode, None), done)
        check("no sanitizer report", not SANITIZER_REPORT.search(done.stderr), done.stderr)
        return done

    def reki(self, *words, code=0, json_out=True):
        """The command, with --json as a rule; the document that it prints."""
        words = [COMMAND, "--config", self.config, *(["--json"] if json_out else []), *words]
        done = self.run(*words, code=code)
        return json.loads(done.stdout) if json_out else done.stdout

    def status(self, id):
        return self.reki("status", id)["nodes"][id]

    def owner(self, type, key):
        return self.reki("owner", type, key)["node"]

    def witness(self, type):
        """What happened to objects of a type: [(ns, pid, event, key, fence, object)], in order."""
        if not os.path.exists(self.witness_file):
            return []
        out = []
        with open(self.witness_file) as lines:
            for line in lines:
                ns, pid, event, its_type, key, fence, object = line.split()
                if its_type == type:
                    out.append((int(ns), int(pid), event, key, int(fence) if fence != "-" else 0, int(object)))
        return sorted(out)


def alive_at_most(lines, key=None):
    """The largest number of objects that lived at one moment, from `made` to `died`, of those of `key`."""
    objects = {(pid, object) for _, pid, event, its_key, _, object in lines if key is None or its_key == key}
    alive = most = 0
    for _, pid, event, _, _, object in lines:
        if (pid, object) not in objects:
            continue
        alive += {"made": 1, "died": -1}.get(event, 0)
        most = max(most, alive)
    return most


def actor_types(**more):
    """TOML for the types of actors.cpp; `more` has lines to add: crasher="max_restarts = 3"."""
    out = ""
    for type in ("neighbour", "slow", "crasher", "blob"):
        out += f'[types.{type}]\nplugin = "{ACTORS}"\n{more.get(type, "")}\n'
    return out


def counter_type():
    return f'[types.counter]\nplugin = "{EXAMPLES}/counter.so"\n'
