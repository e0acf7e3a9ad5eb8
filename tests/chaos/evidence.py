"""The whole chain of evidence, on real processes: what must be found is found, and nothing else."""

import collections
import contextlib
import json
import os
import signal
import subprocess
import tempfile

import campaign
import failover
import faults
import harness
import processes
from harness import COMMAND, Cluster, check, say, until
from net_cluster import NetCluster, NetNode, witness_type



class Rivals:
    """Two clusters of one node that both serve all keys, and one folder for their witnesses: what membership keeps from
    being in one cluster. Starts of the second one have higher fences."""

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            self.folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="reki-rivals."))
            os.environ["REKI_WITNESS_DIR"] = self.folder
            undo.callback(os.environ.pop, "REKI_WITNESS_DIR")
            self.older, self.newer = (undo.enter_context(Cluster(witness_type(), nodes=1, profile="cloud")) for _ in range(2))
            self.raise_fences()
            self.undo = undo.pop_all()
        return self

    def raise_fences(self):
        """The upper half of a fence is the epoch in which its slot was gained: each return of a node has a later one."""
        epoch_of_the_older = self.older.status("n1")["epoch"]
        while self.newer.status("n1")["epoch"] <= epoch_of_the_older:
            self.newer.nodes["n1"].terminate()
            self.newer.nodes["n1"].start()
            check("its ports are free", self.newer.nodes["n1"].wait_ready())

    def __exit__(self, *error):
        self.undo.__exit__(*error)

    def judge(self):
        done = subprocess.run([campaign.JUDGE, self.folder], capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout)


def call(cluster, key, message, **fields):
    return cluster.reki("call", "witness", key, message, json.dumps(fields))


def call_in_background(cluster, key, message, **fields):
    return cluster.start(COMMAND, "--config", cluster.config, "--json", "call", "witness", key, message, json.dumps(fields),
                         "--timeout", "60s")


def found(verdict):
    """What was found, without what was only counted."""
    names = ("class_a", "class_b_with_effect", "duplicate_fence", "stale_start", "overlap", "after_stop", "class_b",
             "frozen_admission", "frozen_start", "late_output", "unfinished")
    return {name: verdict[name] for name in names if verdict[name]}


def a_message_to_an_actor_that_has_a_newer_rival_is_found():
    with Rivals() as rivals:
        call(rivals.older, "k", "add")
        call(rivals.newer, "k", "add")
        code, verdict = rivals.judge()
        check("so far there is nothing to find", code == 0 and found(verdict) == {}, verdict)
        check("but a take-over", verdict["take_overs"] == 1 and verdict["handlers"] == 2, verdict)
        call(rivals.older, "k", "add")
        code, verdict = rivals.judge()
        check("class A", code == 1 and found(verdict) == {"class_a": 1}, verdict)
        check("with its key", verdict["examples"][0]["key"] == "k", verdict)
        sound = {"history": {"ok": True}, "rest_after_s": 2.0, "drains_failed": [], "wanted": 2,
                 "faults": collections.Counter(cut=1, loss=1)}
        check("a campaign would say so", campaign.verdict_of(code, sound)[0] == 1)
        check("and of nothing else", campaign.verdict_of(0, sound) == (0, []) and campaign.verdict_of(3, sound) == (3, []))
        for flaw in ({"history": {"ok": False}}, {"rest_after_s": None}, {"drains_failed": [{"node": "n1", "exit_code": 1}]},
                     {"wanted": 3}):
            check("but of each of these", campaign.verdict_of(0, sound | flaw)[0] == 1, flaw)


def a_handler_that_outlasts_a_take_over_is_found_and_its_output_counts():
    with Rivals() as rivals:
        call(rivals.older, "receiver", "add")
        take_over_during(rivals, "quiet", "hold", "ms")
        code, verdict = rivals.judge()
        check("class B, allowed", code == 0 and found(verdict) == {"class_b": 1}, verdict)
        tries = take_over_during(rivals, "loud", "emit", "hold_ms", to="receiver")
        until("the output is accepted", 30, lambda: rivals.judge()[1]["outputs"] == tries)
        code, verdict = rivals.judge()
        check("class B with effect", code == 1 and found(verdict) == {"class_b": 1, "class_b_with_effect": 1}, verdict)


def take_over_during(rivals, name, message, duration, **fields):
    """The newer one starts a key while the older one's handler runs, which ends later. Returns how many keys it took: a
    busy machine may need more time than the handler does."""
    for tries, ms in enumerate((2000, 8000, 32000), start=1):
        key = f"{name}-{tries}"
        handlers = rivals.judge()[1]["handlers"]
        began = processes.boot_ns()
        running = call_in_background(rivals.older, key, message, **{duration: ms}, **fields)
        until(f"the handler of {key} runs", 30, lambda: rivals.judge()[1]["handlers"] > handlers)
        call(rivals.newer, key, "add")
        outlasted = processes.boot_ns() < began + ms * 1_000_000
        rivals.older.result(running)
        if outlasted:
            return tries
    raise AssertionError(f"no handler of {name} outlasted a take-over")


def the_load_outlives_its_nodes_and_writes_all_that_it_did():
    with NetCluster(profile="cloud") as c:
        load = campaign.Load(c, "load", rate=300, callers=12, timeout_ms=500)
        answered = lambda: sum(second.get("ok", 0) for second in load.lines())
        until("calls are answered", 120, lambda: answered() > 100)
        for node in c.nodes.values():
            node.crash()
        until("calls fail", 120, lambda: any(second.get("failed") for second in load.lines()))
        c.ensure_whole()
        before = answered()
        until("calls are answered again", 120, lambda: answered() > before + 100)
        totals = load.end()
        with open(load.history) as lines:
            entries = [json.loads(line) for line in lines]
        check("each call is in the history", len(entries) == totals["ok"] + sum(totals["failed"].values()), totals)
        for client in range(12):
            own = [entry for entry in entries if entry["client"] == client]
            check("and no number is missing", [entry["request"] for entry in own] == list(range(1, len(own) + 1)), own[-3:])
            check("one after the other", all(a["invoked"] < b["invoked"] and (a["returned"] or 0) <= b["invoked"]
                                             for a, b in zip(own, own[1:])))
        kinds = collections.Counter((entry["op"], entry["outcome"]) for entry in entries)
        say(str(dict(kinds)))
        for op, outcome in (("call", "found"), ("lookup_or_start", "found"), ("lookup", "found"), ("stop", "stopped")):
            check(f"there is a {op} that {outcome}", kinds[op, outcome] > 0, kinds)
        check("outcomes that are not known have not returned",
              all((entry["outcome"] == "unknown") == (entry["returned"] is None) for entry in entries))
        check("an answer has a fence", all(entry["fence"] > 0 for entry in entries if entry["outcome"] in
                                           ("found", "started", "stopped")))


def sixty_faults_of_all_kinds_break_nothing():
    kinds = campaign.kinds_of(run_campaign("--faults", 60, "--seed", 3, "--shortest", 0.05, "--longest", 2, "--rest", 0.1,
                                           "--rate", 1000))
    check("all kinds that there are", kinds == faults.kinds_here() and len(kinds) >= len(faults.KINDS) - 1)


def run_campaign(*words):
    """Its options, if it went well."""
    options = campaign.parse(list(map(str, words)))
    plan = campaign.plan_of(options)
    check("a seed always gives the same plan", plan == campaign.plan_of(options))
    summary = {"faults": collections.Counter(), "wanted": options.faults}
    code, against = campaign.verdict_of(campaign.run(options, plan, summary), summary)
    say(json.dumps(summary))
    check("nothing speaks against it", code == 0 and against == [], code, against)
    check("every kind of fault befell", set(summary["faults"]) == set(campaign.kinds_of(options)), summary["faults"])
    check("calls were made and handled", summary["operations"]["ok"] > 100 and summary["judge"]["handlers"] > 100, summary)
    check("a killed node's records are there too", summary["judge"]["files"] > 3, summary)
    return options


def a_history_that_goes_back_is_found():
    with tempfile.TemporaryDirectory(prefix="reki-history.") as folder:
        history = os.path.join(folder, "history")
        lines = ["reki-history 1", "c0 1 lookup k 1000 2000 running 5:2", "c0 2 lookup k 3000 4000 running 5:3"]
        for more, ok in (([], True), (["c1 1 lookup k 5000 6000 running 5:2"], False)):
            with open(history, "w") as out:
                out.write("\n".join(lines + more) + "\n")
            said = campaign.check_history(history)
            check(f"in order: {ok}", said["ok"] == ok, said)


class GuardedNode(NetNode):
    """A node whose guard lets it stand still for as long as it likes: a parent which ends when the node does, and has
    another process in a session of its own."""

    def words(self):
        script = '"$@" & node=$!; setsid sleep 600 & wait $node'
        return [*self.cluster.network.inside(self.id), "sh", "-c", script, "guard", *harness.Node.words(self), "--no-guard"]


def a_guard_and_its_child_are_told_apart():
    with NetCluster(nodes=1, node_class=GuardedNode, profile="cloud") as c:
        node = c.nodes["n1"]
        guard, child = node.guard, node.child
        check("they are two", child and child != guard and node.pids("both") == [guard, child])
        second, = set(node.pids("all")) - {guard, child}
        check("and a third", processes.leads_session(second) and node.pids("all") == [second, guard, child])
        for whom, stopped, running in (("child", [child], [guard, second]), ("guard", [guard], [child, second]),
                                       ("both", [guard, child], [second]), ("all", [second, guard, child], [])):
            with node.frozen(whom) as pids:
                check(f"{whom} is stopped", pids == stopped and all(processes.state_of(pid) == {"T"} for pid in stopped))
                check("and nobody else", all("T" not in processes.state_of(pid) for pid in running))
            until("all go on", 10, lambda: all("T" not in processes.state_of(pid) for pid in (guard, child, second)))
        frozen = [freeze["pid"] for freeze in c.freezes]
        check("the judge is told of each", frozen == [child, guard, child, guard, child, guard, second], frozen)
        node.crash("child")
        until("its guard ends too", 10, lambda: not node.is_up())
        check("there is nobody to strike", node.child is None and node.strike(signal.SIGKILL) == [])
        node.ensure_up()
        guard, child = node.guard, node.child
        node.crash("guard")
        check("a child without its guard", processes.is_running(child) and not node.is_up())
        os.kill(child, signal.SIGKILL)
        node.ensure_up()
        guard, child = node.guard, node.child
        node.crash("both")
        check("both at once", not processes.is_running(guard) and not processes.is_running(child))
        node.ensure_up()
        pids = node.pids("all")
        node.crash("all")
        check("all at once", len(pids) == 3 and not any(processes.is_running(pid) for pid in pids))
        node.killed = True


def the_failover_meter_measures_from_the_kill_to_the_new_start():
    with NetCluster(profile="cloud") as c:
        measured = failover.gap(c, "kill_both", samples=2)
        say(json.dumps(measured))
        # That each is measured right is checked by the meter itself.
        check("each kill has a gap", measured["gap_ms"]["samples"] == 2 and measured["gap_ms"]["min"] > 0, measured)


def the_pause_meter_tells_keys_that_moved_from_those_that_stayed():
    with NetCluster(profile="cloud") as c:
        measured = failover.pause(c, rounds=1, keys=30)
        say(json.dumps(measured))
        moved, stayed = (measured["join"][which]["samples"] for which in ("moved", "stayed"))
        own = sum(c.owner("witness", f"moving-{n}") == c.ids[0] for n in range(30))
        check("those of the node that came back have moved", moved == own > 0, measured, own)
        check("the others have not", stayed == 30 - own > 0, measured)
