"""How long a key of the coordinator's is without its actor, with the register in etcd.

    etcd_failover.py [--how kill|lost] [--samples N]

"kill" is kill -9 of the node, of whose death its guard tells; "lost" is the same without guards, so that nobody tells, as when
a machine is gone. Wants the environment of the cluster tests (CMakeLists.txt). From just before that to the first answer of the key's next start, called without a pause. Prints JSON.
"""

import argparse
import json
import sys
import time

from etcd_server import Etcd, EtcdCluster, demand_etcd
from harness import check, until
from outages import AGAIN_MS, Session, found, key_of_each_node


def one_gap(c, how):
    coordinator = c.coordinator()
    key = key_of_each_node(c)[coordinator.id]
    fence = found(c, key)["fence"]
    other = next(node for node in c.nodes.values() if node is not coordinator)
    session = Session(c, other.address)
    session.works(key)
    began = time.monotonic()
    coordinator.kill_child() if how == "kill" else coordinator.kill()
    until("the key is served again", AGAIN_MS / 1000, lambda: session.ask("call", key, AGAIN_MS)["code"] == "ok", every=0)
    gap = (time.monotonic() - began) * 1000
    session.end()
    print(f"{gap:.0f} ms", file=sys.stderr, flush=True)
    coordinator.process.wait(60)
    coordinator.start()
    check("its ports are free", coordinator.wait_ready())
    until("it has its share again", 20, lambda: c.status(coordinator.id)["slots"] > 5000)
    check("it was another start", found(c, key)["fence"] > fence)
    return gap


def measure(how, samples, profile):
    expected = ["node_killed", "etcd_silent", "fenced"]
    with Etcd() as etcd, EtcdCluster(etcd, profile, guarded=how == "kill", expected=expected) as c:
        gaps = sorted(one_gap(c, how) for _ in range(samples))
    at = lambda q: round(gaps[min(int(q * len(gaps)), len(gaps) - 1)], 1)
    return {"how": how, "profile": profile, "samples": len(gaps), "p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99),
            "max_ms": at(1), "min_ms": at(0)}


def the_meter_measures_a_lost_coordinator():
    demand_etcd()
    done = measure("lost", 1, "cloud")
    # Nobody is told of the death: the others have to wait for the end of its lease.
    check("no sooner than a lease", done["samples"] == 1 and done["p50_ms"] > 1000, done)


def main():
    parser = argparse.ArgumentParser(prog="etcd_failover")
    parser.add_argument("--how", default="lost", choices=["kill", "lost"])
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--profile", default="lan", choices=["lan", "cloud"])
    options = parser.parse_args()
    demand_etcd()
    print(json.dumps(measure(options.how, options.samples, options.profile)))


if __name__ == "__main__":
    sys.exit(main())
