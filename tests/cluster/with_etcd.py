"""A cluster whose register is in etcd: what the loss of either does."""

import os
import subprocess
import time

from addresses import Seeded
from etcd_server import Etcd, EtcdCluster, demand_etcd
from harness import COMMAND, Cluster, check, counter_type, say, until
from outages import Session, found, key_of_each_node

# Longer than a lease of either profile, so that every actor of the cluster is suspended meanwhile.
PAUSE_S = 3


# The nodes of the outages have no guards: one ends a node that does not get to say within a tenth of a second that it has come
# to rest, which on a machine that is busy with other tests says nothing about etcd.


class Scene:
    """A key on each node, called twice, and who they are: `as_before` says that nobody was evicted or started again."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.keys = key_of_each_node(cluster)
        self.session = Session(cluster, cluster.nodes["n3"].address)
        for key in self.keys.values():
            check("a first ping", self.session.works(key) == 1)
        self.fences = {key: found(cluster, key)["fence"] for key in self.keys.values()}
        self.incarnations = {id: cluster.status(id)["incarnation"] for id in cluster.ids}

    def as_before(self, what):
        for key in self.keys.values():
            self.session.works_again(key, what)
        for key, fence in self.fences.items():
            check(f"{what}: {key} is the same start", found(self.cluster, key)["fence"] == fence)
            check(f"{what}: its state is kept", self.session.works(key) > 1)
        incarnations = {id: self.cluster.status(id)["incarnation"] for id in self.cluster.ids}
        check(f"{what}: nobody was evicted", incarnations == self.incarnations, incarnations, self.incarnations)

    def end(self):
        self.session.end()

    def is_suspended(self):
        """Nobody serves."""
        return all(self.session.ask("call", key, 100)["code"] != "ok" for key in self.keys.values())


def a_coordinator_that_dies_is_replaced():
    demand_etcd()
    with Etcd() as etcd, EtcdCluster(etcd, expected=["node_killed", "guard_killed", "etcd_silent"]) as c:
        for how in ("the node alone", "its guard too"):
            term, id, _ = c.office()
            key = key_of_each_node(c)[id]
            before = found(c, key)
            victim = c.nodes[id]
            victim.kill_child() if how == "the node alone" else victim.kill()
            session = Session(c, next(n for n in c.nodes.values() if n is not victim).address)
            session.works_again(key, f"kill -9 of the coordinator, {how}")
            after = found(c, key)
            check("another node has it, with a higher fence", after["node"] != id and after["fence"] > before["fence"], after)
            new_term, new_id, _ = c.office()
            check("another coordinator of a later term", new_id != id and int(new_term) > int(term), new_term, new_id)
            session.end()
            victim.process.wait(60)
            victim.start()
            check("its ports are free", victim.wait_ready())
            until("it has its share again", 20, lambda: c.status(id)["slots"] > 5000)


def etcd_that_is_killed_comes_back_with_its_data_and_nothing_is_lost():
    demand_etcd()
    with Etcd() as etcd, EtcdCluster(etcd, profile="cloud", guarded=False, expected=["etcd_silent"]) as c:
        scene = Scene(c)
        etcd.members[0].kill()
        until("every actor is suspended", 20, scene.is_suspended)
        etcd.members[0].start()
        scene.as_before("kill -9 of etcd")
        scene.end()


def etcd_that_stands_still_suspends_actors_and_evicts_nobody():
    demand_etcd()
    with Etcd() as etcd, EtcdCluster(etcd, profile="cloud", guarded=False, expected=["etcd_silent"]) as c:
        scene = Scene(c)
        began = time.monotonic()
        etcd.members[0].stop_still()
        until("every actor is suspended", 20, scene.is_suspended)
        time.sleep(max(0, began + PAUSE_S - time.monotonic()))
        etcd.members[0].go_on()
        scene.as_before(f"SIGSTOP of etcd for {PAUSE_S} s")
        scene.end()


def an_etcd_of_three_may_lose_its_leader():
    demand_etcd()
    with Etcd(3) as etcd, EtcdCluster(etcd, profile="cloud", guarded=False, expected=["etcd_silent"]) as c:
        scene = Scene(c)
        etcd.leader().kill()
        scene.as_before("kill -9 of etcd's leader")
        scene.end()


def people_change_the_profile_there_too():
    demand_etcd()
    with Etcd() as etcd, EtcdCluster(etcd, profile="lan", expected=["profile_differs", "etcd_silent"]) as c:
        for name, lease in (("cloud", 1500), ("lan", 650)):
            c.reki("profile", "set", name, "--timeout", "30s")
            now = c.reki("profile")
            check("it is so", (now["profile"], now["lease_ms"], now["changing"]) == (name, lease, False), now)
        check("nobody was put out", [n["state"] for n in c.reki("nodes")["nodes"]] == ["up"] * len(c.nodes))


def a_whole_cluster_starts_again_from_etcd():
    demand_etcd()
    with Etcd() as etcd, EtcdCluster(etcd, profile="cloud", expected=["etcd_silent"]) as c:
        keys = key_of_each_node(c)
        before = {key: found(c, key)["fence"] for key in keys.values()}
        c.stop()
        for node in c.nodes.values():
            node.start()
        for node in c.nodes.values():
            check("its ports are free", node.wait_ready())
        for key, fence in before.items():
            check("a higher fence", found(c, key)["fence"] > fence, key)


def init(c, *more, code=0):
    done = subprocess.run([COMMAND, "--config", c.config, "init", *more], capture_output=True, text=True, timeout=60)
    check(f"init {more} exits with {code}", code in (None, done.returncode), done)
    return done.stdout + done.stderr


def write_config(c, table):
    with open(c.config, "w") as config:
        config.write(f'[cluster]\nname = "{c.name}"\nengine = "etcd"\n{table}[[node]]\nid = "n1"\nlisten = "tcp://127.0.0.1:1"\n')


def a_cluster_is_made_in_etcd_once():
    demand_etcd()
    with Etcd() as etcd, Cluster(nodes=0) as c:
        write_config(c, f'[etcd]\nendpoints = ["http://127.0.0.1:1", "{etcd.urls[0]}"]\n')
        check("it is made", "is made" in init(c))  # by the second endpoint
        check("a second time it says so", "has been made already" in init(c, code=6))
        check("and is content if asked to be", "has been made already" in init(c, "--if-needed"))
        etcd.members[0].kill()
        silent = init(c, "--timeout", "1s", code=None)
        check("an etcd that is away is named", "etcd at http://127.0.0.1:" in silent, silent)


def run(folder, *words):
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=60)


def make_certificates(folder):
    """An authority, a certificate for 127.0.0.1 that serves both sides, and another authority that has signed nothing."""
    run(folder, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
    run(folder, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=no", "-keyout", "no.key", "-out", "no.pem")
    run(folder, "openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=reki", "-keyout", "both.key", "-out", "both.csr")
    with open(os.path.join(folder, "extensions"), "w") as file:
        file.write("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    run(folder, "openssl", "x509", "-req", "-in", "both.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "extensions", "-out", "both.pem")


def etcd_is_asked_over_tls_with_a_certificate():
    demand_etcd()
    with Cluster(nodes=0) as c:
        make_certificates(c.folder)
        file = lambda name: os.path.join(c.folder, name)
        options = ["--cert-file", file("both.pem"), "--key-file", file("both.key"), "--trusted-ca-file", file("ca.pem"), "--client-cert-auth"]
        with Etcd(scheme="https", options=options) as etcd:
            endpoint = f'[etcd]\nendpoints = ["{etcd.urls[0]}"]\n'
            write_config(c, endpoint + 'ca = "no.pem"\n')
            refused = init(c, "--timeout", "30s", code=None)
            check("a stranger's etcd is not trusted", "certificate" in refused and "is made" not in refused, refused)
            write_config(c, endpoint + 'ca = "ca.pem"\n')
            check("etcd trusts no stranger", "is made" not in init(c, "--timeout", "1s", code=None))
            write_config(c, endpoint + 'ca = "ca.pem"\ncert = "both.pem"\nkey = "both.key"\n')
            check("with both it is made", "is made" in init(c))
            say("made over TLS")


class SeededByEtcd(Seeded):
    """Its nodes know etcd and a name, and none of the others."""

    def __init__(self, etcd):
        table = "[etcd]\nendpoints = [" + ", ".join(f'"{url}"' for url in etcd.urls) + "]\n"
        super().__init__(counter_type() + table, settings='engine = "etcd"\n')

    def make_nodes(self):
        nodes = super().make_nodes()
        for node in nodes.values():
            with open(self.file_of(node)) as file:
                text = file.read()
            with open(self.file_of(node), "w") as file:
                file.write(text.replace("seeds =", 'engine = "etcd"\nseeds =', 1))
        return nodes


def nodes_that_know_etcd_and_a_name_find_each_other():
    demand_etcd()
    with Etcd() as etcd, SeededByEtcd(etcd) as c:
        replies = {c.reki("call", "counter", f"k{i}", "increment")["reply"] for i in range(30)}
        check("all keys are served", replies == {1}, replies)
        check("all are in", [n["node"] for n in c.reki("nodes")["nodes"]] == c.ids)
        c.nodes["n3"].terminate()
        c.nodes["n3"].start()
        check("n3 is back", c.nodes["n3"].wait_ready())
