"""campaign.py: faults on a cluster under load, one after the other, then the verdicts on all that the actors did and on
all that the callers were answered.

Prints one JSON document. Exit code 0: the promise was kept and the cluster came back after everything; 1: it was not;
2: usage; 3: nothing can be said; 77: this machine has no network namespaces for us.
"""

import argparse
import collections
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cluster"))

import faults  # noqa: E402
import network  # noqa: E402
import processes  # noqa: E402
from harness import check  # noqa: E402
from net_cluster import EXIT_FENCED, NetCluster  # noqa: E402

LOAD = os.environ["REKI_CHAOS_LOAD"]
JUDGE = os.environ["REKI_CHAOS_JUDGE"]
HISTORY_CHECK = os.environ["REKI_CHAOS_HISTORY_CHECK"]
CALM = 120  # seconds within which nothing may fail any more once the last fault is over
JUDGING = 600


class Load:
    """The callers of one campaign; what they did is in `history` and `seconds`."""

    def __init__(self, cluster, name, **options):
        self.history = os.path.join(cluster.folder, f"{name}.history.jsonl")
        self.checked = os.path.join(cluster.folder, f"{name}.history")
        self.seconds_file = os.path.join(cluster.folder, f"{name}.seconds.jsonl")
        words = [f"{name}={value}" for name, value in options.items()]
        # To a file: a pipe that nobody reads would hold it up in the end.
        with open(self.seconds_file, "w") as out:
            self.process = cluster.start(LOAD, f"cluster={cluster.name}", f"addresses={cluster.addresses}",
                                         f"history={self.history}", f"checked={self.checked}", *words, stdout=out)

    def end(self):
        self.process.terminate()
        return self.wait()

    def wait(self):
        _, err = self.process.communicate(timeout=120)
        check("the load ends well", self.process.returncode == 0, self.process.returncode, err)
        return self.lines()[-1]["totals"]

    def lines(self):
        with open(self.seconds_file) as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]


def comes_to_rest(cluster, seed):
    """Seconds until all calls of a second went well, once no fault is in force; None if that never comes."""
    began = time.monotonic()
    number = 0
    while time.monotonic() - began < CALM:
        number += 1
        totals = Load(cluster, f"calm-{number}", seconds=2, rate=200, seed=seed, timeout_ms=5000, mix="call:1").wait()
        if totals["ok"] > 0 and not totals["failed"]:
            return round(time.monotonic() - began, 1)
    return None


def judge(cluster):
    done = subprocess.run([JUDGE, "--freezes", cluster.write_freezes(), cluster.witness_dir], capture_output=True, text=True,
                          timeout=JUDGING)
    check("the judge gives a verdict", done.returncode in (0, 1, 3) and done.stdout, done)
    return done.returncode, json.loads(done.stdout)


def check_history(history):
    done = subprocess.run([HISTORY_CHECK, history], capture_output=True, text=True, timeout=JUDGING)
    return {"ok": done.returncode == 0, "said": done.stdout[-4000:] + done.stderr[-4000:]}


def outcomes(history):
    with open(history) as lines:
        return dict(collections.Counter(json.loads(line)["outcome"] for line in lines))


def run(options, plan, summary):
    """Fills `summary`; returns the judge's exit code."""
    with contextlib.ExitStack() as at_the_end:
        c = at_the_end.enter_context(NetCluster(options.nodes, seed=options.seed, small_disks=4, profile=options.profile,
                                                unguarded=unguarded(options), machines=True))
        if options.out:
            at_the_end.callback(keep_evidence, c, options, plan)
        load = Load(c, "load", rate=options.rate, callers=options.callers, keys=options.keys, seed=options.seed)
        began = time.monotonic()
        for step in plan:
            summary["faults"].update(faults.strike(c, step))
            time.sleep(step["rest"])
        summary["rest_after_s"] = comes_to_rest(c, options.seed)
        summary["operations"] = load.end()
        summary["seconds"] = round(time.monotonic() - began, 1)
        summary["outcomes"] = outcomes(load.history)
        summary["drains"] = collections.Counter(one["exit_code"] for one in c.drains)
        summary["drains_failed"] = [one for one in c.drains if one["exit_code"] not in (0, EXIT_FENCED)]
        for node in c.nodes.values():
            node.terminate()
            node.killed = True
        code, verdict = judge(c)
        summary["judge"] = verdict
        summary["class_a"] = verdict["class_a"]
        summary["class_b"] = verdict["class_b"]
        summary["class_b_with_effect"] = verdict["class_b_with_effect"]
        summary["history"] = check_history(load.checked)
    return code


def keep_evidence(cluster, options, plan):
    """Logs, witnesses, histories and the plan, sparse as they are."""
    shutil.rmtree(options.out, ignore_errors=True)
    os.makedirs(options.out)
    with open(os.path.join(options.out, "plan.json"), "w") as out:
        json.dump({"seed": options.seed, "plan": plan}, out, indent=1)
    cluster.write_freezes()
    subprocess.run(["cp", "-r", "--sparse=always", "--no-target-directory", cluster.folder,
                    os.path.join(options.out, "cluster")], check=True)


def verdict_of(code, summary):
    """The campaign's exit code, and what speaks against it."""
    against = []
    if code == 1:
        against.append("the judge: the promise is broken")
    if not summary["history"]["ok"]:
        against.append("the history is out of order")
    if summary["faults"].total() < summary["wanted"]:
        against.append(f"only {summary['faults'].total()} of {summary['wanted']} faults befell")
    if summary["rest_after_s"] is None:
        against.append(f"calls still failed {CALM} s after the last fault")
    if summary["drains_failed"]:
        against.append("a node that was told to end did not exit with 0")
    return (1 if against else code), against


def kinds_of(options):
    return options.kinds.split(",") if options.kinds else faults.kinds_here()


def plan_of(options):
    ids = [f"n{i + 1}" for i in range(options.nodes)]
    return faults.make_plan(options.seed, options.faults, ids, kinds_of(options), options.shortest, options.longest,
                            options.rest)


def unguarded(options):
    """The last node, where there is one to spare: the others have guards."""
    return [f"n{options.nodes}"] if options.nodes > 1 else []


def campaign(options):
    plan = plan_of(options)
    summary = {"seed": options.seed, "nodes": options.nodes, "kinds": kinds_of(options), "faults": collections.Counter(),
               "wanted": options.faults}
    try:
        code, summary["against"] = verdict_of(run(options, plan, summary), summary)
    except AssertionError as failed:
        # A node that does not come back, for one; what there is of evidence has been kept.
        code, summary["against"] = 1, [str(failed)]
    print(json.dumps(summary, indent=1 if options.pretty else None), flush=True)
    return code


def parse(words):
    parser = argparse.ArgumentParser(prog="campaign", description="Faults on a cluster under load, then a verdict.")
    parser.add_argument("--faults", type=int, default=30, help="how many; a few befall together")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31), help="replays a plan")
    parser.add_argument("--kinds", help="of faults, comma-separated: " + ", ".join(faults.KINDS))
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--shortest", type=float, default=0.01, help="seconds that a fault lasts at least")
    parser.add_argument("--longest", type=float, default=10, help="and at most")
    parser.add_argument("--rest", type=float, default=1.5, help="seconds between two at most")
    parser.add_argument("--profile", default="lan", choices=["lan", "cloud"], help="of the cluster's leases")
    parser.add_argument("--rate", type=int, default=500, help="calls a second, as far as they are answered")
    parser.add_argument("--callers", type=int, default=48)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--out", help="a folder to keep the logs, witnesses and histories in (default: one for the seed "
                                      "in the folder that REKI_CHAOS_OUT names, if it does)")
    parser.add_argument("--pretty", action="store_true", help="the summary on many lines")
    options = parser.parse_args(words)
    unknown = set(kinds_of(options)) - set(faults.KINDS)
    if unknown:
        parser.error(f"unknown kinds: {', '.join(sorted(unknown))}")
    if options.out is None and "REKI_CHAOS_OUT" in os.environ:
        options.out = os.path.join(os.environ["REKI_CHAOS_OUT"], str(options.seed))
    return options


def main():
    options = parse(sys.argv[1:])
    if missing := network.why_not():
        processes.note(f"SKIPPED: {missing}")
        return 77
    processes.end_on_sigterm()
    return campaign(options)


if __name__ == "__main__":
    sys.exit(main())
