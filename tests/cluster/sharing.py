"""One key has one actor, and three nodes share the keys."""

import time

from harness import Cluster, alive_at_most, check, say


def a_thousand_callers_through_all_nodes_share_one_start():
    with Cluster() as c:
        at = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 2_000_000_000  # all are connected by then
        addresses = [node.address for node in c.nodes.values()]
        probes = [c.probe("burst", addresses[i % 3], key="one", count=250, ms=200, at=at) for i in range(4)]
        answers = [c.result(probe) for probe in probes]
        check("all are answered, and well", all(a["codes"] == {"ok": 250} for a in answers), answers)
        check("all answers have one fence", len({f for a in answers for f in a["fences"]}) == 1, answers)
        check("all answers have one start number", len({s for a in answers for s in a["starts"]}) == 1, answers)
        check("all answers name one node", len({n for a in answers for n in a["nodes"]}) == 1, answers)
        check("exactly one caller has started it", sum(a["started"] for a in answers) == 1, answers)
        lines = c.witness("slow")
        check("the factory ran once in the whole cluster", [line[2] for line in lines] == ["made", "born"], lines)
        check("the fence is the actor's own", answers[0]["fences"] == [lines[1][4]], answers, lines)
    check("one actor at a time", alive_at_most(lines) == 1, lines)


def a_hundred_thousand_keys_are_shared_evenly_and_listed_exactly():
    with Cluster() as c:
        slots = [node["slots"] for node in c.reki("nodes")["nodes"]]
        check("all slots are owned", sum(slots) == 16384, slots)
        check("slots per node are within one of each other", max(slots) - min(slots) <= 1, slots)
        count = 100_000
        done = c.result(c.probe("keys", prefix="key_", count=count, batch=5000, page=5000))
        per_node = done["keys_per_node"]
        ratio = max(per_node.values()) / (count / 3)
        say(f"slots {slots}; keys per node {per_node}, max/mean {ratio:.4f}; started in {done['start_s']:.1f} s, "
            f"listed in {done['pages']} pages in {done['list_s']:.1f} s")
        check("all are started", done["codes"] == {"ok": count}, done)
        check("all three nodes have keys", sorted(per_node) == ["n1", "n2", "n3"], per_node)
        check("max/mean <= 1.05", ratio <= 1.05, per_node)
        check("each runs at the owner that the table names", done["not_at_owner"] == 0, done)
        check("the list has exactly those keys, each once", done["listed_exactly"] and not done["failed"], done)
        check("count agrees", done["count"] == count, done)
        ones = sum(str(i).startswith("1") for i in range(count))
        check("count of a prefix agrees", done["count_of_ones"] == ones, done, ones)
        check("all can be stopped", done["stopped"] == count and done["left"] == 0, done)
