"""How long a key is without its actor: when its node is lost, and when it moves.

    failover.py gap [--how kill_child|kill_both|cut|stop_all|drain...] [--samples N]
    failover.py pause [--rounds N] [--keys N]

Prints one JSON document; times in milliseconds. `gap` is from just before the fault to the first answer of a newer
start of the one key that is called every millisecond. `pause` is the longest time between two answers of a key while
a node leaves ("drain"), and while it comes back ("join"): of those that moved, and of the others for comparison.
"""

import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cluster"))

import faults  # noqa: E402
import network  # noqa: E402
import processes  # noqa: E402
from harness import check, until  # noqa: E402
from net_cluster import NetCluster  # noqa: E402

PROBER = os.environ["REKI_CHAOS_PROBER"]
SETTLED_MS = 100  # no silence as long as this: all is as usual
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


def one_gap(cluster, prober, key, how, restart_after):
    """One sample: (gap or None if the start is the same as before, silence)."""
    owner = prober.settle()[key]["after"]["node"]
    prober.mark()
    began = processes.boot_ns()
    watch = NewStart(prober, key, began)
    fault = {"kind": how, "node": owner, "group": [owner], "toss": 0, "size": 1}
    with faults.KINDS[how](cluster, fault):
        deadline = time.monotonic() + restart_after
        while not watch.is_there() and time.monotonic() < deadline:
            time.sleep(0.01)
    cluster.nodes[owner].ensure_up()
    # By a newer start, or by the same one, if its node was only silent.
    until("the key is answered again", ANSWERED, lambda: watch.is_there() or is_answered(prober, key))
    return watch.gap_ms(), prober.report()[key]["silent_ms"]


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


def gap(cluster, how="kill_child", samples=10, restart_after=2.0):
    prober = Prober(cluster, ["the-key"], interval_us=1000)
    gaps, silences = [], []
    for _ in range(samples):
        one, silence = one_gap(cluster, prober, "the-key", how, restart_after)
        silences.append(silence)
        if one is not None:
            gaps.append(one)
    prober.end()
    return {"how": how, "gap_ms": percentiles(gaps), "silent_ms": percentiles(silences)}


def split_by_move(report):
    """The silences of the keys that have a newer start now, and of the others."""
    moved = [one["silent_ms"] for one in report.values() if one["after"]["fence"] != one["before"]["fence"]]
    stayed = [one["silent_ms"] for one in report.values() if one["after"]["fence"] == one["before"]["fence"]]
    return moved, stayed


def pause(cluster, rounds=3, keys=50, interval_us=10_000):
    """Each node in turn leaves and comes back."""
    prober = Prober(cluster, [f"moving-{n}" for n in range(keys)], interval_us)
    out = {what: {"moved": [], "stayed": []} for what in ("drain", "join")}

    def note(what):
        moved, stayed = split_by_move(prober.report())
        out[what]["moved"] += moved
        out[what]["stayed"] += stayed

    for number in range(rounds):
        node = cluster.nodes[cluster.ids[number % len(cluster.ids)]]
        prober.settle()
        prober.mark()
        code = node.terminate()
        check("a node that is told to end exits with 0", code == 0, code)
        time.sleep(1)
        note("drain")
        prober.mark()
        node.ensure_up()
        time.sleep(2)
        note("join")
    prober.end()
    return {what: {name: percentiles(values) for name, values in split.items()} for what, split in out.items()}


def main():
    parser = argparse.ArgumentParser(prog="failover", description="How long a key is without its actor.")
    parser.add_argument("what", choices=["gap", "pause"])
    parser.add_argument("--how", default="kill_child", choices=sorted(faults.KINDS), help="gap: the fault")
    parser.add_argument("--samples", type=int, default=20, help="gap: how many")
    parser.add_argument("--restart-after", type=float, default=2.0, help="gap: seconds that the fault lasts at most")
    parser.add_argument("--rounds", type=int, default=3, help="pause: nodes that leave and come back")
    parser.add_argument("--keys", type=int, default=50, help="pause: keys that are called")
    parser.add_argument("--nodes", type=int, default=3)
    options = parser.parse_args()
    if missing := network.why_not():
        processes.note(f"SKIPPED: {missing}")
        return 77
    processes.end_on_sigterm()
    with NetCluster(options.nodes, small_disks=4) as cluster:
        if options.what == "gap":
            result = gap(cluster, options.how, options.samples, options.restart_after)
        else:
            result = pause(cluster, options.rounds, options.keys)
    print(json.dumps({"nodes": options.nodes, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
