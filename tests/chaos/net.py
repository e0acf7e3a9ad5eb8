"""The switch and the namespaces, with real frames: what is ordered happens, and nothing is left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

import processes
from harness import SANITIZED, check, say, until
from network import Network, is_stale, must, remove_stale

METER = os.environ["REKI_CHAOS_NET_METER"]
PORT = 5000
HERE = os.path.dirname(os.path.abspath(__file__))


@contextlib.contextmanager
def metered():
    """A network in which "a" answers pings."""
    with Network(["a", "b", "c"]) as network:
        server = subprocess.Popen([*network.inside("a"), METER, "serve", network.address("a"), str(PORT)])
        try:
            until("the meter answers", 10, lambda: ping(network, 1, "b")["lost"] == 0)
            yield network
        finally:
            server.kill()
            server.wait()


def meter(network, name, *words):
    done = subprocess.run([*network.inside(name), METER, *map(str, words)], capture_output=True, text=True)
    return done.stdout


def ping(network, count, name):
    out = meter(network, name, "ping", network.address("a"), PORT, count)
    return json.loads(out) if out else {"pings": count, "lost": count}


def fastest_ms(network, name, pings=50):
    """Of some: what the switch makes of a frame, and not the machine's load."""
    return ping(network, pings, name)["min_us"] / 1000


def passes(network, name):
    return ping(network, 1, name)["lost"] == 0


def frames_pass_and_wait_as_ordered():
    with metered() as network:
        plain = fastest_ms(network, "b")
        check("nothing waits", plain < 10, plain)
        network.set("b", "a", delay_ms=20)
        slow = fastest_ms(network, "b")
        check("there: a delay of 20 ms", 20 <= slow < 30, slow)
        network.set("a", "b", delay_ms=15)
        both = fastest_ms(network, "b")
        check("and back: 15 more", 35 <= both < 45, both)
        other = fastest_ms(network, "c")
        check("the neighbour's frames do not wait", other < 10, other)


def frames_are_lost_and_cut_as_ordered():
    with metered() as network:
        network.cut("b", "a", one_way=True)
        check("a one-way cut loses all", ping(network, 3, "b")["lost"] == 3)
        there, back = network.links()["b", "a"], network.links()["a", "b"]
        check("and only on that way", there["dropped"] >= 3 and back["dropped"] == 0, there, back)
        until("the neighbour goes on", 30, lambda: passes(network, "c"))
        network.heal()
        until("healed", 30, lambda: passes(network, "b"))
        network.partition(["b", "c"])
        check("both sides of a partition", not passes(network, "b") and not passes(network, "c"))
        network.heal()
        before = network.links()["c", "a"]
        network.set("c", "a", loss=0.5)
        meter(network, "c", "flood", network.address("a"), PORT, 1, 2000)
        network.set("c", "a", loss=0)
        after = network.links()["c", "a"]
        dropped, passed = (after[what] - before[what] for what in ("dropped", "passed"))
        check("half of many are lost", 0.45 < dropped / (dropped + passed) < 0.55 and dropped > 500, dropped, passed)


def one_port_of_a_node_can_be_closed():
    with metered() as network:
        listener = subprocess.Popen([*network.inside("a"), sys.executable, "-c", LISTENER, network.address("a")])
        both_answer = lambda: connects(network, 6001) and connects(network, 6002)
        try:
            until("both ports answer", 30, both_answer)
            network.close_port("a", 6002)
            check("the closed one is silent", not connects(network, 6002))
            until("the other is not", 30, lambda: connects(network, 6001))
            network.open_ports("a")
            until("both answer again", 30, both_answer)
            network.open_ports("a")  # nothing to open is no mistake
        finally:
            listener.kill()
            listener.wait()


LISTENER = """
import socket, sys, time
held = [socket.create_server((sys.argv[1], port)) for port in (6001, 6002)]
time.sleep(600)
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"


def connects(network, port):
    words = [*network.inside("b"), sys.executable, "-c", CONNECT, network.address("a"), str(port)]
    return subprocess.run(words, capture_output=True).returncode == 0


def an_idle_switch_uses_no_cpu_and_a_busy_one_keeps_up():
    with metered() as network:
        until("the network is silent", 30, lambda: silent_for(network, 0.5))
        check("an idle switch sleeps", silent_for(network, 2))
        before, cpu = network.links()["b", "a"]["passed"], processes.cpu_seconds(network.switch.pid)
        rate = 20_000 if not SANITIZED else 5_000
        flood = json.loads(meter(network, "b", "flood", network.address("a"), PORT, 2, rate))
        passed = network.links()["b", "a"]["passed"] - before
        say(f"{flood}, {passed} passed with {processes.cpu_seconds(network.switch.pid) - cpu:.2f} s of CPU")
        # How many are sent a second is up to the sender's share of the machine, and what is received to the receiver's.
        check("hardly a frame is lost on its way to the switch", passed > 0.95 * flood["sent"] > 1000, flood)


def silent_for(network, seconds):
    before = processes.switches(network.switch.pid)
    with contextlib.suppress(subprocess.TimeoutExpired):
        network.switch.wait(seconds)
    return processes.switches(network.switch.pid) == before


ABANDON = """
import os, signal, sys
sys.path[:0] = sys.argv[1:3]
import network
made = network.Network(["a", "b"]).__enter__()
network.must("mount", "-t", "tmpfs", made.namespace("a"), sys.argv[3])
print(made.namespace("a"), made.switch.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def what_a_killed_run_leaves_is_gone_after_the_next():
    with tempfile.TemporaryDirectory(prefix="reki-abandoned.") as disk:
        abandon_and_clean_up(disk)


def abandon_and_clean_up(disk):
    done = subprocess.run([sys.executable, "-c", ABANDON, HERE, os.path.join(os.path.dirname(HERE), "cluster"), disk],
                          stdout=subprocess.PIPE, text=True)
    check("it was killed", done.returncode == -signal.SIGKILL, done)
    name, switch = done.stdout.split()
    check("its namespace is left and stale", os.path.exists(f"/run/netns/{name}") and is_stale(name))
    check("and so is its disk", os.path.ismount(disk))
    try:
        until("its switch ends by itself", 10, lambda: not processes.is_running(int(switch)))
    except AssertionError:
        processes.send_signal(int(switch), signal.SIGKILL)
        raise
    sleeper = subprocess.Popen(["nsenter", f"--net=/run/netns/{name}", "sleep", "600"])
    until("somebody is in it", 10, lambda: str(sleeper.pid) in must("ip", "netns", "pids", name).split())
    with Network(["a"]) as network:
        check("removed by the next", not os.path.exists(f"/run/netns/{name}"))
        check("and its disk", not os.path.ismount(disk))
        check("with who was in it", sleeper.wait(10) == -signal.SIGKILL)
        check("its own is not stale", not is_stale(network.namespace("a")) and remove_stale() == [])
    check("and the next leaves nothing", not os.path.exists(f"/run/netns/{network.namespace('a')}"))
