"""The programs in examples/, each as its README has it, and the Python client."""

import os
import sys

from harness import EXAMPLES, SOURCE, Cluster, check, counter_type, say


def program(name):
    return os.path.join(EXAMPLES, name)


def plugin(*types, file):
    return "".join(f'[types.{type}]\nplugin = "{program(file)}"\n' for type in types)


def the_local_example_needs_no_cluster():
    with Cluster(nodes=0, types="") as c:
        check("two increments are 2, by one actor", c.run(program("local_counter")).stdout == "value 2, the same actor\n")


def the_counter_example_counts_across_processes():
    with Cluster(counter_type()) as c:
        for n, node in enumerate(c.nodes.values()):
            out = c.run(program("counter_client"), c.name, node.address, "user_123").stdout
            say(out.strip())
            state = "started" if n == 0 else "found"
            check("any node leads to the one counter", f"{state} on " in out and f"value {2 * n + 2}\n" in out, out)


def the_rate_limiter_example_grants_five_of_ten():
    with Cluster(plugin("rate_limiter", file="rate_limiter.so")) as c:
        out = c.run(program("rate_limiter_client"), c.name, c.nodes["n2"].address, "alice").stdout
        check("five of ten", out.endswith("5 of 10 granted\n"), out)
        out = c.run(program("rate_limiter_client"), c.name, c.nodes["n3"].address, "alice", code=1).stdout
        check("the same bucket from another process", out.endswith("0 of 10 granted\n"), out)


def the_chat_example_notices_who_is_gone():
    with Cluster(plugin("chat_inbox", "chat_room", file="chat.so")) as c:
        out = c.run(program("chat_client"), c.name, c.nodes["n1"].address, "lobby").stdout
        check("what is said reaches those present", "ann's hello goes to 2" in out and "[lobby] ann: hello" in out, out)
        check("the silent one is gone", "[lobby] bob: is gone" in out, out)


def the_python_client_does_all_from_the_protocol_page():
    with Cluster(counter_type(), expected={"wrong_cluster", "bad_request"}) as c:
        session = os.path.join(SOURCE, "tests", "python", "cluster_session.py")
        addresses = [node.address for node in c.nodes.values()]
        say(c.run(sys.executable, "-B", session, "--cluster", c.name, "--nodes", "3", *addresses).stdout)
