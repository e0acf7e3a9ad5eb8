"""Runs the suite in this process, and against a cluster of three nodes, as often as it is told.

    run.py [--in-process N] [--on-three-nodes N]

All runs on three nodes are one after the other on one cluster, each by a client process of its own. A case may ask for the nodes
to be ended, begun again or killed: on one pipe comes a line, on another goes a byte back once it is done.
"""

import argparse
import os
import subprocess
import sys
import threading
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cluster"))

from harness import SANITIZER_REPORT, Cluster, check, say, until  # noqa: E402

SUITE = os.environ["REKI_ANCESTORS_SUITE"]
ACTORS = os.environ["REKI_ANCESTORS_ACTORS"]
RUN_MAX = 240  # s

TYPES = "".join(f'[types.{type}]\nplugin = "{ACTORS}"\n' for type in ("worker", "mortal", "door", "slow"))


class Operator:
    """Does to a cluster's nodes what a run of the suite asks for, on a thread of its own."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.orders, self.ask = os.pipe()
        self.done, self.report = os.pipe()
        self.failed = None

    def __enter__(self):
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.close(self.ask)  # ours: the suite's has gone with it
        self.thread.join()
        os.close(self.done)

    def _serve(self):
        with os.fdopen(self.orders) as orders, os.fdopen(self.report, "wb", buffering=0) as report:
            for order in orders:
                try:
                    self._do(*order.split())
                except BaseException as failed:  # noqa: BLE001: told by whoever waits for the suite
                    self.failed = failed
                    return
                report.write(b".")

    def _do(self, verb, *node):
        if verb == "end":
            self.cluster.stop()
        elif verb == "begin":
            self._begin(self.cluster.nodes.values())
        else:
            victim = self.cluster.nodes[node[0]]
            victim.kill_child()
            victim.process.wait(60)
            self._begin([victim])

    def _begin(self, nodes):
        for node in nodes:
            node.start()
        for node in nodes:
            check("its ports are free", node.wait_ready())
        until("every node has slots", 60, lambda: all(self.cluster.status(id)["slots"] > 0 for id in self.cluster.ids))


def run_suite(number, of, environment, pass_fds=()):
    began = time.monotonic()
    done = subprocess.run([SUITE, "--color_output=no", "--catch_system_errors=no"], timeout=RUN_MAX, env=dict(os.environ, **environment),
                          pass_fds=pass_fds, capture_output=True, text=True)
    said = done.stdout + done.stderr
    check(f"run {number} passes", done.returncode == 0 and not SANITIZER_REPORT.search(said), said)
    say(f"run {number} of {of}: {said.strip().splitlines()[-1]}, {time.monotonic() - began:.1f} s")


def in_process(runs):
    for number in range(1, runs + 1):
        run_suite(number, runs, {})


# What nodes may say that are killed, stopped all at once, started again and asked for what is not there.
EVENTS = ["node_killed", "crashed", "start_failed", "bad_request", "wrong_incarnation", "fenced", "join_refused"]


def on_three_nodes(runs):
    with Cluster(TYPES, expected=EVENTS) as c:
        for number in range(1, runs + 1):
            with Operator(c) as operator:
                environment = {"REKI_ANCESTORS_CLUSTER": c.name, "REKI_ANCESTORS_ADDRESS": c.nodes["n1"].address,
                               "REKI_ANCESTORS_ASK": str(operator.ask), "REKI_ANCESTORS_DONE": str(operator.done)}
                try:
                    run_suite(number, runs, environment, (operator.ask, operator.done))
                finally:  # what went wrong first is said first
                    check("the nodes did as they were told", operator.failed is None, operator.failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-process", type=int, default=0, metavar="N")
    parser.add_argument("--on-three-nodes", type=int, default=0, metavar="N")
    options = parser.parse_args()
    if options.in_process:
        say("in this process")
        in_process(options.in_process)
    if options.on_three_nodes:
        say("on three nodes")
        on_three_nodes(options.on_three_nodes)


if __name__ == "__main__":
    main()
