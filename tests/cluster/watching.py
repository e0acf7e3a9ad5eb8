"""What watchers of keys, types and nodes are told by real nodes, through crashes, restarts and their own absence."""

import json
import os
import queue
import signal
import sys
import threading
from collections import Counter

from harness import COMMAND, SOURCE, Cluster, check, counter_type, say

sys.path.insert(0, os.path.join(SOURCE, "client", "python"))
import reki  # noqa: E402

PATIENCE = 60


class Watcher:
    """`reki watch --json` as a process of its own, and the events that it prints."""

    def __init__(self, cluster, *words):
        self.process = cluster.start(COMMAND, "--config", cluster.config, "--json", "watch", *words)
        self.events = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))

    def next(self):
        try:
            return self.events.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"{self.process.args} tells nothing more") from None

    def take(self, count):
        return [self.next() for _ in range(count)]

    def until(self, holds):
        """The events up to the first for which it holds, which is the last."""
        out = [self.next()]
        while not holds(out[-1]):
            out.append(self.next())
        return out

    def end(self, number=signal.SIGINT):
        """What it has told that was not asked for."""
        self.process.send_signal(number)
        check("a watch that is interrupted ends well", self.process.wait(PATIENCE) == 0, self.process.stderr.read())
        self.reader.join(PATIENCE)
        return list(self.events.queue)


def line(event):
    reason = f"({event['reason']})" if "reason" in event else ""
    return event["event"] + reason + (" " + event["key"] if "key" in event else "") + (" @" + event["node"] if "node" in event else "")


def lines(events):
    return [line(event) for event in events]


def but_silence(events):
    """Whether a node was away for long enough to be noticed depends on the machine."""
    return [e for e in events if e["event"] not in ("unwatched",)]


def what_becomes_of_a_key_is_told_in_order_with_reasons_nodes_and_fences():
    with Cluster(expected={"crashed"}) as c:
        at = f"k @{c.owner('crasher', 'k')}"
        watcher = Watcher(c, "--type", "crasher", "--key", "k")
        check("first it is told how it is", lines(watcher.take(1)) == [f"not_running {at}"])
        started = c.reki("start", "crasher", "k")
        c.reki("call", "crasher", "k", "crash", code=1)
        c.reki("start", "crasher", "another")
        stopped = c.reki("stop", "crasher", "k")
        events = watcher.take(4)
        check("then each step, in order", lines(events) == [f"started {at}", f"crashed(crashed) {at}", f"restarted {at}",
                                                           f"stopped(stopped) {at}"], events)
        check("with the fences that callers see",
              [e["fence"] for e in events] == [started["fence"]] * 2 + [stopped["fence"]] * 2, events, started, stopped)
        check("and the words of the crash", events[1]["text"] == "crashed as asked", events[1])
        check("and when a restart follows", events[1]["retry_after_ms"] >= 1, events[1])
        check("in the order of the clock", [e["time_ms"] for e in events] == sorted(e["time_ms"] for e in events), events)
        late = Watcher(c, "--type", "crasher", "--key", "another", "--count", "1")
        check("who comes later is told that it runs", late.next()["event"] == "running")
        check("and ends by itself after so many", late.process.wait(PATIENCE) == 0)
        check("no more is told than happens", watcher.end() == [])


def a_type_is_told_of_on_all_three_nodes():
    with Cluster() as c:
        watcher = Watcher(c, "--type", "neighbour")
        check("all three are watched", sorted(lines(watcher.take(3))) == ["watching @n1", "watching @n2", "watching @n3"])
        done = c.result(c.probe("keys", count=300))
        events = watcher.take(600)
        check("each node tells of its own keys", Counter(e["node"] for e in events if e["event"] == "started")
              == Counter(done["keys_per_node"]), done)
        for key in {e["key"] for e in events}:
            told = [(e["event"], e["node"]) for e in events if e["key"] == key]
            node = told[0][1]
            check("each key is started, then stopped", told == [("started", node), ("stopped", node)], key, told)
        check("300 of them", len({e["key"] for e in events}) == 300)
        check("nothing else is told", watcher.end() == [])


def a_killed_node_is_lost_to_its_watchers_who_go_on_where_its_keys_are():
    with Cluster(expected=["node_killed"]) as c:
        key = next(k for k in (f"k{n}" for n in range(100)) if c.owner("neighbour", k) == "n2")
        of_key = Watcher(c, "--type", "neighbour", "--key", key)
        of_type = Watcher(c, "--type", "neighbour")
        of_nodes = Watcher(c, "--nodes")
        check("not running yet", lines(of_key.take(1)) == [f"not_running {key} @n2"])
        of_type.take(3)
        of_nodes.until(lambda e: e["event"] == "view")
        before = c.reki("start", "neighbour", key)
        for watcher in (of_key, of_type):
            check("its start is told", lines(watcher.take(1)) == [f"started {key} @n2"])
        c.nodes["n2"].kill_child()

        told = but_silence(of_key.until(lambda e: e["event"] == "not_running"))
        heir = c.owner("neighbour", key)
        check("the key is somebody else's", heir != "n2", heir)
        check("the key's watcher has followed", lines(told) == [f"moved(node_lost) {key} @{heir}", f"not_running {key} @{heir}"], told)
        check("from where", told[0]["from"] == "n2", told)
        told = but_silence(of_type.until(lambda e: e["event"] == "missed"))
        check("the type's watcher knows that it has missed something", lines(told) == ["missed(node_lost) @n2"], told)
        told = of_nodes.until(lambda e: e["event"] == "lost")
        check("the nodes' watcher knows why", told[-1]["node"] == "n2" and not any(e["event"] == "missed" for e in told), told)
        after = c.reki("start", "neighbour", key)
        for watcher in (of_key, of_type):
            check("and they go on", lines(watcher.take(1)) == [f"started {key} @{heir}"])
        check("with a higher fence", after["fence"] > before["fence"], before, after)

        c.nodes["n2"].process.wait(60)
        c.nodes["n2"].start()
        check("its ports are free", c.nodes["n2"].wait_ready())
        told = but_silence(of_type.until(lambda e: e["event"] == "watching"))
        check("the type is watched there again", "missed(node_joined) @n2" in lines(told) and told[-1]["node"] == "n2", told)
        joined = of_nodes.until(lambda e: e["event"] == "joined")
        check("it has joined", joined[-1]["node"] == "n2", joined)
        # Its share comes from those who had it meanwhile; whether this key is in it, its owner knows.
        last = c.reki("start", "neighbour", key)
        if last["node"] == "n2":
            told = told_of_key = but_silence(of_key.until(lambda e: e["event"] in ("started", "running")))
            check("the key's watcher is back", told[-1]["node"] == "n2" and f"moved(moved) {key} @n2" in lines(told_of_key), told)
        for watcher in (of_key, of_type, of_nodes):
            watcher.end(signal.SIGTERM)


def a_node_that_stood_still_is_another_incarnation_to_its_watchers():
    # The next incarnation may find a question of the watchers' that was for the last one.
    with Cluster(expected=["fenced", "wrong_incarnation"]) as c:
        victim = c.nodes["n2"]
        victim.terminate()
        victim.start("--no-guard")
        check("its ports are free", victim.wait_ready())
        key = next(k for k in (f"k{n}" for n in range(1000)) if c.owner("neighbour", k) == "n2")
        of_key = Watcher(c, "--type", "neighbour", "--key", key)
        of_type = Watcher(c, "--type", "neighbour")
        of_key.take(1)
        of_type.take(3)
        before = c.reki("start", "neighbour", key)
        check("its start is told", lines(of_key.take(1)) == [f"started {key} @n2"])
        check("to both", lines(of_type.take(1)) == [f"started {key} @n2"])
        victim.freeze()
        told = but_silence(of_key.until(lambda e: e["event"] == "not_running"))
        heir = told[-1]["node"]
        check("the key's watcher goes on at its heir", lines(told) == [f"moved(node_lost) {key} @{heir}", f"not_running {key} @{heir}"], told)
        after = c.reki("start", "neighbour", key)
        check("a higher fence", after["fence"] > before["fence"] and after["node"] == heir, before, after)
        check("its start is told", lines(of_key.take(1)) == [f"started {key} @{heir}"])
        victim.thaw()
        told = but_silence(of_type.until(lambda e: e["event"] == "watching" and e["node"] == "n2"))
        told_of_n2 = [t for t in lines(told) if t.endswith("@n2")]
        check("that incarnation is lost, and nothing of it is told after", told_of_n2[0] in ("missed(node_lost) @n2", "missed(node_restarted) @n2")
              and not any(t.startswith(("stopped", "started")) for t in told_of_n2), told)
        for watcher in (of_key, of_type):
            watcher.end(signal.SIGTERM)


def a_watcher_that_reconnects_in_time_is_told_exactly_what_it_missed():
    with Cluster(counter_type()) as c:
        with reki.Client([c.nodes["n1"].address], c.name, name="watcher") as client:
            watch = client.watch("counter", timeout=PATIENCE)
            first = [next(watch) for _ in range(3)]
            check("all three are watched", {(e.kind, e.node) for e in first} == {("watching", n) for n in c.nodes}, first)
            for round in range(3):
                # The connections are gone, and with them what the nodes may have answered meanwhile.
                for free in client._connections.free.values():
                    for connection in free:
                        connection.close()
                client._connections.free.clear()
                keys = [f"k{round}_{n}" for n in range(20)]
                for key in keys:
                    c.reki("start", "counter", key)
                for key in keys[:5]:
                    c.reki("stop", "counter", key)
                told = [next(watch) for _ in range(25)]
                check("what happened meanwhile, each once", Counter((e.kind, e.reason, e.key) for e in told)
                      == Counter([("started", "none", key) for key in keys] + [("stopped", "stopped", key) for key in keys[:5]]), told)
                for node in c.nodes:
                    order = [e.key for e in told if e.node == node and e.kind == "started"]
                    check("in order on each node", order == [key for key in keys if key in order], order)


def a_watcher_that_sleeps_too_long_is_told_how_much_it_missed():
    with Cluster() as c:
        watcher = Watcher(c, "--type", "neighbour")
        watcher.take(3)
        watcher.process.send_signal(signal.SIGSTOP)
        done = c.result(c.probe("keys", count=10000))
        check("nobody is held up by it", done["stopped"] == 10000, done)
        watcher.process.send_signal(signal.SIGCONT)
        last = "the_last_one"
        c.reki("start", "neighbour", last)
        # Each node tells what it still has, from the oldest on.
        events = []
        for node in c.nodes:
            if not any(e["event"] == "watching" and e["node"] == node for e in events):
                events += watcher.until(lambda e: e["event"] == "watching" and e["node"] == node)
        if not any(e.get("key") == last for e in events):
            events += watcher.until(lambda e: e.get("key") == last)
        missed = {e["node"]: e["missed"] for e in events if e["event"] == "missed"}
        told = Counter(e["node"] for e in events if e["event"] in ("started", "stopped") and e["key"] != last)
        say(f"missed {missed}, told {dict(told)}")
        check("each node has a gap", set(missed) == set(c.nodes) and all(missed.values()), missed)
        for node in c.nodes:
            all_of_it = 2 * done["keys_per_node"][node]
            check("what is told and what is missed is all there was", missed[node] + told[node] == all_of_it, node)
        check("for want of room", {e["reason"] for e in events if e["event"] == "missed"} == {"fell_behind"}, events[:5])
        check("nothing else is told", watcher.end() == [])


def a_node_that_is_told_to_end_tells_its_watchers_where_its_keys_go_and_that_it_ends():
    with Cluster() as c:
        of_type = Watcher(c, "--type", "neighbour")
        of_type.take(3)
        key = next(k for k in (f"k{n}" for n in range(100)) if c.owner("neighbour", k) == "n3")
        of_key = Watcher(c, "--type", "neighbour", "--key", key)
        of_key.take(1)
        c.reki("start", "neighbour", key)
        for watcher in (of_key, of_type):
            check("its start is told", lines(watcher.take(1)) == [f"started {key} @n3"])
        c.nodes["n3"].terminate()
        c.nodes["n3"].killed = True
        told = of_type.until(lambda e: e["event"] == "ended")
        check("why its actor stops, and that it ends", lines(told) == [f"stopped(moved) {key} @n3", "ended(closing) @n3"], told)
        told = but_silence(of_key.until(lambda e: e["event"] == "not_running"))
        heir = c.owner("neighbour", key)
        check("the key's watcher follows", lines(told)
              == [f"stopped(moved) {key} @n3", f"moved(moved) {key} @{heir}", f"not_running {key} @{heir}"], told)
        check("nothing is missed, and nothing else told", but_silence(of_type.end()) == [] and but_silence(of_key.end()) == [])


def people_see_columns_and_an_end_when_they_ask_for_it():
    with Cluster(counter_type()) as c:
        nodes = c.reki("nodes")
        out = c.reki("watch", "--nodes", "--count", "5", json_out=False).splitlines()
        check("a head", out[0].split() == ["TIME", "EVENT", "REASON", "NODE", "KEY", "DETAILS"], out)
        check("the nodes and their view", [row.split()[1:] for row in out[1:]]
              == [["member", node, "up"] for node in c.nodes]
              + [["coordinator", nodes["coordinator"], "epoch", str(nodes["epoch"])], ["view", "epoch", str(nodes["epoch"])]], out)
        out = c.reki("watch", "counter", "k", "--for", "200ms", json_out=False).splitlines()
        check("a key, for a while", [row.split()[1] for row in out[1:]] == ["not_running"], out)
        c.reki("start", "counter", "k")
        out = c.reki("watch", "--type", "counter", "--key", "k", "--count", "1", json_out=False).splitlines()
        check("its start", "running" in out[1] and "start 1" in out[1], out)

        def fails(code, wanted, *words):
            done = c.run(COMMAND, "--config", c.config, "watch", *words, code=code)
            check(f"watch {words} says {wanted}", wanted in done.stderr, done.stderr)

        fails(2, "watch what?")
        fails(2, "watch what?", "--nodes", "--type", "counter")
        fails(2, "--for", "counter", "--for", "soon")
        fails(2, "--count", "counter", "--count", "0")
        fails(4, "did you mean 'counter'?", "countr")
