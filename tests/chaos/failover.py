"""How long a key is without its actor: when its node is lost, and when it moves.

    failover.py gap [--how kill_child|kill_both|cut|stop_all|drain...] [--victim coordinator|member] [--samples N]
    failover.py pause [--rounds N] [--keys N]
    failover.py rolling [--rounds N] [--rate N]

Prints one JSON document; times in milliseconds. `gap` is from just before the fault to the first answer of a newer
start of the one key that is called every millisecond. `pause` is the longest time between two answers of a key while
a node leaves ("drain"), and while it comes back ("join"): of those that moved, and of the others for comparison.
`rolling` is restarts of all nodes under load: which calls failed, and how long the longest took.
"""

import argparse
import collections
import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cluster"))

import campaign  # noqa: E402
import faults  # noqa: E402
import network  # noqa: E402
import processes  # noqa: E402
from harness import SANITIZED, check, until  # noqa: E402
from net_cluster import NetCluster  # noqa: E402

PROBER = os.environ["REKI_CHAOS_PROBER"]
SETTLED_MS = 100 if not SANITIZED else 500  # no silence as long as this: all is as usual
SETTLING = 120
ANSWERED = 120  # seconds within which a key must be, after the fault and the restart


def percentiles(values):
    if not values:
        return {"samples": 0}
    ordered = sorted(values)
    at = lambda q: round(ordered[min(int(q * len(ordered)), len(ordered) - 1)], 1)
    return {"samples": len(ordered), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1), "min": at(0)}


class Prober:
    """The prober's process; see prober.cpp."""

    def __init__(self, cluster, keys, interval_us):
        self.process = cluster.start(PROBER, f"cluster={cluster.name}", f"addresses={cluster.addresses}",
                                     f"keys={','.join(keys)}", f"interval_us={interval_us}", stdin=subprocess.PIPE)
        check("the prober is ready", json.loads(self.process.stdout.readline() or "{}").get("ready"))

    def _ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        check("the prober answers", answer, self.process.poll())
        return json.loads(answer)

    def mark(self):
        return self._ask("mark")["at"]

    def report(self):
        """{key: what happened to it since the mark}"""
        return {one["key"]: one for one in self._ask("report")["keys"]}

    def settle(self):
        """Returns once all keys were answered without a silence for a while; what they are then."""
        def settled():
            self.mark()
            time.sleep(3 * SETTLED_MS / 1000)
            report = self.report()
            return report if all(one["silent_ms"] < SETTLED_MS for one in report.values()) else None
        return until("all keys are answered", SETTLING, settled)

    def end(self):
        self.process.stdin.close()
        check("the prober ends well", self.process.wait(60) == 0, self.process.stderr.read())


def one_gap(cluster, how, victim, lasts):
    """One sample: (gap or None if the start is the same as before, silence)."""
    node = victim_of(cluster, victim)
    key = key_of(cluster, node)
    prober = Prober(cluster, [key], interval_us=1000)
    owner = prober.settle()[key]["after"]["node"]
    check("nothing has moved meanwhile", owner == node, owner, node)
    prober.mark()
    began = processes.boot_ns()
    watch = NewStart(prober, key, began)
    fault = {"kind": how, "node": owner, "group": [owner], "toss": 0, "size": 1}
    with faults.KINDS[how](cluster, fault) as befell:
        check("the fault befalls its node", befell is not False)
        deadline = time.monotonic() + lasts
        while not watch.is_there() and time.monotonic() < deadline:
            time.sleep(0.01)
    cluster.ensure_whole()
    # By a newer start, or by the same one, if its node was only silent.
    until("the key is answered again", ANSWERED, lambda: watch.is_there() or is_answered(prober, key))
    gap, silence = watch.gap_ms(), prober.report()[key]["silent_ms"]
    prober.end()
    return gap, silence


def victim_of(cluster, which):
    coordinator = cluster.coordinator()
    if which == "coordinator":
        return coordinator
    return random.choice([id for id in cluster.ids if which == "any" or id != coordinator])


def key_of(cluster, node):
    """One that the node owns."""
    return next(key for key in (f"key-{n}" for n in range(1000)) if cluster.owner("witness", key) == node)


class NewStart:
    """Waits for the first answer of a newer start; between the last time that there was none and the first that there
    was one, as seen from here, must be when it came."""

    def __init__(self, prober, key, began):
        self.prober, self.key, self.began = prober, key, began
        self.missing_at, self.came_at = began, None

    def is_there(self):
        if self.came_at is None:
            asked = processes.boot_ns()
            came = self.prober.report()[self.key]["first_new_at"]
            if not came:
                self.missing_at = asked
                return False
            check("the prober's time is ours", self.missing_at <= came <= processes.boot_ns(), self.missing_at, came)
            self.came_at = came
        return True

    def gap_ms(self):
        return (self.came_at - self.began) / 1e6 if self.is_there() else None


def is_answered(prober, key):
    before = prober.report()[key]["answers"]
    time.sleep(0.05)
    return prober.report()[key]["answers"] > before


def gap(cluster, how="kill_child", samples=10, lasts=2.0, victim="any"):
    gaps, silences = [], []
    for _ in range(samples):
        one, silence = one_gap(cluster, how, victim, lasts)
        silences.append(silence)
        if one is not None:
            gaps.append(one)
    return {"how": how, "victim": victim, "gap_ms": percentiles(gaps), "silent_ms": percentiles(silences)}


def split_by_move(report):
    """The silences of the keys that have a newer start now, and of the others."""
    moved = [one["silent_ms"] for one in report.values() if one["after"]["fence"] != one["before"]["fence"]]
    stayed = [one["silent_ms"] for one in report.values() if one["after"]["fence"] == one["before"]["fence"]]
    return moved, stayed


def pause(cluster, rounds=3, keys=50, interval_us=10_000):
    """Each node in turn leaves and comes back."""
    prober = Prober(cluster, [f"moving-{n}" for n in range(keys)], interval_us)
    out = {what: {"moved": [], "stayed": []} for what in ("drain", "join")}
    answers = 0
    failed = {what: collections.Counter() for what in out}

    def note(what):
        nonlocal answers
        report = prober.report()
        moved, stayed = split_by_move(report)
        out[what]["moved"] += moved
        out[what]["stayed"] += stayed
        for one in report.values():
            answers += one["answers"]
            failed[what].update(one["failed"])

    for number in range(rounds):
        node = cluster.nodes[cluster.ids[number % len(cluster.ids)]]
        prober.settle()
        cluster.ensure_whole()
        prober.mark()
        code = node.terminate()
        check("a node that is told to end exits with 0", code == 0, code)
        time.sleep(1)
        note("drain")
        prober.mark()
        cluster.ensure_whole()
        time.sleep(1)
        note("join")
    prober.end()
    pauses = {what: {name: percentiles(values) for name, values in split.items()} for what, split in out.items()}
    return {"rounds": rounds, "answers": answers, "failed": failed, **pauses}


def rolling(cluster, rounds=10, rate=500):
    """All nodes restart, one after the other, again and again, under load."""
    load = campaign.Load(cluster, "load", rate=rate, callers=48, timeout_ms=5000)
    until("calls are answered", ANSWERED, lambda: any(second.get("ok") for second in load.lines()))
    took = []
    for _ in range(rounds):
        began = time.monotonic()
        with faults.KINDS["rolling_restart"](cluster, {}) as befell:
            check("all nodes were told to end", befell)
        cluster.ensure_whole()
        took.append(time.monotonic() - began)
    totals = load.end()
    codes = [one["exit_code"] for one in cluster.drains]
    check("nodes that are told to end exit with 0", set(codes) == {0}, cluster.drains)
    return {"rounds": rounds, "restarts": len(codes), "calls": totals["ok"] + sum(totals["failed"].values()),
            "failed": totals["failed"], "why": totals["why"], "longest_call_ms": round(totals["max_ms"], 1), "round_s": percentiles(took)}


def measure(options):
    with NetCluster(options.nodes, small_disks=4, profile=options.profile) as cluster:
        if options.what == "gap":
            return gap(cluster, options.how, options.samples, options.lasts, options.victim)
        if options.what == "pause":
            return pause(cluster, options.rounds, options.keys)
        return rolling(cluster, options.rounds, options.rate)


def main():
    parser = argparse.ArgumentParser(prog="failover", description="How long a key is without its actor.")
    parser.add_argument("what", choices=["gap", "pause", "rolling"])
    parser.add_argument("--how", default="kill_child", choices=sorted(set(faults.KINDS) - set(faults.ON_MACHINES)), help="gap: the fault")
    parser.add_argument("--victim", default="any", choices=["any", "coordinator", "member"],
                        help="gap: whom it befalls; a member is one that is not the coordinator")
    parser.add_argument("--samples", type=int, default=20, help="gap: how many")
    parser.add_argument("--lasts", type=float, default=2.0, help="gap: seconds that the fault lasts at most")
    parser.add_argument("--rounds", type=int, default=3, help="pause: nodes that leave and come back; rolling: of all nodes")
    parser.add_argument("--keys", type=int, default=50, help="pause: keys that are called")
    parser.add_argument("--rate", type=int, default=500, help="rolling: calls a second")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--profile", default="lan", choices=["lan", "cloud"])
    options = parser.parse_args()
    return network.run_meter(lambda: {"nodes": options.nodes, "profile": options.profile, **measure(options)})


if __name__ == "__main__":
    sys.exit(main())
