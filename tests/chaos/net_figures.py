"""What the switch costs: round trips and frames a second through it, and through a plain veth pair. Prints JSON."""

import contextlib
import json
import os
import subprocess
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cluster"))

import network  # noqa: E402
import processes  # noqa: E402
from harness import until  # noqa: E402

METER = os.environ["REKI_CHAOS_NET_METER"]
PORT = "5000"
PINGS = 4000
RATES = (20_000, 50_000, 100_000, 200_000)


@contextlib.contextmanager
def veth_pair():
    """Two namespaces without a switch: their names and the first one's address."""
    a, b = (f"rk-{os.getpid()}-veth{end}" for end in "ab")
    try:
        for name in (a, b):
            network.must("ip", "netns", "add", name)
        network.must("ip", "-n", a, "link", "add", "net0", "type", "veth", "peer", "name", "net0", "netns", b)
        for name, address in ((a, "10.77.1.1/24"), (b, "10.77.1.2/24")):
            network.must("ip", "-n", name, "addr", "add", address, "dev", "net0")
            network.must("ip", "-n", name, "link", "set", "net0", "up")
        yield a, b, "10.77.1.1"
    finally:
        for name in (a, b):
            network.remove_namespace(name)


def measure(a, b, address, switch=None):
    inside = lambda name: ["nsenter", f"--net=/run/netns/{name}"]
    meter = lambda *words: json.loads(network.must(*inside(b), METER, *words) or "{}")
    server = subprocess.Popen([*inside(a), METER, "serve", address, PORT])
    try:
        until("the meter answers", 10, lambda: subprocess.run(
            [*inside(b), METER, "ping", address, PORT, "1"], capture_output=True).returncode == 0)
        out = {"ping": meter("ping", address, PORT, str(PINGS)), "flood": []}
        for rate in RATES:
            before = processes.cpu_seconds(switch) if switch else 0
            flood = meter("flood", address, PORT, "3", str(rate))
            flood["wanted_per_second"] = rate
            flood["switch_cpu"] = round((processes.cpu_seconds(switch) - before) / flood["seconds"], 2) if switch else None
            out["flood"].append(flood)
        return out
    finally:
        server.kill()
        server.wait()


def main():
    if missing := network.why_not():
        processes.note(f"SKIPPED: {missing}")
        return 77
    processes.end_on_sigterm()
    with veth_pair() as (a, b, address):
        out = {"veth": measure(a, b, address)}
    with network.Network(["a", "b"]) as one:
        out["switch"] = measure(one.namespace("a"), one.namespace("b"), one.address("a"), one.switch.pid)
    print(json.dumps(out, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
