"""`reki bench` measures, and its figures hold together."""

import signal

from harness import COMMAND, END, Cluster, check, counter_type, say, until


def bench_has_all_figures_and_they_hold_together():
    with Cluster(counter_type()) as c:
        done = c.reki("bench", "--seconds", "0.5", "--keys", "1000")
        check("on all nodes", done["nodes"] == 3, done)
        measured = {(m["what"], m["how"]): m for m in done["measurements"]}
        check("look-ups, calls and starts", {what.split()[0] for what, _ in measured} == {"look-up", "call", "start"}, done)
        for verb in ("look-up", "call increment", "start"):
            hows = [how for what, how in measured if what == verb]
            check(f"{verb}: one at a time, and many", len(hows) >= 2 and "1 at a time" in hows, hows)
        for (what, how), m in measured.items():
            say(f"{what}, {how}: {m['per_second']:.0f}/s, p50 {m['p50_us']:.0f} us, p99 {m['p99_us']:.0f} us")
            check("nothing fails", m["errors"] == {}, m)
            check("something is done", m["operations"] > 0 and m["seconds"] > 0 and m["per_second"] > 0, m)
            ranks = [m[name] for name in ("p50_us", "p90_us", "p99_us", "p999_us")]
            check("percentiles rise", 0 < ranks[0] and ranks == sorted(ranks), m)
            check("the rate is that of the operations", abs(m["per_second"] * m["seconds"] / m["operations"] - 1) < 0.01, m)
        one, many = measured["look-up", "1 at a time"], measured["look-up", "16 batches of 64"]
        # A closed loop of one caller: its rate is the inverse of its mean latency, and the median is no more than twice the mean.
        check("the figures of a single caller agree", one["per_second"] * one["p50_us"] / 1e6 < 2, one)
        check("many under way are faster than one", many["per_second"] > one["per_second"], one, many)
        check("it leaves no actor behind", c.reki("count", "counter")["count"] == 0)
        table = c.reki("bench", "--seconds", "0.05", "--keys", "10", json_out=False)
        check("people get a table", "PER SECOND" in table and "P99.9" in table, table)


def a_bench_that_is_interrupted_takes_its_actors_with_it():
    with Cluster(counter_type()) as c:
        # The first interruption comes while it still starts what it will measure, the second one while it measures.
        for number, keys, started in ((signal.SIGINT, 1_000_000, 100), (signal.SIGTERM, 500, 500)):
            bench = c.start(COMMAND, "--config", c.config, "bench", "--seconds", "60", "--keys", str(keys))
            until("it has actors", 60, lambda: c.reki("count", "counter")["count"] >= started)
            bench.send_signal(number)
            out, err = bench.communicate(timeout=END)
            check("it ends well and says so", bench.returncode == 0 and "interrupted" in err, bench.returncode, out, err)
            check("its actors are gone", c.reki("count", "counter")["count"] == 0)
