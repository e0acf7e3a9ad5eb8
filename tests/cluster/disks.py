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
EXIT_UNAVAILABLE = 3  # another start may succeed
EXIT_FENCED = 4
ABORTED = 128 + 6
SKIPPED = 77  # as ctest knows it
# Until the cluster has healed by itself: generous, machines are shared.
HEALED = 60


class DiskCluster(Cluster):
    """Its nodes may be killed at will; `voters` of them vote. On a machine that is too busy a guard may end a node: it is
    started again then, as a service manager would do."""

    def __init__(self, nodes=3, voters=3, expected=()):
        settings = "voters = [" + ", ".join(f'"n{i + 1}"' for i in range(voters)) + "]\n"
        super().__init__(types=counter_type(), nodes=nodes, settings=settings,
                         expected=["guard_killed", "node_killed", "fenced", *expected])
        self.voters = voters

    def kill(self, *ids):
        for node in (self.nodes[id] for id in ids):
            node.killed = True
            with contextlib.suppress(ProcessLookupError):  # its guard has ended it
                child = os.pidfd_open(node.pid)
                node.put_away()
                harness.await_death(child)

    def tend(self):
        for node in self.nodes.values():
            if not node.killed and node.process.poll() == EXIT_FENCED:
                node.start()

    def stop(self):
        for node in self.nodes.values():
            node.killed = node.killed or node.process.poll() == EXIT_FENCED
        super().stop()

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
        self.tend()
        return self.reki("status", id, code=None).get("nodes", {}).get(id, {})

    def all_vote(self, *ids):
        """Each by its own register, and no change of voters is under way."""
        def does(id):
            s = self.status_of(id)
            return s.get("votes") == 1 and s["voters"] == self.voters and s["old_voters"] == 0
        until(f"{ids} vote", HEALED, lambda: all(does(id) for id in ids), every=0.1)

    def serves(self, *keys):
        for key in keys:
            until(f"{key} is served", HEALED, lambda key=key: self.fence(key), every=0.1)

    def fence(self, key):
        """0 if it is not served now."""
        self.tend()
        return int(self.reki("start", "counter", key, code=None).get("fence", 0))  # digits, beyond 2^53

    def refuses(self, id, *texts, code=EXIT_USAGE):
        """The node ends at once, and says why."""
        node = self.nodes[id]
        node.start()
        node.killed = True
        ended = node.process.wait(harness.END)
        said = self.said(node)
        check(f"{id} is refused", ended == code and all(text in said for text in texts), ended, said, texts)

    def misses_a_majority(self, id):
        """It says so after two seconds: time for several elections."""
        node = self.nodes[id]
        until(f"{id} misses a majority", HEALED, lambda: "no coordinator answers" in self.said(node))
        check(f"{id} does not become ready by itself", "event=ready" not in self.said(node), self.said(node))

    def said(self, node):
        """Since its last start."""
        with open(node.log, encoding="utf-8") as log:
            log.seek(node.started_at)
            return log.read()

    @contextlib.contextmanager
    def config_with(self, before, after):
        with open(self.config) as config:
            text = config.read()
        check("the config has it", before in text, before, text)
        with open(self.config, "w") as config:
            config.write(text.replace(before, after))
        yield
        with open(self.config, "w") as config:
            config.write(text)


def a_voter_whose_disk_was_lost_gets_an_empty_register_and_votes_again():
    with DiskCluster() as c:
        # The second time it is the coordinator's as likely as not, and always one that has been replaced before.
        for lost, next_to_fail in (("n2", "n1"), ("n1", "n3"), ("n2", "n1")):
            c.kill(lost)
            c.lose_disk(lost)
            c.restart(lost)
            c.all_vote(lost)
            c.kill(next_to_fail)
            c.serves("a", "b", "c", "d")  # by a majority that counts the new register
            c.restart(next_to_fail)
            c.all_vote(*c.ids)


def empty_registers_never_vote_by_themselves():
    with DiskCluster() as c:
        c.kill(*c.ids)
        c.lose_disk("n2")
        for id in ("n1", "n2"):
            c.nodes[id].start()
        for id in ("n1", "n2"):
            c.misses_a_majority(id)
        c.restart("n3")
        for id in ("n1", "n2"):
            check("its ports are free", c.nodes[id].wait_ready())
        c.all_vote(*c.ids)


def a_directory_that_was_mixed_up_is_refused_and_unharmed():
    with DiskCluster() as c:
        c.kill("n2", "n3")
        own, other = c.data_dir("n2"), c.data_dir("n3")
        os.rename(own, own + ".kept")
        shutil.copytree(other, own)
        c.refuses("n2", f"belongs to node 'n3' of cluster '{c.name}', not to node 'n2'")
        os.unlink(os.path.join(own, "lock"))
        c.refuses("n2", "is that of node 'n3', not of 'n2'")
        shutil.rmtree(own)
        os.rename(own + ".kept", own)
        with c.config_with(c.name, "another"):
            c.refuses("n2", f"belongs to node 'n2' of cluster '{c.name}', not to node 'n2' of cluster 'another'")
        c.restart("n2", "n3")
        c.all_vote(*c.ids)


def a_half_of_a_register_that_is_lost_costs_no_vote():
    with DiskCluster(expected=["register_damaged"]) as c:
        size = os.path.getsize(os.path.join(c.data_dir("n2"), "register"))
        for half in (0, 1, 0):
            c.serves("a", "b", "c")
            c.kill("n2")
            with open(os.path.join(c.data_dir("n2"), "register"), "r+b") as register:
                register.seek(half * size // 2)
                register.write(bytes(size // 2))
            c.restart("n2")
            said = c.said(c.nodes["n2"])
            check("it says what, and where", "register_damaged" in said and f"at byte {half * size // 2} cannot be read" in said, said)
            check("it had not to be taken in anew", c.status_of("n2").get("votes") == 1, c.status_of("n2"))
        c.kill("n3")  # n2 is one of the majority
        c.serves("a", "b", "c", "d")
        c.restart("n3")


def two_processes_never_have_one_directory():
    with DiskCluster() as c:
        c.kill("n1")
        with c.config_with(f'"{c.data_dir("n1")}"', f'"{c.data_dir("n2")}"'):
            c.refuses("n1", "is in use by process ", f" (node 'n2' of cluster '{c.name}')", code=EXIT_UNAVAILABLE)
        c.restart("n1")
        c.all_vote(*c.ids)


def a_single_voter_comes_back_with_its_disk_and_not_without():
    with DiskCluster(nodes=2, voters=1) as c:
        c.serves("k")
        fence = c.fence("k")
        c.kill(*c.ids)
        c.restart("n1", "n2")
        c.all_vote("n1")
        until("a higher fence", HEALED, lambda: c.fence("k") > fence)
        c.kill("n1")
        c.lose_disk("n1")
        c.nodes["n1"].start()
        c.misses_a_majority("n1")
        check("nobody serves", c.fence("k") == 0)
        c.kill("n2")
        c.reki("init", "--timeout", "60s")
        check("its ports are free", c.nodes["n1"].wait_ready())
        c.restart("n2")
        c.serves("k", "l", "m")


def of_five_voters_two_lose_their_disks_and_two_others_may_fail_then():
    with DiskCluster(nodes=5, voters=5) as c:
        c.kill("n4", "n5")
        c.lose_disk("n4")
        c.lose_disk("n5")
        c.serves("a", "b", "c", "d")
        c.restart("n4", "n5")
        c.all_vote(*c.ids)
        c.kill("n1", "n2")
        c.serves("a", "b", "c", "d", "e")
        c.restart("n1", "n2")
        c.all_vote(*c.ids)


def a_cluster_that_is_killed_whole_comes_back_with_all_its_voters():
    with DiskCluster() as c:
        keys = [f"k{i}" for i in range(8)]
        for _ in range(3):
            c.serves(*keys)
            before = {key: c.fence(key) for key in keys}
            c.kill(*c.ids)
            c.restart(*c.ids)
            c.all_vote(*c.ids)
            for key in keys:
                until("a higher fence", HEALED, lambda key=key: c.fence(key) > before[key])


def a_voter_whose_disk_fails_ends_saying_so_and_the_others_go_on():
    with DiskCluster(expected=["register_lost"]) as c:
        sign = os.path.join(c.folder, "n2-fails")
        victim = c.nodes["n2"]
        c.kill("n2")
        options = os.environ.get("ASAN_OPTIONS", "")
        victim.more_environment = {"LD_PRELOAD": FAILING_DISK, "REKI_FAILING_DISK": sign,
                                   "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".lstrip(":")}
        c.restart("n2")
        c.all_vote(*c.ids)
        open(sign, "w").close()
        victim.killed = True
        c.kill("n3")  # so that there is another view to be written
        c.restart("n3")
        code = victim.process.wait(harness.END)
        log = victim.logged()
        check("it aborts", code == ABORTED, code, log)
        check("and says why", all(text in log for text in ("register_lost", "cannot sync", "the process must end")), log)
        c.serves("a", "b", "c")
        c.refuses("n2", "cannot sync", "see to the disk, then start the node again", code=EXIT_UNAVAILABLE)
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
        # With the holder's root too: the tests may run in a root of their own.
        inside = ["nsenter", f"--target={self.holder.pid}", "--mount", "--root", f"--wd={self.folder}", "--"]
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
        c.kill("n1")
        c.serves("a", "b", "c")  # n2 has promised, accepted and written
        c.restart("n1")
        c.kill("n2")
        c.restart("n2")
        c.all_vote(*c.ids)
        c.kill("n2")
        for name in ("register", "lock"):
            os.unlink(c.seen(name))
        with open(c.seen("more"), "wb", buffering=0) as more, contextlib.suppress(OSError):
            while True:
                more.write(bytes(4096))
        c.refuses("n2", "No space left on device", code=EXIT_UNAVAILABLE)
        c.serves("a", "b", "c")
        os.unlink(c.seen("more"))
        os.unlink(c.seen("ballast"))
        c.restart("n2")
        c.all_vote(*c.ids)
