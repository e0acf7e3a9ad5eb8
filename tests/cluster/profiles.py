"""People change the profile, which is how long leases are, while the cluster runs: `reki profile`."""

import time

from harness import COMMAND, Cluster, check, say, until

DIFFERS = "profile_differs"


def profile(c, *words, code=0):
    return c.reki("profile", *words, "--timeout", "30s", code=code)


def write_profile(c, name):
    """Into the config that all nodes read when they start."""
    with open(c.config) as config:
        text = config.read()
    with open(c.config, "w") as config:
        config.write(text.replace(f'profile = "{c.profile}"', f'profile = "{name}"'))
    c.profile = name


def is_now(c, name, lease, wait):
    now = profile(c)
    check("the profile is so", (now["profile"], now["lease_ms"], now["wait_ms"], now["changing"]) == (name, lease, wait, False), now)


def the_profile_changes_from_lan_to_cloud_and_back_under_load_and_no_call_fails():
    with Cluster(profile="lan", expected=[DIFFERS]) as c:
        is_now(c, "lan", 650, 850)
        busy = c.callers(ms=15000)
        there_and_back = 0
        while busy.poll() is None:
            for name, lease, wait in (("cloud", 1500, 2000), ("lan", 650, 850)):
                began = time.monotonic()
                before = profile(c, "set", name)["before"]
                say(f"{before} to {name}: {time.monotonic() - began:.2f} s")
                is_now(c, name, lease, wait)
                check("asked again it is done already", profile(c, "set", name)["before"] == name)
            there_and_back += busy.poll() is None
        check("under load", there_and_back > 0)
        c.no_call_failed(busy)
        check("nobody was put out", [n["state"] for n in c.reki("nodes")["nodes"]] == ["up"] * 3)
        profile(c, "set", "cloud")
        for node in c.nodes:
            until("it warns", 10, lambda: f"event={DIFFERS}" in c.nodes[node].logged())
            warning = c.status(node)["config_warning"]
            check("with both remedies", 'write profile = "cloud"' in warning and "'reki profile set lan'" in warning, warning)
        check("and so does the verb", 'the config says "lan"' in profile(c)["config_warning"])
        write_profile(c, "cloud")
        check("until the config says what is so", "config_warning" not in profile(c))
        for node in c.nodes.values():
            node.terminate()
            node.start()
            check("its ports are free", node.wait_ready())
        check("nor do nodes that have read it anew", all("config_warning" not in c.status(node) for node in c.nodes))


def of_voters_that_are_not_let_in_it_is_not_said_that_they_do_not_vote():
    with Cluster(profile="lan", expected=[DIFFERS, "not_let_in", "join_refused"]) as c:
        profile(c, "set", "cloud")
        for id in ("n2", "n3"):
            c.nodes[id].terminate()
            until(f"{id} is out", 20, lambda: id not in [n["node"] for n in c.reki("nodes")["nodes"]])
            c.nodes[id].start()
        for id in ("n2", "n3"):
            until(f"{id} is told", 20, lambda: "event=not_let_in" in c.nodes[id].logged()[c.nodes[id].started_at:])
        check("a key is served", c.reki("call", "neighbour", "some", "ping")["reply"] >= 1)
        told = c.reki("voters")
        check("only one is seen", told["healthy"] == 1 and told["outlook"].startswith("1 of 3 voters are seen to vote, and of n2, n3 it is not known"), told)


def a_member_joins_in_the_middle_of_it_and_one_that_keeps_the_old_value_is_refused_with_the_remedy():
    with Cluster(nodes=4, profile="lan", settings='voters = ["n1", "n2", "n3"]\n', expected=[DIFFERS, "not_let_in", "join_refused"]) as c:
        n4 = c.nodes["n4"]
        n4.terminate()
        until("n4 is out", 20, lambda: len(c.reki("nodes")["nodes"]) == 3)
        busy = c.callers(ms=20000)
        n4.start()
        changes = 0
        while n4.is_ready() is None:
            profile(c, "set", ("cloud", "lan")[changes % 2])
            changes += 1
        say(f"n4 is in after {changes} changes")
        profile(c, "set", "cloud")
        until("n4 warns", 10, lambda: "config_warning" in c.status("n4"))
        check("it is in", len(c.reki("nodes")["nodes"]) == 4)
        n4.terminate()
        until("n4 is out", 20, lambda: len(c.reki("nodes")["nodes"]) == 3)
        n4.start()
        until("n4 is told", 20, lambda: [line for line in n4.logged()[n4.started_at:].splitlines() if "event=not_let_in" in line and all(
            part in line for part in ('profile: the cluster\'s is "cloud" (leases of 1500 ms', 'config says "lan" (leases of 650 ms', "correct [cluster]"))])
        n4.terminate()
        write_profile(c, "cloud")
        n4.start()
        check("with the right one it is let in", n4.wait_ready())
        check("all of it under load", busy.poll() is None)
        c.no_call_failed(busy)
        check("it has nothing to warn of", "config_warning" not in c.status("n4"), c.status("n4"))


def a_profile_that_there_is_not_is_refused():
    with Cluster(profile="lan") as c:
        done = c.run(COMMAND, "--config", c.config, "profile", "set", "wan", code=2)
        check("there are two", "lan" in done.stderr and "cloud" in done.stderr, done)
        check("nothing has changed", profile(c)["profile"] == "lan")
