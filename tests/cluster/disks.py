"""What becomes of a cluster when its nodes' disks are lost, mixed up, full or broken: real directories, real kills."""

import contextlib
import os
import shutil
import subprocess
import sys

import harness
from harness import Cluster, check, counter_type, until

FAILING_DISK = os.environ["REKI_FAILING_DISK_LIBRARY"]
EXIT_USAGE = 2
ABORTED = 128 + 6
SKIPPED = 77  # as ctest knows it
# Until the cluster has healed by itself: generous, machines are shared.
HEALED = 60


class DiskCluster(Cluster):
    """Its nodes may be killed at will; `voters` of them vote."""

    def __init__(self, nodes=3, voters=3, expected=()):
        settings = "voters = [" + ", ".join(f'"n{i + 1}"' for i in range(voters)) + "]\n"
        super().__init__(types=counter_type(), nodes=nodes, settings=settings,
                         expected=["guard_killed", "node_killed", "fenced", "joining", *expected])
        self.voters = voters

    def data_dir(self, id):
        return os.path.join(self.folder, "data", id)

    def lose_disk(self, id):
        shutil.rmtree(self.data_dir(id))

    def restart(self, *ids):
        for id in ids:
            self.nodes[id].start()
        for id in ids:
            check("its ports are free", self.nodes[id].wait_ready())

    def status_of(self, id):
        """{} if it does not answer."""
        return self.reki("status", id, code=None).get("nodes", {}).get(id, {})

    def all_vote(self, *ids):
        """Each by its own register, and no change of voters is under way."""
        def does(id):
            s = self.status_of(id)
            return s.get("votes") == 1 and s["voters"] == self.voters and s["old_voters"] == 0
        until(f"{ids} vote", HEALED, lambda: all(does(id) for id in ids), every=0.1)

    def serves(self, *keys):
        for key in keys:
            until(f"{key} is served", HEALED,
                  lambda key=key: self.reki("start", "counter", key, code=None).get("node"), every=0.1)

    def refuses(self, id, *texts):
        """The node ends at once, and says why."""
        node = self.nodes[id]
        node.start()
        node.killed = True
        code = node.process.wait(harness.END)
        with open(node.log, encoding="utf-8") as log:
            log.seek(node.started_at)
            said = log.read()
        check(f"{id} is refused", code == EXIT_USAGE and all(text in said for text in texts), code, said, texts)


def a_voter_whose_disk_was_lost_gets_an_empty_register_and_votes_again():
    with DiskCluster() as c:
        # The second time it is the coordinator's as likely as not, and always one that has been replaced before.
        for lost, next_to_fail in (("n2", "n1"), ("n1", "n3"), ("n2", "n1")):
            c.nodes[lost].kill()
            c.lose_disk(lost)
            c.restart(lost)
            c.all_vote(lost)
            c.nodes[next_to_fail].kill()
            c.serves("a", "b", "c", "d")  # by a majority that counts the new register
            c.restart(next_to_fail)
            c.all_vote(*c.ids)


def empty_registers_never_vote_by_themselves():
    with DiskCluster() as c:
        for node in c.nodes.values():
            node.kill()
        c.lose_disk("n2")
        for id in ("n1", "n2"):
            c.nodes[id].start()
        # They say so after two seconds: time for several elections.
        for id in ("n1", "n2"):
            until("they miss a majority", HEALED, lambda id=id: "no coordinator answers" in
                  c.nodes[id].logged()[-2000:] and c.nodes[id].is_ready() is None)
        c.restart("n3")
        for id in ("n1", "n2"):
            check("its ports are free", c.nodes[id].wait_ready())
        c.all_vote(*c.ids)


def a_directory_that_was_mixed_up_is_refused_and_unharmed():
    with DiskCluster() as c:
        for id in ("n2", "n3"):
            c.nodes[id].kill()
        own, other = c.data_dir("n2"), c.data_dir("n3")
        os.rename(own, own + ".kept")
        shutil.copytree(other, own)
        c.refuses("n2", f"belongs to node 'n3' of cluster '{c.name}', not to node 'n2'")
        os.unlink(os.path.join(own, "lock"))
        c.refuses("n2", "is that of node 'n3', not of 'n2'")
        shutil.rmtree(own)
        os.rename(own + ".kept", own)
        with open(c.config) as config:
            text = config.read()
        with open(c.config, "w") as config:
            config.write(text.replace(c.name, "another"))
        c.refuses("n2", f"belongs to node 'n2' of cluster '{c.name}', not to node 'n2' of cluster 'another'")
        with open(c.config, "w") as config:
            config.write(text)
        c.restart("n2", "n3")
        c.all_vote(*c.ids)


def two_processes_never_have_one_directory():
    with DiskCluster() as c:
        c.nodes["n1"].kill()
        with open(c.config) as config:
            text = config.read()
        with open(c.config, "w") as config:
            config.write(text.replace('data_dir = "data/n1"', 'data_dir = "data/n2"'))
        c.refuses("n1", f"is in use by process {c.nodes['n2'].pid} (node 'n2' of cluster '{c.name}')")
        with open(c.config, "w") as config:
            config.write(text)
        c.restart("n1")
        c.all_vote(*c.ids)


def a_single_voter_comes_back_with_its_disk_and_not_without():
    with DiskCluster(nodes=2, voters=1) as c:
        fence = c.reki("start", "counter", "k")["fence"]
        for node in c.nodes.values():
            node.kill()
        c.restart("n1", "n2")
        c.all_vote("n1")
        until("a higher fence", HEALED, lambda: c.reki("start", "counter", "k", code=None).get("fence", 0) > fence)
        c.nodes["n1"].kill()
        c.lose_disk("n1")
        c.nodes["n1"].start()
        until("it asks for init", HEALED, lambda: "reki init" in c.nodes["n1"].logged()[-1000:])
        check("and does not become ready by itself", c.nodes["n1"].is_ready() is None)
        check("a made cluster needs no second init", c.status_of("n2").get("votes", 0) == 0)
        c.nodes["n2"].kill()
        c.reki("init", "--timeout", "60s")
        check("its ports are free", c.nodes["n1"].wait_ready())
        c.restart("n2")
        c.serves("k", "l", "m")


def of_five_voters_two_lose_their_disks_and_two_others_may_fail_then():
    with DiskCluster(nodes=5, voters=5) as c:
        for id in ("n4", "n5"):
            c.nodes[id].kill()
            c.lose_disk(id)
        c.serves("a", "b", "c", "d")
        c.restart("n4", "n5")
        c.all_vote(*c.ids)
        for id in ("n1", "n2"):
            c.nodes[id].kill()
        c.serves("a", "b", "c", "d", "e")
        c.restart("n1", "n2")
        c.all_vote(*c.ids)


def a_cluster_that_is_killed_whole_comes_back_with_all_its_voters():
    with DiskCluster() as c:
        keys = [f"k{i}" for i in range(8)]
        for _ in range(3):
            before = {key: c.reki("start", "counter", key)["fence"] for key in keys}
            for node in c.nodes.values():
                node.kill()
            c.restart(*c.ids)
            c.all_vote(*c.ids)
            for key in keys:
                check("a higher fence", c.reki("start", "counter", key)["fence"] > before[key], key)


def a_voter_whose_disk_fails_ends_saying_so_and_the_others_go_on():
    with DiskCluster(expected=["register_lost"]) as c:
        sign = os.path.join(c.folder, "n2-fails")
        victim = c.nodes["n2"]
        victim.kill()
        options = os.environ.get("ASAN_OPTIONS", "")
        victim.more_environment = {"LD_PRELOAD": FAILING_DISK, "REKI_FAILING_DISK": sign,
                                   "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".lstrip(":")}
        c.restart("n2")
        c.all_vote(*c.ids)
        open(sign, "w").close()
        victim.killed = True
        c.nodes["n3"].kill()  # so that there is another view to be written
        c.restart("n3")       # and one more; n1 and n3 vote for it
        code = victim.process.wait(harness.END)
        log = victim.logged()
        check("it aborts", code == ABORTED, code, log)
        check("and says why", all(text in log for text in ("register_lost", "cannot sync", "the process must end")), log)
        c.serves("a", "b", "c")
        c.refuses("n2", "cannot sync", "see to the disk, then start the node again")
        os.unlink(sign)
        c.restart("n2")
        c.all_vote(*c.ids)


class SmallDisk(DiskCluster):
    """n2's data directory is a file system of its own, of 2 MiB, which only those see who are in `holder`'s mounts."""

    def make_nodes(self):
        nodes = super().make_nodes()
        where = self.data_dir("n2")
        os.makedirs(where, exist_ok=True)
        self.holder = self.start("unshare", "--mount", "--", "sh", "-c",
                                 f"mount -t tmpfs -o size=2m reki-test '{where}' && echo ready && exec sleep infinity")
        check("a small disk", self.holder.stdout.readline() == "ready\n", self.holder.poll())
        inside = ["nsenter", f"--target={self.holder.pid}", "--mount", f"--wd={self.folder}", "--"]
        words = nodes["n2"].words
        nodes["n2"].words = lambda: [*inside, *words()]
        return nodes

    def seen(self, name):
        return f"/proc/{self.holder.pid}/root{self.data_dir('n2')}/{name}"

    def fill_disk(self):
        with open(self.seen("ballast"), "wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        check("the disk is full", os.statvfs(self.seen("")).f_bfree == 0)


def a_voter_whose_disk_is_full_goes_on_and_only_a_new_one_needs_room():
    may = subprocess.run(["unshare", "--mount", "--", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    if may.returncode != 0:
        print("no mount namespaces for us:", may.stderr.decode())
        sys.exit(SKIPPED)
    with SmallDisk() as c:
        c.fill_disk()
        c.nodes["n1"].kill()
        c.serves("a", "b", "c")  # n2 has promised, accepted and written
        c.restart("n1")
        c.nodes["n2"].kill()
        c.restart("n2")
        c.all_vote(*c.ids)
        c.nodes["n2"].kill()
        for name in ("register", "lock"):
            os.unlink(c.seen(name))
        with open(c.seen("more"), "wb", buffering=0) as more, contextlib.suppress(OSError):
            while True:
                more.write(bytes(4096))
        c.refuses("n2", "No space left on device")
        c.serves("a", "b", "c")
        os.unlink(c.seen("more"))
        os.unlink(c.seen("ballast"))
        c.restart("n2")
        c.all_vote(*c.ids)
