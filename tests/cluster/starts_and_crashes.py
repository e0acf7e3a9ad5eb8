"""What a slow start and a crashing actor do to others: nothing."""

import time

from harness import SANITIZED, Cluster, actor_types, alive_at_most, check, say, until

# The bar is the product's, for release builds on a machine that has the time. Sanitizers make everything several times
# slower; and tests share their cores, so that calls to a node where nothing happens show what the machine can do now.
P99_MS = 20 if not SANITIZED else 100


def neighbour_calls(c, ms):
    """A process that calls neighbours on n1, and as many on n2, for so long, and has begun to."""
    probe = c.probe("latency", node="n1", compare="n2", ms=ms)
    check("the neighbours run", probe.stderr.readline() == "ready\n", probe.args)
    return probe


def all_well(result, what):
    here, there = result["here"], result["there"]
    bound = max(P99_MS, 3 * there["p99_ms"])
    for where, calls in (("here", here), ("on a node where nothing happens", there)):
        say(f"{what}: {calls['calls']} calls to neighbours {where}: p50 {calls['p50_ms']:.2f} ms, "
            f"p99 {calls['p99_ms']:.2f} ms, max {calls['max_ms']:.2f} ms")
    check("none of the calls to neighbours fails", set(here["codes"]) == {"ok"}, result)
    check(f"their p99 is below {bound:.0f} ms", here["p99_ms"] < bound, result)


def keys_on(c, node, count):
    out = []
    n = 0
    while len(out) < count:
        if c.owner("slow", f"slow_{n}") == node:
            out.append(f"slow_{n}")
        n += 1
    return out


def a_slow_start_does_not_delay_calls_to_other_keys():
    with Cluster() as c:
        (key,) = keys_on(c, "n1", 1)
        busy = neighbour_calls(c, 3000)
        waiters = [c.probe("burst", node.address, key=key, count=100, ms=3000) for node in c.nodes.values()]
        all_well(c.result(busy), "during a start of 3 s")
        answers = [c.result(waiter) for waiter in waiters]
        check("all who wait are answered", all(a["codes"] == {"ok": 100} for a in answers), answers)
        check("by one start", len({f for a in answers for f in a["fences"]}) == 1, answers)
        check("which one of them began", sum(a["started"] for a in answers) == 1, answers)
        lines = c.witness("slow")
        check("the factory ran once", [line[2] for line in lines] == ["made", "born"], lines)


def many_slow_starts_do_not_delay_calls_to_other_keys():
    with Cluster() as c:
        keys = keys_on(c, "n1", 16)  # far more than there are workers
        busy = neighbour_calls(c, 3000)
        starts = [c.probe("burst", key=key, count=1, ms=2000) for key in keys]
        all_well(c.result(busy), "during 16 starts of 2 s")
        check("all are started", all(c.result(start)["started"] == 1 for start in starts))


def a_short_deadline_at_a_slow_start_is_typed_and_a_retry_finds_the_same_start():
    with Cluster() as c:
        arguments = ["slow", "key", "--args", '{"ms":3000}']
        began = time.monotonic()
        done = c.reki("start", *arguments, "--timeout", "500ms", code=3)
        took = time.monotonic() - began
        check("a typed time-out", done["error"]["name"] == "deadline_exceeded", done)
        check("at its deadline", took < (1.5 if not SANITIZED else 3), took)
        again = c.reki("start", *arguments, "--timeout", "30s")
        lines = c.witness("slow")
        check("the factory ran once", [line[2] for line in lines] == ["made", "born"], lines)
        check("the retry finds the start that goes on", again["fence"] == lines[1][4], again, lines)
        check("and says so", again["state"] == "found", again)
        check("it is the one that lookup finds", c.reki("lookup", "slow", "key")["fence"] == again["fence"])


def an_actor_that_crashes_ten_times_a_second_is_never_two_and_disturbs_nobody():
    seconds = 10 if not SANITIZED else 5
    types = actor_types(crasher='max_restarts = 1000000\nbackoff_initial = "20ms"\nbackoff_max = "40ms"')
    with Cluster(types, expected={"crashed"}) as c:
        done = c.result(c.probe("crash", ms=1000 * seconds))
        say(f"{done['crashed']} crashes: {done['restarting']} of {done['looks']['calls']} looks found it restarting")
        all_well(done, "beside a crash every 100 ms")
        check("each crash is told to its caller", done["crashes"]["codes"] == {"actor_crashed": done["crashed"]}, done)
        check("ten a second", done["crashed"] == 10 * seconds, done)
        check("back-off is visible", done["restarting"] > 10, done)
        # None while the restart itself is under way.
        check("with the time of the next try", done["restarting_with_time"] > 0.9 * done["restarting"], done)
        check("who looks sees it run or restart", set(done["looks"]["codes"]) == {"ok", "restarting"}, done)
        check("it runs again in the end", done["last"] == "ok", done)
        lines = until("the last start is witnessed", 10,
                      lambda: w if ends_alive(w := c.witness("crasher")) else None)
        made = [line for line in lines if line[2] == "made"]
        died = [line for line in lines if line[2] == "died"]
        fences = [line[4] for line in lines if line[2] == "born"]
        check("never two at one moment", alive_at_most(lines) == 1)
        check("one start for each crash, and the first", len(made) == len(fences) == done["crashed"] + 1, len(made), done)
        check("each crash ends one", len(died) == done["crashed"], len(died), done)
        check("fences rise", fences == sorted(set(fences)), fences)
        status = c.status(done["node"])
        check("the node has counted them", status["crashes"] == status["restarts"] == done["crashed"], status)


def ends_alive(lines):
    return bool(lines) and lines[-1][2] == "born"


def a_crash_loop_pauses_its_key_alone():
    types = actor_types(crasher='max_restarts = 2\nrestart_period = "1m"\nbackoff_initial = "1ms"\nbackoff_max = "1m"')
    with Cluster(types, expected={"crashed"}) as c:
        other = next(k for k in (f"other_{n}" for n in range(100)) if c.owner("crasher", k) == c.owner("crasher", "looping"))
        first = c.reki("start", "crasher", other)
        for _ in range(3):
            check("a crash", c.reki("call", "crasher", "looping", "crash", code=1)["error"]["name"] == "actor_crashed")
        looping = c.reki("call", "crasher", "looping", "ping", code=6)["error"]
        check("a crash loop is named", looping["name"] == "crash_loop", looping)
        check("with the time of the next try", 30_000 < looping["retry_after_ms"] <= 60_000, looping)
        check("and the last error", "crashed as asked" in looping["text"], looping)
        check("its neighbour goes on", c.reki("call", "crasher", other, "ping")["fence"] == first["fence"])
        made = [line for line in c.witness("crasher") if line[2] == "made"]
        check("started once and restarted twice, and the neighbour once", len(made) == 4, made)
