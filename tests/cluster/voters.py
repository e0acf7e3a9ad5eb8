"""People change which nodes vote, while the cluster runs: `reki voters`.

    voters.py [--rounds N]

changes them from 3 to 5 and back under load, so often. Wants the environment of the cluster tests (CMakeLists.txt)."""

import argparse
import time

from harness import Cluster, check, say, until


def voters(c, *words, code=0):
    return c.reki("voters", *words, "--timeout", "30s", code=code)


def who_votes(c):
    """The voters that count just now."""
    return sorted(v["node"] for v in voters(c)["voters"] if v["health"] == "votes")


def number_of(c, node):
    return next(v["number"] for v in voters(c)["voters"] if v["node"] == node)


def voters_change_from_1_to_3_to_5_and_back_under_load_and_no_call_fails():
    with Cluster(nodes=5, settings='voters = ["n1"]\n', expected=["voters_differ"]) as c:
        check("one votes", who_votes(c) == ["n1"] and "one more loss stops the cluster" in voters(c)["outlook"], voters(c))
        busy = c.callers(ms=8000)
        began = time.monotonic()
        # n1, which is the coordinator at first, votes no more at the end.
        for ids in ("n1 n2 n3", "n1 n2 n3 n4 n5", "n3 n4 n5", "n5"):
            voters(c, "set", *ids.split())
            check("they vote", until("they count", 10, lambda: who_votes(c) == ids.split()), ids)
            say(f"{ids}: after {time.monotonic() - began:.2f} s")
        check("all of it under load", busy.poll() is None)
        c.no_call_failed(busy)
        check("nobody was put out", [n["state"] for n in c.reki("nodes")["nodes"]] == ["up"] * 5)
        for node in c.nodes.values():
            logged = "event=voters_differ" in node.logged() and "reki voters set n1" in node.logged()
            check("the log says that the config names another, and what to do", logged, node.logged())
        check("so does the status", "names n1" in c.status("n2")["config_warning"], c.status("n2"))
        check("and the list of voters", "reki voters set n1" in voters(c)["config_warning"])
        voters(c, "set", "n1")
        until("what the config says is so", 10, lambda: "config_warning" not in c.status("n2"))


def with_two_more_voters_two_more_machines_may_be_lost():
    with Cluster(nodes=5, settings='voters = ["n1", "n2", "n3"]\n', expected=["guard_killed", "voters_differ"]) as c:
        voters(c, "add", "n4", "n5")
        until("five vote", 10, lambda: len(who_votes(c)) == 5)
        check("two may be lost", "2 more may be lost" in voters(c)["outlook"], voters(c))
        for victim in ("n1", "n2"):
            c.nodes[victim].kill()
        until("the others go on", 30, lambda: len(c.reki("nodes")["nodes"]) == 3)
        check("a key is served", c.reki("call", "neighbour", "some", "ping")["reply"] >= 1)
        until("the list says that it is enough", 30, lambda: "3 of 5 voters vote: one more loss stops the cluster" in voters(c)["outlook"])
        # Those that are lost need not be there for others to take their place.
        voters(c, "set", "n3", "n4", "n5")
        check("three of three", who_votes(c) == ["n3", "n4", "n5"] and "1 more may be lost" in voters(c)["outlook"])


def a_voter_that_was_voted_out_while_it_was_down_can_be_voted_in_again():
    with Cluster(nodes=4, settings='voters = ["n1", "n2", "n3"]\n', expected=["voters_differ"]) as c:
        before = number_of(c, "n3")
        c.nodes["n3"].terminate()
        until("n3 is out", 20, lambda: len(c.reki("nodes")["nodes"]) == 3)
        voters(c, "replace", "n3", "n4")
        c.nodes["n3"].start()
        check("its ports are free", c.nodes["n3"].wait_ready())
        check("it does not vote", who_votes(c) == ["n1", "n2", "n4"] and c.status("n3")["votes"] == 0)
        voters(c, "replace", "n4", "n3")
        until("it votes", 10, lambda: who_votes(c) == ["n1", "n2", "n3"])
        check("under a number that nobody has had", number_of(c, "n3") > before + 1)
        for node in ("n1", "n2", "n3"):  # with registers as they are on their disks now
            c.nodes[node].terminate()
            c.nodes[node].start()
            check("its ports are free", c.nodes[node].wait_ready())
        until("they vote as before", 30, lambda: who_votes(c) == ["n1", "n2", "n3"])
        again = c.reki("init", code=6)["error"]
        check("the cluster cannot be made once more", again["name"] == "already_started", again)


def what_cannot_be_is_refused_with_what_to_do():
    with Cluster(nodes=4, settings='voters = ["n1", "n2", "n3"]\n', expected=["guard_killed", "voters_differ"]) as c:
        for words, name, text in (
                (("add", "n4"), "invalid_argument", "4 voters; name 1, 3 or 5"),
                (("remove", "n1"), "invalid_argument", "2 voters"),
                (("set", "n1", "n2", "n9"), "invalid_argument", "'n9' is no member of the cluster; start it"),
                (("set", "n1", "n1", "n2"), "invalid_argument", "named twice"),
                (("add", "n3", "n4"), "invalid_argument", "'n3' is a voter already"),
                (("remove", "n4", "n1"), "invalid_argument", "'n4' is no voter; the voters are n1, n2, n3")):
            error = voters(c, *words, code=2)["error"]
            check("refused", error["name"] == name and text in error["text"], words, error)
        check("nothing has changed", who_votes(c) == ["n1", "n2", "n3"])
        check("as they are is fine", voters(c, "set", "n3", "n2", "n1")["voters"] == ["n1", "n2", "n3"])
        c.nodes["n3"].kill()
        until("n3 is out", 30, lambda: len(c.reki("nodes")["nodes"]) == 3)
        error = voters(c, "set", "n3", code=2)["error"]
        check("one that is not there cannot be the only one", "n3 are not" in error["text"] and "start" in error["text"], error)
        voters(c, "replace", "n3", "n4")
        check("but it can be replaced", who_votes(c) == ["n1", "n2", "n4"])


def from_3_to_5_and_back(rounds):
    with Cluster(nodes=5, settings='voters = ["n1", "n2", "n3"]\n', expected=["voters_differ"]) as c:
        busy = c.callers(interval_us=4000)
        for round in range(rounds):
            for ids in ("n1 n2 n3 n4 n5", "n3 n4 n5", "n1 n2 n3 n4 n5", "n1 n2 n3"):
                voters(c, "set", *ids.split())
                check("they vote", until("they count", 10, lambda: who_votes(c) == ids.split()), ids)
            say(f"round {round + 1} of {rounds}")
        check("all of it under load", busy.poll() is None)
        c.no_call_failed(busy)
        check("nobody was put out", [n["state"] for n in c.reki("nodes")["nodes"]] == ["up"] * 5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    from_3_to_5_and_back(parser.parse_args().rounds)
