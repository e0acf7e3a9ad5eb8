#!/usr/bin/python3
"""Goes through all that a client does against a running cluster whose nodes serve the type `counter`
(`increment {by: int}` -> int, `get {}` -> int, starting at 0). Exits 0 if all is as docs/protocol.md says, else 1 with
what is not.

    cluster_session.py --cluster shop [--nodes 3] [--keys 300] tcp://127.0.0.1:7101 [tcp://...]
"""

import argparse
import itertools
import os
import secrets
import sys
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "client", "python"))

from reki import SLOTS, Client, RekiError  # noqa: E402


class Deviation(Exception):
    pass


def must_be(what, got, expected):
    if got != expected:
        raise Deviation(f"{what}: {got!r} instead of {expected!r}")


def must(what, holds):
    if not holds:
        raise Deviation(f"does not hold: {what}")


def must_fail(name, function, *args, **options):
    try:
        got = function(*args, **options)
    except RekiError as e:
        must_be(f"the error of {function.__name__}{args} ({e.text})", e.name, name)
        return
    raise Deviation(f"{function.__name__}{args} gave {got!r} instead of the error {name}")


def one_key(c, other, key):
    must_fail("not_running", c.lookup, "counter", key)
    must_fail("not_running", c.call, "counter", key, "get", start=False)
    actor = c.lookup_or_start("counter", key)
    must("the first lookup_or_start starts", actor.started)
    must("an actor has a fence", actor.fence > 0)
    must_be("the node that answers", actor.node, c.view().owner("counter", key).node)
    again = other.lookup_or_start("counter", key)
    must_be("what another client finds", (again.fence, again.node, again.started), (actor.fence, actor.node, False))
    must_be("the fence that lookup gives", c.lookup("counter", key).fence, actor.fence)
    must_fail("already_started", c.start, "counter", key)

    must_be("increment with a dict", c.call("counter", key, "increment", {"by": 2}), 2)
    must_be("increment with a list, by another client", other.call("counter", key, "increment", [3]), 5)
    must_be("increment by a negative number", c.call("counter", key, "increment", {"by": -1}), 4)
    must_be("get", c.call("counter", key, "get"), 4)
    must_be("get with no fields in a dict", c.call("counter", key, "get", {}), 4)
    c.send("counter", key, "increment", {"by": 6})
    must_be("get after a send", c.call("counter", key, "get"), 10)
    must_be("get of this one start", c.call("counter", key, "get", fence=actor.fence), 10)

    must_fail("unknown_message", c.call, "counter", key, "decrement", [1])
    must_fail("malformed_message", c.call, "counter", key, "increment", [1, 2, 3])
    must_fail("unknown_type", c.lookup_or_start, "no_such_type", key)
    must_fail("too_large", c.lookup, "counter", "k" * 1025)
    must_fail("invalid_argument", c.lookup, "counter", "")
    must_be("get after mistakes", c.call("counter", key, "get"), 10)

    must_be("the fence that stop gives", c.stop("counter", key), actor.fence)
    must_fail("not_running", c.lookup, "counter", key)
    next_one = c.start("counter", key)
    must("the next start has a higher fence", next_one.fence > actor.fence)
    must_be("the counter of a new start", c.call("counter", key, "get"), 0)
    must_fail("gone", c.call, "counter", key, "get", fence=actor.fence)
    c.stop("counter", key)


def a_watched_key(c, other, key):
    watch = c.watch("counter", key, timeout=30)
    must_be("the first thing that a watcher hears", next(watch).kind, "not_running")
    actor = other.lookup_or_start("counter", key)
    other.stop("counter", key)
    told = [next(watch), next(watch)]
    must_be("what a watcher hears of a start and a stop", [(e.kind, e.reason, e.node, e.fence) for e in told],
            [("started", "none", actor.node, actor.fence), ("stopped", "stopped", actor.node, actor.fence)])
    members = [e.node for e in itertools.takewhile(lambda e: e.kind != "view", c.watch(timeout=30)) if e.kind == "member"]
    must_be("the nodes that a watcher hears of", members, [m.node for m in c.nodes()])


def many_keys(c, prefix, count):
    keys = [f"{prefix}{n}" for n in range(count)]
    owners = Counter()
    for n, key in enumerate(keys):
        must_be(f"increment of {key}", c.call("counter", key, "increment", {"by": n}), n)
        owners[c.view().owner("counter", key).node] += 1
    must_be("nodes that own one of the keys", len(owners), len(c.nodes()))
    must_be("the keys listed in pages of 7", sorted(c.list("counter", prefix, page=7)), sorted(keys))
    must_be("count", c.count("counter", prefix), count)
    must_be("count of a longer prefix", c.count("counter", prefix + "1"), sum(k.startswith(prefix + "1") for k in keys))
    for key in keys:
        c.stop("counter", key)
    must_be("keys listed after they were stopped", list(c.list("counter", prefix)), [])
    must_be("count after they were stopped", c.count("counter", prefix), 0)
    return owners


def the_cluster(c, nodes):
    view = c.view()
    if nodes:
        must_be("the number of nodes", len(view.members), nodes)
    slots = Counter(view.table)
    must_be("slots that are owned", sum(n for index, n in slots.items() if index < len(view.members)), SLOTS)
    if len({member.weight for member in view.members}) == 1:
        must("slots per node are within one of each other", max(slots.values()) - min(slots.values()) <= 1)
    must_be("the nodes of status", set(c.status()), {member.node for member in view.members})
    described = {type: {message[0] for message in messages} for type, _, messages in c.describe()}
    must("counter is described with its messages", {"increment", "get"} <= described.get("counter", set()))
    return view


def run(addresses, cluster, nodes=0, keys=300, say=print, watch=True):
    prefix = f"session_{secrets.token_hex(4)}_"
    with Client(addresses, cluster, name="cluster_session") as c, Client(addresses[-1:], cluster) as other:
        view = the_cluster(c, nodes)
        say(f"view {view.epoch}: {', '.join(m.node + ' at ' + m.address for m in view.members)}")
        one_key(c, other, prefix + "one")
        say("one key: looked up, started, called, stopped, started again")
        if watch:
            a_watched_key(c, other, prefix + "watched")
            say("one key and the nodes: watched")
        owners = many_keys(c, prefix, keys)
        say(f"{keys} keys: " + ", ".join(f"{n} on {node}" for node, n in sorted(owners.items())))
    with Client(addresses, cluster + "_not") as stranger:
        must_fail("wrong_cluster", stranger.lookup, "counter", "a")
    say("another cluster's client is refused")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS")
    parser.add_argument("--cluster", required=True)
    parser.add_argument("--nodes", type=int, default=0, help="how many there must be")
    parser.add_argument("--keys", type=int, default=300)
    options = parser.parse_args()
    try:
        run(options.addresses, options.cluster, options.nodes, options.keys)
    except (Deviation, RekiError) as e:
        print(f"cluster_session: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
