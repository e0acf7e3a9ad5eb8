"""A node that is silent, or gone: its callers know within their deadlines, the others' callers never notice."""

import json
import subprocess

from harness import PROBE, SANITIZED, Cluster, check, say

# How much later than its deadline an answer may come: the machine is shared.
LATE_MS = 250 if not SANITIZED else 1000


class Session:
    """One client process with one client in it."""

    def __init__(self, cluster, address):
        self.process = cluster.start(PROBE, "session", cluster.name, address, stdin=subprocess.PIPE)

    def ask(self, verb, key, timeout_ms):
        self.process.stdin.write(f"{verb} {key} {timeout_ms}\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        check(f"{verb} of {key} ends by its deadline", answer["ms"] < timeout_ms + LATE_MS, answer, timeout_ms)
        return answer

    def works(self, key, timeout_ms=20000):
        answer = self.ask("call", key, timeout_ms)
        check(f"a call of {key} works", answer["code"] == "ok", answer)
        return answer["value"]

    def end(self):
        self.process.stdin.close()
        check("the client ends well", self.process.wait(30) == 0, self.process.stderr.read())


def key_of_each_node(c):
    out = {}
    n = 0
    while len(out) < len(c.nodes):
        out.setdefault(c.owner("neighbour", f"key_{n}"), f"key_{n}")
        n += 1
    return out


def nothing_of_a_silent_node_hangs_and_it_serves_on_when_it_is_back():
    with Cluster() as c:
        keys = key_of_each_node(c)
        session = Session(c, c.nodes["n1"].address)
        for key in keys.values():
            check("a first ping", session.works(key) == 1)
        c.nodes["n2"].freeze()
        try:
            for timeout_ms in (300, 1000, 100, 3000):
                answer = session.ask("call", keys["n2"], timeout_ms)
                say(f"a call with {timeout_ms} ms to a stopped node: {answer['code']} after {answer['ms']:.0f} ms")
                check("it says what is known", answer["code"] in ("unreachable", "unknown_outcome"), answer)
                answer = session.ask("lookup", keys["n2"], timeout_ms)
                check("a look-up changes nothing and says unreachable", answer["code"] == "unreachable", answer)
                for node in ("n1", "n3"):
                    session.works(keys[node], 5000)
            c.reki("call", "neighbour", keys["n2"], "ping", "--timeout", "500ms", code=3)
            c.reki("count", "neighbour", "--timeout", "500ms", code=3)
        finally:
            c.nodes["n2"].thaw()
        session.works(keys["n2"])
        check("it is the same actor", c.reki("lookup", "neighbour", keys["n2"])["start_number"] == 1)
        check("and all can be counted again", c.reki("count", "neighbour")["count"] == 3)
        session.end()


def a_killed_node_is_unreachable_and_its_keys_work_once_it_is_started_again():
    with Cluster(expected=["guard_killed"]) as c:
        keys = key_of_each_node(c)
        session = Session(c, c.nodes["n3"].address)
        for key in keys.values():
            check("a first ping", session.works(key) == 1)
        for _ in range(2):
            victim = c.nodes["n1"]
            victim.kill()
            for timeout_ms in (300, 1000, 100):
                answer = session.ask("call", keys["n1"], timeout_ms)
                say(f"a call with {timeout_ms} ms to a dead node: {answer['code']} after {answer['ms']:.0f} ms")
                check("it says what is known", answer["code"] in ("unreachable", "unknown_outcome"), answer)
                answer = session.ask("lookup", keys["n1"], timeout_ms)
                check("a look-up says unreachable", answer["code"] == "unreachable", answer)
                for node in ("n2", "n3"):
                    session.works(keys[node], 5000)
            check("a new client gets in through the others", c.reki("owner", "neighbour", keys["n1"])["node"] == "n1")
            nodes = c.reki("status", "--timeout", "1s")["nodes"]
            check("status shows the others and what is wrong with it",
                  nodes["n1"] == {"error": "unreachable"} and nodes["n2"]["node"] == "n2", nodes)
            victim.start()
            check("its port is free", victim.wait_ready())
            check("its actors are gone with it, and new ones start", session.works(keys["n1"]) == 1)
            check("the others' have gone on", session.works(keys["n2"]) > 2)
        session.end()


def a_node_that_is_told_to_end_does_so_under_load_and_loses_no_answer():
    with Cluster() as c:
        keys = key_of_each_node(c)
        busy = c.probe("latency", c.nodes["n2"].address, node="n1", compare="n2", ms=2000)
        check("the neighbours run", busy.stderr.readline() == "ready\n")
        c.nodes["n1"].terminate()
        c.nodes["n1"].killed = True
        done = c.result(busy)
        say(json.dumps(done["here"]["codes"]))
        # At most once: what was under way is answered, the rest is refused or has nobody to go to.
        check("each call has a typed end", set(done["here"]["codes"]) <= {"ok", "shutting_down", "unreachable", "unknown_outcome"},
              done)
        check("calls to another node never notice", set(done["there"]["codes"]) == {"ok"}, done)
        answer = c.reki("call", "neighbour", keys["n1"], "ping", "--timeout", "500ms", code=3)
        check("nobody answers for it", answer["error"]["name"] == "unreachable", answer)
