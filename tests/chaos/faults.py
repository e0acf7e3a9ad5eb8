"""What can befall a cluster, and a seeded plan of it.

A fault is a context manager: it is in force in its body and is over after it. Afterwards nodes may be down;
`NetNode.ensure_up` is the campaign's.
"""

import contextlib
import math
import random
import subprocess
import time

import harness
from processes import note

KINDS = {}
ALONE = ("drain", "rolling_restart")  # they wait for their nodes, which another fault might keep from ending


def kind(function):
    """`function(cluster, fault)`; `fault` is an entry of the plan."""
    KINDS[function.__name__] = contextlib.contextmanager(function)
    return function


# ---- processes

@kind
def kill_child(cluster, fault):
    """kill -9 of the process that serves; its guard sees it."""
    cluster.nodes[fault["node"]].crash("child")
    yield


@kind
def kill_both(cluster, fault):
    """kill -9 of the guard and its child; a second guard, if there is one, sees it."""
    cluster.nodes[fault["node"]].crash("both")
    yield


@kind
def kill_all(cluster, fault):
    """The same for the second guard too: nobody sees it."""
    cluster.nodes[fault["node"]].crash("all")
    yield


@kind
def stop_child(cluster, fault):
    """SIGSTOP, later SIGCONT, of the process that serves."""
    with cluster.nodes[fault["node"]].frozen("child"):
        yield


@kind
def stop_all(cluster, fault):
    """The same for its guards too, as when a virtual machine stands still."""
    with cluster.nodes[fault["node"]].frozen("all"):
        yield


@kind
def drain(cluster, fault):
    """SIGTERM, and its exit code is noted."""
    _drain(cluster, fault["node"])
    yield


@kind
def rolling_restart(cluster, fault):
    """All nodes, one after the other."""
    for node in cluster.nodes.values():
        _drain(cluster, node.id)
        node.ensure_up()
    yield


def _drain(cluster, id):
    node = cluster.nodes[id]
    if node.is_up():
        code = node.terminate()
        cluster.drains.append({"node": id, "exit_code": code})


# ---- the network

@kind
def cut(cluster, fault):
    """A machine that nobody hears and that hears nobody, guard included."""
    cluster.network.cut(fault["node"])
    yield
    cluster.network.heal(fault["node"])


@kind
def one_way(cluster, fault):
    """A machine that hears everybody and is heard by nobody, or the other way round."""
    a, b = (fault["node"], "*") if fault["toss"] < 0.5 else ("*", fault["node"])
    cluster.network.cut(a, b, one_way=True)
    yield
    cluster.network.heal(fault["node"])


@kind
def partition(cluster, fault):
    """A majority and a minority of the nodes; clients reach one of the sides."""
    minority = fault["group"]
    cluster.network.partition(minority + (["client"] if fault["toss"] < 0.3 else []))
    yield
    cluster.network.heal()


@kind
def data_port(cluster, fault):
    """A node whose connections for requests are dead, while it renews its lease."""
    with _closed_port(cluster, fault["node"], cluster.nodes[fault["node"]].port):
        yield


@kind
def control_port(cluster, fault):
    """A node that is served well and cannot renew its lease."""
    with _closed_port(cluster, fault["node"], cluster.nodes[fault["node"]].control_port):
        yield


@contextlib.contextmanager
def _closed_port(cluster, id, port):
    cluster.network.close_port(id, port)
    yield
    cluster.network.open_ports(id)


@kind
def delay(cluster, fault):
    """Frames take long, and not all alike."""
    with _settings(cluster, fault, delay_ms=1 + 99 * fault["size"], jitter_ms=50 * fault["size"]):
        yield


@kind
def loss(cluster, fault):
    with _settings(cluster, fault, loss=0.01 + 0.29 * fault["size"]):
        yield


@kind
def disorder(cluster, fault):
    """Frames come late, twice and in another order."""
    with _settings(cluster, fault, delay_ms=10, jitter_ms=20, reorder=0.3 * fault["size"], duplicate=0.3 * fault["size"]):
        yield


@contextlib.contextmanager
def _settings(cluster, fault, **settings):
    """From one node, or to it, or everywhere."""
    a, b = ((fault["node"], "*"), ("*", fault["node"]), ("*", "*"))[int(fault["toss"] * 3)]
    cluster.network.set(a, b, **{name: round(value, 4) for name, value in settings.items()})
    yield
    cluster.network.set(a, b, **dict.fromkeys(settings, 0))


# ---- the machine

@kind
def disk_full(cluster, fault):
    """No byte more fits where the node keeps its data."""
    cluster.nodes[fault["node"]].fill_disk()
    yield
    cluster.nodes[fault["node"]].free_disk()


@kind
def cpu_load(cluster, fault):
    """More busy processes than cores."""
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(4)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait(harness.END)


# ---- a plan

def make_plan(seed, count, ids, kinds, shortest, longest, together=0.15):
    """`count` steps; now and then a step has two faults, which befall together. Every kind has its turn before one comes
    again. All that is drawn is in the plan, so that it can be read and replayed."""
    dice = random.Random(seed)
    steps = []
    for number in range(count):
        if number % len(kinds) == 0:
            turns = dice.sample(kinds, len(kinds))
        faults = [_draw_fault(dice, ids, turns[number % len(kinds)])]
        if dice.random() < together:
            faults.append(_draw_fault(dice, ids, dice.choice(kinds)))
        if any(fault["kind"] in ALONE for fault in faults):
            faults = faults[:1]
        seconds = math.exp(dice.uniform(math.log(shortest), math.log(longest)))
        steps.append({"step": number + 1, "faults": faults, "seconds": round(seconds, 3),
                      "rest": round(dice.uniform(0.2, 1.5), 3)})
    return steps


def _draw_fault(dice, ids, kind_of_it):
    minority = dice.sample(ids, max(1, (len(ids) - 1) // 2))
    return {"kind": kind_of_it, "node": dice.choice(ids), "group": sorted(minority),
            "toss": round(dice.random(), 3), "size": round(dice.random(), 3)}


def faults_of(step):
    return [fault["kind"] for fault in step["faults"]]


def strike(cluster, step):
    """One step of the plan, until its faults are over and all nodes serve again."""
    note(f"step {step['step']}: " + ", ".join(f"{f['kind']} {f['node']}" for f in step["faults"]) + f", {step['seconds']} s")
    with contextlib.ExitStack() as in_force:
        for fault in step["faults"]:
            in_force.enter_context(KINDS[fault["kind"]](cluster, fault))
        time.sleep(step["seconds"])
    for node in cluster.nodes.values():
        node.ensure_up()
