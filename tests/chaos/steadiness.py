"""What must not happen, and what must come to an end.

    steadiness.py evictions [--minutes N] [--load PERCENT] [--profile lan|cloud]
    steadiness.py minority [--rounds N]

Prints one JSON document. `evictions` keeps all cores busy, and counts the nodes that lose their place although nothing
is wrong with them. `minority` cuts one of three nodes and its clients off from the other two: what they are answered,
how much later than their deadline at most, and that each key has one actor again after that.
"""

import argparse
import collections
import contextlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cluster"))

import campaign  # noqa: E402
import failover  # noqa: E402
import network  # noqa: E402
import processes  # noqa: E402
from harness import COMMAND, check, until  # noqa: E402
from net_cluster import CLIENT, SERVING, NetCluster  # noqa: E402
NO_LEASE = 2.0  # seconds

# Busy for a part of each tenth of a second, by its own clock: a core that others use too is never left to them alone.
BUSY = """
import sys, time
part = float(sys.argv[1])
while True:
    end = time.monotonic() + 0.1 * part
    while time.monotonic() < end: pass
    time.sleep(0.1 * (1 - part))
"""


@contextlib.contextmanager
def all_cores_busy(percent):
    """One such process a core."""
    words = [sys.executable, "-c", BUSY, str(percent / 100)]
    busy = [subprocess.Popen(words) for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def cpu_times():
    """(busy, all) of the machine so far, in ticks."""
    with open("/proc/stat") as stat:
        fields = list(map(int, stat.readline().split()[1:9]))
    return sum(fields) - fields[3] - fields[4], sum(fields)


def incarnations(cluster):
    """{node: its incarnation}, as the nodes say."""
    said = until("all nodes answer", SERVING, lambda: cluster.is_whole() and cluster.ask_quietly("status"))
    return {id: one["incarnation"] for id, one in said["nodes"].items()}


def fenced(cluster):
    """How often its node or its guard has written that the cluster went on without it."""
    return sum(node.logged().count(" event=fenced ") for node in cluster.nodes.values())


def evictions(cluster, minutes, percent, rate):
    load = campaign.Load(cluster, "load", rate=rate, callers=32, timeout_ms=5000)
    before, head = incarnations(cluster), cluster.ask_quietly("nodes")
    with all_cores_busy(percent):
        busy, ticks = cpu_times()
        time.sleep(minutes * 60)
        busy, ticks = (now - then for now, then in zip(cpu_times(), (busy, ticks)))
    up = {id: node.is_up() for id, node in cluster.nodes.items()}
    gone = [id for id in cluster.ids if not up[id]]
    cluster.ensure_whole()
    after, tail = incarnations(cluster), cluster.ask_quietly("nodes")
    evicted = [id for id in cluster.ids if after[id] != before[id]]
    check("a node that lost its place has said so, or its guard has", bool(evicted) == (fenced(cluster) > 0 or gone != []),
          evicted, gone, fenced(cluster))
    totals = load.end()
    return {"minutes": minutes, "cpu_busy_percent": round(100 * busy / ticks, 1), "evictions": fenced(cluster),
            "evicted": evicted, "ended": gone, "elections": tail["term"] != head["term"],
            "views": tail["epoch"] - head["epoch"], "calls": totals["ok"] + sum(totals["failed"].values()),
            "failed": totals["failed"], "longest_call_ms": round(totals["max_ms"], 1)}


def minority(cluster, rounds, lasts, timeout_ms=1000):
    load = campaign.Load(cluster, "load", rate=200, callers=64, timeout_ms=timeout_ms, mix="call:1")
    until("calls are answered", failover.ANSWERED, lambda: any(second.get("ok") for second in load.lines()))
    codes, late, whole_after, said = collections.Counter(), 0.0, [], []
    for number in range(rounds):
        node = cluster.ids[number % len(cluster.ids)]
        key = failover.key_of(cluster, node)
        cluster.network.partition([node, CLIENT])
        # What it was granted just before lasts for less than this, on the slowest clock that is allowed.
        time.sleep(NO_LEASE)
        began = processes.boot_ns()
        said.append(refusal(cluster, key, timeout_ms))
        time.sleep(max(0, lasts - (processes.boot_ns() - began) / 1e9))
        ended = processes.boot_ns()
        cluster.network.heal()
        healed = time.monotonic()
        cluster.ensure_whole()
        whole_after.append((time.monotonic() - healed) * 1000)
        # A line tells of what ended in the second before it.
        for second in (one for one in load.lines() if "at" in one and began + 1e9 <= one["at"] <= ended):
            codes.update(ok=second["ok"], **second["failed"])
            late = max(late, second["max_ms"] - timeout_ms)
        until("calls are answered again", failover.ANSWERED, lambda: (load.lines() or [{}])[-1].get("ok"))
    totals = load.end()
    judged = verdict(cluster, load)
    check("nobody is told of a success by a node without a lease", codes["ok"] == 0 and codes.total() > 0, codes)
    return {"rounds": rounds, "cut_off": codes, "latest_after_deadline_ms": round(late, 1), "said": said,
            "whole_again_ms": failover.percentiles(whole_after), "calls": totals["ok"], "class_a": judged["class_a"],
            "class_b_with_effect": judged["class_b_with_effect"]}


def verdict(cluster, load):
    """Ends the nodes; the judge's verdict, which must be that each key had one actor, as the callers' history must."""
    for node in cluster.nodes.values():
        node.terminate()
        node.killed = True
    code, judged = campaign.judge(cluster)
    history = campaign.check_history(load.checked)
    check("each key had one actor", code == 0 and history["ok"], judged, history)
    return judged


def refusal(cluster, key, timeout_ms):
    """What a person is told, who asks for a key of the node that is cut off."""
    words = [*cluster.network.inside(CLIENT), COMMAND, "--connect", cluster.nodes[cluster.owner("witness", key)].address,
             "call", "witness", key, "add", "{}", "--timeout", f"{timeout_ms}ms"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    check("a node without a quorum says so", done.returncode != 0 and "no quorum" in done.stderr, done)
    return done.stderr.strip()


def measure(options):
    with NetCluster(3, profile=options.profile) as cluster:
        if options.what == "minority":
            return minority(cluster, options.rounds, options.lasts)
        return evictions(cluster, options.minutes, options.load, options.rate)


def main():
    parser = argparse.ArgumentParser(prog="steadiness", description="What must not happen, and what must end well.")
    parser.add_argument("what", choices=["evictions", "minority"])
    parser.add_argument("--minutes", type=float, default=2, help="evictions: how long")
    parser.add_argument("--load", type=float, default=95, help="evictions: percent of each core that others are busy")
    parser.add_argument("--rate", type=int, default=100, help="evictions: calls a second, meanwhile")
    parser.add_argument("--rounds", type=int, default=3, help="minority: how often a node is cut off")
    parser.add_argument("--lasts", type=float, default=4, help="minority: seconds each")
    parser.add_argument("--profile", default="lan", choices=["lan", "cloud"])
    options = parser.parse_args()
    return network.run_meter(lambda: {"what": options.what, "profile": options.profile, **measure(options)})


if __name__ == "__main__":
    sys.exit(main())
