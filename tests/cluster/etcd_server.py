"""An etcd of the tests' own: one member or three, on ports that were free, with its data in memory if there is such a place
(it waits for the disk with each write, and a test's machine may be busy with others). And clusters that use it."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request

from harness import END, READY, Cluster, Node, actor_types, check, free_ports, say, until

SKIPPED = 77


def demand_etcd():
    """Ends the test as skipped, if there is none."""
    if shutil.which("etcd") is None:
        say("SKIPPED: there is no etcd; install the package etcd-server")
        raise SystemExit(SKIPPED)


class Member:
    def __init__(self, etcd, name, port, peer_port):
        self.etcd, self.name = etcd, name
        self.url = f"{etcd.scheme}://127.0.0.1:{port}"
        self.peer_url = f"http://127.0.0.1:{peer_port}"
        self.log = os.path.join(etcd.folder, f"{name}.log")
        self.process = None

    def start(self):
        """Again after its death, too: with the same data."""
        words = ["etcd", "--name", self.name, "--data-dir", os.path.join(self.etcd.folder, self.name),
                 "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                 "--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url,
                 "--initial-cluster", ",".join(f"{m.name}={m.peer_url}" for m in self.etcd.members), *self.etcd.options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait(END)

    def stop_still(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def ask(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())

    def status(self):
        return self.ask("/v3/maintenance/status", {})

    def answers(self):
        try:
            return bool(self.status().get("leader"))
        except OSError:
            return False


class Etcd:
    """`with Etcd(3) as etcd:`; all members answer then. `options` are for all; with TLS nobody asks whether they do."""

    def __init__(self, members=1, scheme="http", options=()):
        self.count, self.scheme, self.options = members, scheme, list(options)
        self.members = []

    def __enter__(self):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.temporary = tempfile.TemporaryDirectory(prefix="reki-etcd-test.", dir=memory)
        self.folder = self.temporary.name
        try:
            until("an etcd runs", READY, self._start)
        except BaseException:
            self._put_away()
            raise
        return self

    def _start(self):
        ports = free_ports(2 * self.count)
        self.members = []
        for n in range(self.count):
            self.members.append(Member(self, f"e{n + 1}", *ports[2 * n:2 * n + 2]))
        for member in self.members:
            shutil.rmtree(os.path.join(self.folder, member.name), ignore_errors=True)
            member.start()
        # One that has lost its port to somebody else ends.
        ready = (lambda m: m.answers()) if self.scheme == "http" else self._says_ready
        until("all answer", READY, lambda: all(map(ready, self.members)) or not all(m.runs() for m in self.members))
        if all(m.runs() for m in self.members):
            return True
        for member in self.members:
            if member.runs():
                member.kill()
        return False

    @staticmethod
    def _says_ready(member):
        with open(member.log, encoding="utf-8", errors="replace") as log:
            return "ready to serve client requests" in log.read() or "serving client" in log.read()

    def __exit__(self, *_):
        self._put_away()

    def _put_away(self):
        for member in self.members:
            if member.runs():
                member.kill()
        self.temporary.cleanup()

    @property
    def urls(self):
        return [member.url for member in self.members]

    def leader(self):
        """The member that leads."""
        def find():
            for member in self.members:
                if member.runs() and member.answers():
                    status = member.status()
                    if status["leader"] == status["header"]["member_id"]:
                        return member
            return None
        return until("etcd has a leader", READY, find)


class UnguardedNode(Node):
    def words(self):
        return [*super().words(), "--no-guard"]


class EtcdCluster(Cluster):
    """Three nodes with the register in `etcd`."""

    def __init__(self, etcd, profile="lan", guarded=True, **more):
        super().__init__(**{"types": actor_types(), **more})
        self.etcd, self.profile, self.guarded = etcd, profile, guarded

    def make_nodes(self):
        nodes = super().make_nodes()
        if not self.guarded:
            nodes = {id: UnguardedNode(self, id, node.port, node.control_port) for id, node in nodes.items()}
        return nodes

    def cluster_table(self):
        return (f'[cluster]\nname = "{self.name}"\nengine = "etcd"\nprofile = "{self.profile}"\n'
                f'[etcd]\nendpoints = {json.dumps(self.etcd.urls)}\n')

    def office(self):
        """What the coordinator's key says: [term, node, process]."""
        key = base64.b64encode(f"reki/{self.name}/coordinator".encode()).decode()
        member = next(m for m in self.etcd.members if m.runs())
        value = member.ask("/v3/kv/range", {"key": key})["kvs"][0]["value"]
        words = base64.b64decode(value).decode().split()
        check("term, node, process", len(words) == 3, words)
        return words

    def coordinator(self):
        return self.nodes[self.office()[1]]
