"""What scripts/chaos measures at length, in the short: here the bounds are those of right and wrong, not of speed, since
the machine is shared and the nodes may be slowed by sanitizers. For the same reason leases are those of machines that
pause."""

import json
import time

import campaign
import failover
import faults
import steadiness
from harness import check, say, until
from net_cluster import NetCluster

AGAIN_MS = 20000
LATE_MS = 1000
STILL = 30  # seconds


def keys_are_served_again_by_themselves_after_each_kind_of_loss():
    with NetCluster(profile="cloud") as c:
        for how, victim, samples in (("kill_child", "any", 10), ("cut", "member", 5), ("cut", "coordinator", 3)):
            measured = failover.gap(c, how, samples, lasts=AGAIN_MS / 1000, victim=victim)
            say(json.dumps(measured))
            gaps = measured["gap_ms"]
            check("each time, while the node is away", gaps["samples"] == samples and gaps["max"] < AGAIN_MS, measured)


def all_nodes_restart_one_after_the_other_under_load_and_no_call_fails():
    with NetCluster(profile="cloud") as c:
        measured = failover.rolling(c, rounds=2, rate=300)
        say(json.dumps(measured))
        check("all calls work", measured["failed"] == {} and measured["calls"] > 100 and measured["restarts"] == 6, measured)


def a_minority_says_that_it_has_no_quorum_and_heals_to_one_actor_per_key():
    with NetCluster(profile="cloud") as c:
        measured = steadiness.minority(c, rounds=2, lasts=4)
        say(json.dumps(measured))
        check("inside the deadline", measured["latest_after_deadline_ms"] < LATE_MS, measured)


def nobody_is_evicted_for_a_minute_in_which_all_cores_are_busy():
    with NetCluster(profile="cloud") as c:
        measured = steadiness.evictions(c, minutes=1, percent=95, rate=100)
        say(json.dumps(measured))
        check("it was busy", measured["cpu_busy_percent"] > 80 and measured["calls"] > 100, measured)
        check("nobody", measured["evictions"] == 0 and measured["evicted"] == [] and measured["ended"] == [], measured)


def a_node_that_stood_still_for_half_a_minute_admits_nothing_and_comes_back_as_another():
    with NetCluster(unguarded=["n3"], profile="cloud") as c:
        load = campaign.Load(c, "load", rate=200, callers=32, timeout_ms=1000)
        until("calls are answered", failover.ANSWERED, lambda: any(second.get("ok") for second in load.lines()))
        before = steadiness.incarnations(c)
        with faults.KINDS["stop_unguarded"](c, {}) as befell:
            check("it stands still", befell)
            time.sleep(STILL)
        c.ensure_whole()
        after = steadiness.incarnations(c)
        check("it is another, and nobody else is", [id for id in c.ids if before[id] != after[id]] == ["n3"], before, after)
        load.end()
        verdict = steadiness.verdict(c, load)
        say(json.dumps({name: verdict[name] for name in ("class_a", "class_b", "class_b_with_effect", "take_overs")}))
        check("others had its keys meanwhile", verdict["take_overs"] > 0, verdict)
