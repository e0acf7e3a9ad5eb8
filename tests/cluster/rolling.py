"""From one version to the next and back while the cluster works: one node after the other is replaced by one of the next
level (reki-node-next), and back, until people end the upgrade (`reki upgrade finish`).

    rolling.py [--rounds N]

does the first of the cases with more rounds. Wants the environment of the cluster tests (CMakeLists.txt). Any two programs that
have this way from one to the other can be named there."""

import argparse

import json
import os
import sys
import time

from harness import COMMAND, END, NODE, PROBE, Cluster, check, say, until

NODE_NEXT = os.environ["REKI_NODE_NEXT"]
COMMAND_NEXT = os.environ["REKI_COMMAND_NEXT"]
PROBE_NEXT = os.environ["REKI_PROBE_NEXT"]
UNSUPPORTED, NOT_RUNNING = 25, 1  # as on the wire

# What the logs may say: a node of before the upgrade's end is not let in.
REFUSALS = ["not_let_in", "join_refused", "bad_request"]


def upgrade(c, *words, command=COMMAND, code=0):
    done = c.run(command, "--config", c.config, "--json", "upgrade", *words, "--timeout", "30s", code=code)
    return json.loads(done.stdout)


def levels(c):
    now = upgrade(c)
    return now["level"], {node["node"]: node["max"] for node in now["nodes"]}


def replace(c, id, program):
    """What an operator does: ends the node in peace, and starts the other program on its data directory."""
    node = c.nodes[id]
    began = time.monotonic()
    node.terminate()
    node.program = program
    node.start()
    check("its ports are free", node.wait_ready())
    say(f"{id} runs {os.path.basename(program)} after {time.monotonic() - began:.1f} s")


def loads(c):
    """Clients of both kinds, that call keys of all nodes until they are told to end."""
    return [c.callers(node, compare, program=program, interval_us=4000) for program, node, compare in ((PROBE, "n1", "n2"), (PROBE_NEXT, "n2", "n3"))]


def refused(c, text):
    done = c.run(COMMAND_NEXT, "--config", c.config, "upgrade", "finish", "--timeout", "30s", code=None)
    check("the end of the upgrade is refused", done.returncode != 0 and text in done.stderr, done)


def an_upgrade_goes_forth_and_back_and_forth_under_load_and_no_call_fails(rounds=1):
    with Cluster(expected=["config_differs"]) as c:
        busy = loads(c)
        for round in range(rounds):
            for id in c.ids:
                replace(c, id, NODE_NEXT)
                check("the level stays", levels(c)[0] == 1)
                if id != c.ids[-1]:
                    refused(c, "n3 supports level 1; run a reki that supports level 2 on all nodes first")
            for id in c.ids:
                replace(c, id, NODE)
            check("all are back", levels(c) == (1, {id: 1 for id in c.ids}))
            check("there is nothing to end", upgrade(c, "finish")["level"] == 1)
            say(f"round {round + 1} of {rounds}")
        for id in c.ids:
            replace(c, id, NODE_NEXT)
        done = upgrade(c, "finish")
        check("it is raised", (done["before"], done["level"]) == (1, 2), done)
        check("for all", levels(c) == (2, {id: 2 for id in c.ids}))
        check("again it is done already", upgrade(c, "finish", command=COMMAND_NEXT)["before"] == 2)
        for id in c.ids:
            replace(c, id, NODE_NEXT)
        check("all of it under load", all(each.poll() is None for each in busy))
        c.no_call_failed(*busy)


def fails_to_start(node, *texts):
    node.start()
    node.process.wait(END)
    node.killed = True
    said = node.logged()[node.started_at:]
    check("it does not start, and says why", node.process.returncode != 0 and all(text in said for text in texts), said)
    check("without advice to remove anything", "remove" not in said, said)


def what_only_the_next_level_has_is_refused_by_name_until_the_upgrade_is_finished():
    with Cluster(nodes=4, settings='voters = ["n1", "n2", "n3"]\n', expected=REFUSALS) as c:
        def forwarded(code):
            """An actor of each kind of place asks about a key of another node."""
            keys = {}
            for i in range(200):
                keys.setdefault(c.owner("blob", f"asks_{i}"), f"asks_{i}")
                if len(keys) == len(c.ids):
                    break
            about = {c.owner("neighbour", f"neighbour_{i}"): f"neighbour_{i}" for i in range(40)}
            for node, key in list(keys.items())[:2]:
                for owner, other in about.items():
                    c.reki("call", "blob", key, "ask_next", json.dumps({"key": other}))
                    got = until("it is answered", 10, lambda: [r] if (r := c.reki("call", "blob", key, "next_code")["reply"]) != -1 else None)
                    check(f"{node} asks {owner} for the operation", got == [code], got)

        def ask(program):
            return c.result(c.probe("next", program=program, key="neighbour_1"))

        for id in c.ids:
            replace(c, id, NODE_NEXT)
        for program in (PROBE, PROBE_NEXT):
            answer = ask(program)
            check("the operation is refused with its level", answer["code"] == "unsupported" and "needs level 2, and the cluster has level 1" in answer["text"], answer)
        forwarded(UNSUPPORTED)
        register = os.path.join(c.nodes["n3"].data_dir, "register")

        def form():
            with open(register, "rb") as file:
                return file.readline()
        check("registers can be read by who may come back", form() == b"reki register, version 2\n", form())
        with open(c.config) as config:
            text = config.read()
        later = os.path.join(c.folder, "later.toml")
        with open(later, "w") as config:
            config.write(text.replace("[cluster]\n", '[cluster]\nlabel = "new"\n'))
        check("the earlier one refuses the new key", "unknown key 'label'" in c.run(COMMAND, "config", "check", later, code=2).stderr)
        c.run(COMMAND_NEXT, "config", "check", later)
        c.run(COMMAND_NEXT, "config", "check", later, "--for", 2)
        told = c.run(COMMAND_NEXT, "config", "check", later, "--for", 1, code=2).stderr
        check("and the later one says so before", all(part in told for part in ("later.toml:2:", "label came with level 2", "leave it out until")), told)
        c.run(COMMAND_NEXT, "config", "check", c.config, "--for", 1)
        check("nobody knows what is later still", "supports levels 1 to 2" in c.run(COMMAND_NEXT, "config", "check", later, "--for", 3, code=None).stderr)
        upgrade(c, "finish")
        for program in (PROBE, PROBE_NEXT):
            check("it is served", ask(program)["code"] == "not_running", ask(program))
        forwarded(NOT_RUNNING)
        until("the register has the next form", 20, lambda: form() == b"reki register, version 3\n")
        # The way back is closed, and says so.
        for id, texts in (("n3", ["has form 3", "leave the data directory as it is"]), ("n4", [])):
            node = c.nodes[id]
            node.terminate()
            node.program = NODE
            if id == "n3":
                before = open(register, "rb").read()
                fails_to_start(node, *texts)
                check("and has changed nothing", open(register, "rb").read() == before)
            else:
                os.rename(node.data_dir, node.data_dir + ".of_the_next")  # as on a new machine
                node.start()
                until("n4 is told", 20, lambda: "the cluster has level 2, and this reki supports level 1; start a later one on this node" in node.logged()[node.started_at:])
                check("it is not in", "n4" not in [n["node"] for n in c.reki("nodes")["nodes"]])
                node.terminate()
            node.program = NODE_NEXT
            node.start()
            check("the later one goes on", node.wait_ready())


def main():
    parser = argparse.ArgumentParser(prog="rolling")
    parser.add_argument("--rounds", type=int, default=20)
    an_upgrade_goes_forth_and_back_and_forth_under_load_and_no_call_fails(parser.parse_args().rounds)


if __name__ == "__main__":
    sys.exit(main())
