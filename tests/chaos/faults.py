"""What can befall a cluster, and a seeded plan of it.

A fault is a context manager: it is in force in its body and is over after it. It gives False if there was nothing that
it could befall. Afterwards nodes may be down; `strike` brings them back.
"""

import contextlib
import math
import random
import subprocess
import time

import harness
import machine
import processes
from processes import note

KINDS = {}
# They wait for their nodes, which another fault might keep from ending; or another fault might make way for them.
ALONE = ("drain", "rolling_restart", "twin")
# They need a process to befall, and most of them leave none.
SIGNALS = ("kill_child", "kill_both", "kill_all", "stop_child", "stop_all", "stop_unguarded", "lose_coordinator",
           "disk_full", "stop_machine", "power_cut", "slow_disk", "drift", "no_descriptors", "no_memory", "dead_names")
# They matter most once others have taken over. Half of them last so long: a lease of profile lan, the wait for its end, and a little.
TAKE_OVERS = ("stop_child", "stop_all", "stop_unguarded", "lose_coordinator", "cut", "one_way", "partition", "control_port",
              "stop_machine")
TAKE_OVER = 1.7  # seconds
ON_MACHINES = ("slow_disk", "power_cut", "stop_machine", "dead_names")  # of nodes that have a machine.Machine


def kinds_here():
    """Those that this machine can bring about."""
    return [name for name in KINDS if name != "no_memory" or machine.memory_groups()]


def kind(function):
    """`function(cluster, fault)`; `fault` is an entry of the plan."""
    KINDS[function.__name__] = contextlib.contextmanager(function)
    return function


# ---- processes

@kind
def kill_child(cluster, fault):
    """kill -9 of the process that serves; its guard sees it."""
    yield cluster.nodes[fault["node"]].crash("child") != []


@kind
def kill_both(cluster, fault):
    """kill -9 of the guard and its child; a backup guard, if there is one, sees it."""
    yield cluster.nodes[fault["node"]].crash("both") != []


@kind
def kill_all(cluster, fault):
    """The same for the backup guard too: nobody sees it."""
    yield cluster.nodes[fault["node"]].crash("all") != []


@kind
def stop_child(cluster, fault):
    """SIGSTOP, later SIGCONT, of the process that serves. Its guard, if it has one, ends it when the lease is over."""
    with cluster.nodes[fault["node"]].frozen("child") as pids:
        yield pids != []


@kind
def stop_unguarded(cluster, fault):
    """The same for a node without a guard: it wakes among those who have gone on without it."""
    with cluster.nodes[cluster.unguarded[0]].frozen("child") as pids:
        yield pids != []


@kind
def stop_all(cluster, fault):
    """The same for its guards too, as when a virtual machine stands still."""
    with cluster.nodes[fault["node"]].frozen("all") as pids:
        yield pids != []


@kind
def lose_coordinator(cluster, fault):
    """The node that decides who is a member is killed, stands still or is cut off."""
    how = (kill_all, stop_all, cut)[int(fault["toss"] * 3)]
    with contextlib.contextmanager(how)(cluster, dict(fault, node=cluster.coordinator())) as befell:
        yield befell


@kind
def drain(cluster, fault):
    """SIGTERM, and its exit code is noted."""
    yield _drain(cluster, fault["node"])


@kind
def rolling_restart(cluster, fault):
    """All nodes, one after the other."""
    befell = []
    for node in cluster.nodes.values():
        befell.append(_drain(cluster, node.id))
        cluster.ensure_whole()  # others, too: a busy machine may have cost them their leases
    yield all(befell)


def _drain(cluster, id):
    node = cluster.nodes[id]
    if not node.is_up():
        return False
    cluster.drains.append({"node": id, "exit_code": node.terminate()})
    return True


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
def bridge(cluster, fault):
    """Two nodes that do not see each other, while all others see both."""
    others = [id for id in cluster.ids if id != fault["node"]]
    cluster.network.cut(fault["node"], others[int(fault["toss"] * len(others))])
    yield
    cluster.network.heal(fault["node"])


@kind
def dead_names(cluster, fault):
    """A node's name server answers nobody, and its connections to another one are made anew."""
    with cluster.nodes[fault["node"]].machine.dead_names():
        yield another(cluster, fault).crash("child") != []


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
    """No byte more fits where the node keeps its data, and the register has to be written: another node is restarted."""
    node = cluster.nodes[fault["node"]]
    node.fill_disk()
    try:
        yield another(cluster, fault).crash("child") != []
    finally:
        node.free_disk()


@kind
def slow_disk(cluster, fault):
    """A sync takes half a second, most of a lease, and the register has to be written: another node is restarted."""
    node, other = cluster.nodes[fault["node"]], another(cluster, fault)
    with node.machine.slow_disk():
        yield other.crash("child") != []


@kind
def power_cut(cluster, fault):
    """All that runs on a machine is gone, and of what was not synced any part is."""
    node = cluster.nodes[fault["node"]]
    another(cluster, fault).crash("child")  # so that the register is written meanwhile
    time.sleep(fault["toss"])
    yield node.crash("all") != []


@kind
def stop_machine(cluster, fault):
    """As stop_all, and the machine's clocks do not count the time, but for the wall clock."""
    node = cluster.nodes[fault["node"]]
    with node.frozen("all") as pids:
        began = processes.boot_ns()
        yield pids != []
        node.machine.lose_time(processes.boot_ns() - began)


@kind
def no_descriptors(cluster, fault):
    """A node can open nothing more, and its connections to another one are made anew."""
    node = cluster.nodes[fault["node"]]
    with machine.no_more_files(node.child) as befell:
        another(cluster, fault).crash("child")
        yield befell


@kind
def no_memory(cluster, fault):
    """The kernel ends a node that has no memory left."""
    with machine.no_more_memory(cluster.nodes[fault["node"]].child) as befell:
        yield befell


def another(cluster, fault):
    return cluster.nodes[next(id for id in cluster.ids if id != fault["node"])]


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


# ---- people

@kind
def drift(cluster, fault):
    """A node comes back with another profile in its config, is refused, and serves nothing until that is mended."""
    node = cluster.nodes[fault["node"]]
    befell = node.crash("all") != []
    with cluster.drifted(node):
        node.start()
        yield befell
        node.crash("all")


@kind
def twin(cluster, fault):
    """A second process with a living node's id, on another machine."""
    with cluster.twin_of(fault["node"]) as process:
        yield process.poll() is None


# ---- a plan

def make_plan(seed, count, ids, kinds, shortest, longest, rest=1.5, together=0.15):
    """Steps with `count` faults; now and then a step has two of them, which befall together. Every kind has its turn
    before one comes again. All that is drawn is in the plan, so that it can be read and replayed."""
    dice = random.Random(seed)
    turns = []

    def next_fault():
        if not turns:
            turns.extend(dice.sample(kinds, len(kinds)))
        return _draw_fault(dice, ids, turns.pop())

    steps = []
    left = count
    while left > 0:
        faults = [next_fault()]
        if left > 1 and dice.random() < together and turns and may_meet(faults[0]["kind"], turns[-1]):
            faults.append(next_fault())
        left -= len(faults)
        outlasts = dice.random() < 0.5 and any(fault["kind"] in TAKE_OVERS for fault in faults)
        seconds = math.exp(dice.uniform(math.log(min(TAKE_OVER, longest) if outlasts else shortest), math.log(longest)))
        steps.append({"step": len(steps) + 1, "faults": faults, "seconds": round(seconds, 3),
                      "rest": round(dice.uniform(min(0.2, rest), rest), 3)})
    return steps


def may_meet(*kinds):
    """Whether faults of these kinds can befall together: not if one might leave another without a process."""
    return all(one not in ALONE for one in kinds) and sum(one in SIGNALS for one in kinds) < 2


def _draw_fault(dice, ids, kind_of_it):
    minority = dice.sample(ids, max(1, (len(ids) - 1) // 2))
    return {"kind": kind_of_it, "node": dice.choice(ids), "group": sorted(minority),
            "toss": dice.randrange(1000) / 1000, "size": dice.randrange(1000) / 1000}


def strike(cluster, step):
    """One step of the plan, until its faults are over and all nodes are members again. The kinds of those that befell."""
    note(f"step {step['step']}: " + ", ".join(f"{f['kind']} {f['node']}" for f in step["faults"]) + f", {step['seconds']} s")
    befell = []
    with contextlib.ExitStack() as in_force:
        for fault in step["faults"]:
            if in_force.enter_context(KINDS[fault["kind"]](cluster, fault)) is not False:
                befell.append(fault["kind"])
        time.sleep(step["seconds"])
    cluster.ensure_whole()
    return befell
