"""A cluster whose nodes have a network namespace each, and the faults that can befall it.

The same cluster and clean-up as in tests/cluster/harness.py; programs that talk to it run in a namespace of their own,
"client".
"""

import contextlib
import json
import os
import signal
import subprocess

import harness
import machine
import processes
from harness import check, until
from network import Network, must

ACTORS = os.environ["REKI_CHAOS_ACTORS"]
PORT = 7100
CONTROL_PORT = PORT + 10000
SLOTS = 16384  # of any cluster
EXIT_FENCED = 4
CLIENT = "client"
SERVING = 120  # seconds; generous, the bounds that matter are the campaign's own


class NetNode(harness.Node):
    """One reki-node in its namespace. `guard` is the process that was started; if it has a child, that is the node
    and it is its guard; else it is the node itself."""

    def __init__(self, cluster, id):
        super().__init__(cluster, id, PORT, CONTROL_PORT)
        os.makedirs(self.data_dir, exist_ok=True)
        self.mounted = False
        self.guarded = False
        self.machine = machine.Machine(cluster.folder, id, cluster.hosts) if cluster.machines else None

    @property
    def address(self):
        return f"tcp://{self.cluster.network.address(self.id)}:{self.port}"

    @property
    def control_address(self):
        return f"tcp://{self.cluster.network.address(self.id)}:{self.control_port}"

    def words(self):
        alone = ["--no-guard"] if self.id in self.cluster.unguarded else []
        return [*self.cluster.network.inside(self.id), *super().words(), *alone]

    def environment(self):
        odd = self.machine.environment() if self.machine else {}
        return dict(super().environment(), REKI_WITNESS_DIR=self.cluster.witness_dir, **odd)

    # ---- its processes

    @property
    def guard(self):
        return self.process.pid

    def _children(self):
        """(the node's pids, those of whoever guards the guard): the latter have sessions of their own."""
        nodes, seconds = [], []
        for pid in processes.children_of(self.guard):
            (seconds if processes.leads_session(pid) else nodes).append(pid)
        return nodes, seconds

    @property
    def child(self):
        """The process that serves; None if there is none just now."""
        if not self.is_up():
            return None
        if nodes := self._children()[0]:
            self.guarded = True
            return nodes[0]
        return None if self.guarded else self.guard

    def pids(self, whom):
        """Of "child", "guard", "both" (of them), or "all": with a backup guard, if there is one. Whoever watches is before
        whom it watches, so that it cannot notice what becomes of that."""
        chosen = {"child": [self.child], "guard": [self.guard], "both": [self.guard, self.child],
                  "all": [*self._children()[1], self.guard, self.child]}[whom]
        return list(dict.fromkeys(pid for pid in chosen if pid is not None))

    def is_up(self):
        """Whether the process that was started runs; it may be stopped."""
        return self.process is not None and self.process.poll() is None

    def strike(self, number, whom="all"):
        """A signal to those that are there; returns their pids."""
        if not self.is_up():
            return []
        return [pid for pid in self.pids(whom) if processes.send_signal(pid, number)]

    def crash(self, whom="all"):
        """SIGKILL; returns their pids when those are dead."""
        pids = self.strike(signal.SIGKILL, whom)
        for pid in pids:
            if pid == self.guard:
                self.process.wait(harness.END)
            else:
                until(f"{self.id}'s process {pid} is dead", harness.END, lambda: not processes.is_running(pid))
        return pids

    @contextlib.contextmanager
    def frozen(self, whom="all"):
        """Stopped on entry, going on after; what is killed meanwhile stays dead. The judge is told the times."""
        began = processes.boot_ns()
        pids = self.strike(signal.SIGSTOP, whom)
        for pid in pids:
            until(f"{self.id}'s process {pid} stands still", harness.READY,
                  lambda: processes.state_of(pid) <= {"T", "Z", "X"})
        try:
            yield pids
        finally:
            ended = processes.boot_ns()
            for pid in reversed(pids):
                processes.send_signal(pid, signal.SIGCONT)
                self.cluster.freezes.append({"pid": pid, "from": began, "to": ended})

    def ensure_up(self):
        """Starts it if it has ended, or ends while we look (a guard may take its time to see why), and waits until it
        serves."""
        def up_and_serving():
            if not self.is_up():
                self.start()
            return self.serves()
        until(f"node {self.id} serves", SERVING, up_and_serving, every=0.1)

    def serves(self):
        """Whether it is a member and has slots, as far as it knows."""
        done = self.cluster.ask_quietly("status", self.id, "--timeout", "5s")
        return (done or {}).get("nodes", {}).get(self.id, {}).get("slots", 0) > 0

    def terminate(self):
        """Drains; the exit code is the caller's to judge."""
        self.strike(signal.SIGTERM, "guard")
        return self.process.wait(harness.END)

    def check_end(self, code):
        """Its guard may have ended it: a machine that is busy enough costs leases, and the judge looks at what else."""
        if code != EXIT_FENCED:
            super().check_end(code)

    # ---- its disk

    def mount_small_disk(self, mib=4):
        """Before it starts: its data_dir is a file system of its own."""
        must("mount", "-t", "tmpfs", "-o", f"size={mib}m", self.cluster.network.namespace(self.id), self.data_dir)
        self.mounted = True

    def fill_disk(self):
        with open(os.path.join(self.data_dir, "ballast"), "wb") as ballast:
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(1 << 16))
                    ballast.flush()
            with contextlib.suppress(OSError):
                while True:
                    os.write(ballast.fileno(), b"x")

    def free_disk(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.data_dir, "ballast"))

    def put_away(self):
        for pid in self.strike(signal.SIGKILL):
            processes.send_signal(pid, signal.SIGCONT)
        super().put_away()
        if self.mounted:
            must("umount", "--lazy", self.data_dir)
            self.mounted = False


class NetCluster(harness.Cluster):
    """`with NetCluster(nodes=3) as c:`; `seed` is the switch's. `small_disks` mounts a tmpfs of that many MiB for each
    node's data. `unguarded` names nodes that run without a guard. `machines` gives each a machine.Machine,
    and a name under which the others and clients know it."""

    def __init__(self, nodes=3, seed=1, types=None, small_disks=0, node_class=NetNode, profile="lan", unguarded=(),
                 machines=False):
        super().__init__(types=types if types is not None else witness_type(), nodes=nodes, profile=profile)
        self.unguarded = unguarded
        self.machines = machines
        self.network = Network([*self.ids, CLIENT], seed)
        self.small_disks = small_disks
        self.node_class = node_class
        self.freezes = []
        self.drains = []  # what became of SIGTERM: {"node": .., "exit_code": ..}

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.network)
            super().__enter__()
            undo.pop_all()
        return self

    def __exit__(self, *error):
        try:
            if error[0] is None:
                self.network.heal()
            super().__exit__(*error)
        finally:
            self.network.__exit__()

    @property
    def witness_dir(self):
        return os.path.join(self.folder, "witness.d")

    def make_nodes(self):
        os.makedirs(self.witness_dir, exist_ok=True)
        with open(self.hosts, "w") as hosts:
            hosts.write("".join(f"{name_of(id)} {self.network.address(id)}\n" for id in self.network.names))
        nodes = {id: self.node_class(self, id) for id in self.ids}
        if self.small_disks:
            for node in nodes.values():
                node.mount_small_disk(self.small_disks)
        return nodes

    @property
    def hosts(self):
        return os.path.join(self.folder, "hosts")

    def node_table(self, node):
        table = super().node_table(node)
        if not self.machines:
            return table
        name = name_of(node.id)
        return table + f'advertise = "tcp://{name}:{PORT}"\nadvertise_control = "tcp://{name}:{CONTROL_PORT}"\n'

    def ensure_whole(self):
        """Starts what has ended, and waits until all nodes are members of the one view that all of them have."""
        def whole():
            for node in self.nodes.values():
                if not node.is_up():
                    node.start()
            return self.is_whole()
        until("all nodes are members again", SERVING, whole, every=0.05)

    @contextlib.contextmanager
    def drifted(self, node):
        """The node's config names the other profile until this is over."""
        other = {"lan": "cloud", "cloud": "lan"}[self.profile]
        node.config = self._config_of("drifted", lambda text: text.replace(f'profile = "{self.profile}"', f'profile = "{other}"'))
        try:
            yield
        finally:
            node.config = None

    @contextlib.contextmanager
    def twin_of(self, id):
        """A process that says it is that node too, on the clients' machine, with a data directory of its own."""
        def move(text):
            text = text.replace(self.network.address(id) + ":", self.network.address(CLIENT) + ":")
            text = text.replace(name_of(id), name_of(CLIENT))
            return text.replace(self.nodes[id].data_dir, os.path.join(self.folder, "data", f"twin-of-{id}"))
        log = os.path.join(self.folder, f"twin-of-{id}.log")
        with open(log, "ab") as out:
            process = self.start(harness.NODE, "--config", self._config_of(f"twin-of-{id}", move), "--node", id, stdout=out,
                                 stderr=out)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(harness.END)

    def _config_of(self, name, change):
        path = os.path.join(self.folder, f"{name}.toml")
        with open(self.config) as config, open(path, "w") as out:
            out.write(change(config.read()))
        return path

    def coordinator(self):
        """Its id, as a client knows it."""
        return until("there is a coordinator", SERVING, lambda: (self.ask_quietly("nodes") or {}).get("coordinator"))

    def is_whole(self):
        said = list((self.ask_quietly("status", "--timeout", "2s") or {}).get("nodes", {}).values())
        return (len(said) == len(self.nodes) and len({one.get("epoch") for one in said}) == 1
                and all(one.get("nodes") == len(said) and one.get("slots") for one in said)
                and sum(one["slots"] for one in said) == SLOTS)

    def _check_logs(self):
        """Under faults all kinds of warnings are due; a sanitizer's report never is."""
        for node in self.nodes.values():
            text = node.logged()
            check(f"no sanitizer report of {node.id}", not harness.SANITIZER_REPORT.search(text), text[-20000:])

    # ---- programs, on the clients' machine

    def environment(self):
        odd = machine.preloaded(machine.NAMES, REKI_HOSTS=self.hosts) if self.machines else {}
        return dict(os.environ, REKI_WITNESS_DIR=self.witness_dir, **odd)

    def start(self, *words, **options):
        return super().start(*self.network.inside(CLIENT), *words, **{"env": self.environment(), **options})

    def run(self, *words, **options):
        return super().run(*self.network.inside(CLIENT), *words, env=self.environment(), **options)

    def ask_quietly(self, *words):
        """The document that the command prints, which may be an error's; None if there is none in a few seconds."""
        words = [*self.network.inside(CLIENT), harness.COMMAND, "--config", self.config, "--json", *map(str, words)]
        try:
            return json.loads(subprocess.run(words, capture_output=True, text=True, timeout=10, env=self.environment()).stdout)
        except (subprocess.TimeoutExpired, json.JSONDecodeError):
            return None

    @property
    def addresses(self):
        """As the load and the prober want them."""
        return ",".join(node.address for node in self.nodes.values())

    def write_freezes(self):
        """For the judge; returns the file's path."""
        path = os.path.join(self.folder, "freezes.jsonl")
        with open(path, "w") as out:
            for freeze in self.freezes:
                out.write(json.dumps(freeze) + "\n")
        return path


def name_of(id):
    """By which others know its machine, where there are names."""
    return f"{id}.reki.test"


def witness_type(more=""):
    return f'[types.witness]\nplugin = "{ACTORS}"\n{more}'
