"""Network namespaces that only a switch with faults to order connects: one for each name.

The namespaces are called rk-PID-NAME, after the process that made them, so that what a killed run has left behind is
known by its dead pid and removed by the next one. Nothing of this touches the machine's own network. Needs root.
"""

import json
import os
import re
import signal
import subprocess

from harness import check
from processes import end_on_sigterm, note

SWITCH = os.environ["REKI_CHAOS_SWITCH"]
SUBNET = "10.77.0"  # the same in all runs: the namespaces see each other and nothing else
DEVICE = "net0"
# The switch's own queue is longer; a device's default of 500 frames overflows when the switch waits for a core.
QUEUE_FRAMES = 5000


def why_not():
    """What is missing for network namespaces here, as one line; empty if nothing is."""
    if os.geteuid() != 0:
        return "network namespaces take root"
    for words in (["ip", "netns", "list"], ["nft", "--version"], ["nsenter", "--version"]):
        try:
            done = subprocess.run(words, capture_output=True, text=True)
        except FileNotFoundError:
            return f"there is no command '{words[0]}' (scripts/packages.txt lists the packages)"
        if done.returncode != 0:
            return f"'{' '.join(words)}' says: {done.stderr.strip()}"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    probe = f"rk-{os.getpid()}-probe"
    done = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return f"this kernel gives no network namespaces: {done.stderr.strip()}" if done.returncode != 0 else ""


def run_meter(measure):
    """Prints what it measures as JSON; the exit code."""
    if missing := why_not():
        note(f"SKIPPED: {missing}")
        return 77
    end_on_sigterm()
    print(json.dumps(measure()))
    return 0


def must(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    check(f"{' '.join(map(str, words))} works", done.returncode == 0, done.stderr, options.get("input"))
    return done.stdout


def is_stale(name):
    """True for a name of ours whose process is gone."""
    ours = re.fullmatch(r"rk-(\d+)-\w+", name)
    if not ours:
        return False
    try:
        with open(f"/proc/{ours[1]}/cmdline", "rb") as words:
            return b"python" not in words.read()
    except (FileNotFoundError, ProcessLookupError):
        return True


def remove_namespace(name):
    """With all processes that are still in it."""
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split()
    for pid in pids:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def remove_stale():
    """What runs that were killed have left behind; returns the names."""
    removed = []
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout.splitlines()
    for name in [line.split()[0] for line in listed if line]:
        if is_stale(name):
            remove_namespace(name)
            removed.append(name)
    with open("/proc/mounts") as mounts:
        for source, place, *_ in map(str.split, mounts):
            if is_stale(source):
                subprocess.run(["umount", "--lazy", place], capture_output=True)
                removed.append(place)
    return removed


class Network:
    """`with Network(["n1", "n2", "client"]) as network:`"""

    def __init__(self, names, seed=1):
        self.names = list(names)
        self.seed = seed
        self.switch = None

    def __enter__(self):
        for left in remove_stale():
            note(f"removed {left}, which a run that was killed has left behind")
        try:
            for name in self.names:
                must("ip", "netns", "add", self.namespace(name))
            self._start_switch()
            for name in self.names:
                self._set_up(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.switch is not None:
            self.switch.kill()
            self.switch.wait()
            self.switch = None
        for name in self.names:
            if os.path.exists(f"/run/netns/{self.namespace(name)}"):
                remove_namespace(self.namespace(name))

    def namespace(self, name):
        return f"rk-{os.getpid()}-{name}"

    def address(self, name):
        return f"{SUBNET}.{self.names.index(name) + 1}"

    def inside(self, name):
        """Words to put in front of a command, which then runs in that namespace, under the same pid."""
        return ["nsenter", f"--net=/run/netns/{self.namespace(name)}"]

    def _start_switch(self):
        ports = [f"{name}={self.namespace(name)}" for name in self.names]
        # A network does not slow down because the machines at its ends are busy.
        self.switch = subprocess.Popen(["nice", "-n", "-10", SWITCH, str(self.seed), *ports], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)
        check("the switch starts", self.switch.stdout.readline() == "ready\n")

    def _set_up(self, name):
        lines = ["link set lo up", f"link set {DEVICE} txqueuelen {QUEUE_FRAMES}",
                 f"addr add {self.address(name)}/24 dev {DEVICE}", f"link set {DEVICE} up"]
        # Neighbours are told and not asked for: a cut then swallows frames, instead of failing with "no route to host"
        # once the kernel has not found the other's address, and a network without traffic is silent.
        for other in self.names:
            if other != name:
                lines.append(f"neigh replace {self.address(other)} lladdr {self._mac(other)} dev {DEVICE} nud permanent")
        no_ip6 = "test ! -d /proc/sys/net/ipv6 || echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
        must(*self.inside(name), "sh", "-c", no_ip6)
        must("ip", "-n", self.namespace(name), "-batch", "-", input="\n".join(lines) + "\n")

    def _mac(self, name):
        return f"02:72:6b:00:00:{self.names.index(name) + 1:02x}"

    # ---- faults

    def ask(self, line):
        """One command of the switch; its answer without the "ok"."""
        self.switch.stdin.write(line + "\n")
        self.switch.stdin.flush()
        answer = self.switch.stdout.readline()
        check(f"the switch does '{line}'", answer.startswith("ok"), answer)
        return answer[2:].strip()

    def set(self, a, b, **settings):
        """From a to b: delay_ms, jitter_ms, loss, duplicate, reorder, rate_mbit. "*" is all."""
        self.ask(f"set {a} {b} " + " ".join(f"{name}={value}" for name, value in settings.items()))

    def cut(self, a, b="*", one_way=False):
        """`cut(a)` cuts it off from everybody."""
        self.ask(f"cut {a} {b}" + (" one-way" if one_way else ""))

    def partition(self, group):
        """Between these and all others."""
        for a in group:
            for b in self.names:
                if b not in group:
                    self.cut(a, b)

    def heal(self, a="*", b="*"):
        self.ask(f"heal {a} {b}")

    def links(self):
        """{(from, to): {"passed": .., "dropped": .., "settings": {..}}}"""
        return {(link["from"], link["to"]): link for link in json.loads(self.ask("show"))}

    def close_port(self, name, port):
        """Drops what goes to or comes from this TCP port in one namespace, and nothing else: one of a node's two
        connections is dead and the other is not."""
        rule = f"tcp dport {port} drop; tcp sport {port} drop;"
        must(*self.inside(name), "nft", "-f", "-", input=f"""
            table inet chaos {{
              chain in {{ type filter hook input priority 0; {rule} }}
              chain out {{ type filter hook output priority 0; {rule} }}
            }}""")

    def open_ports(self, name):
        # The first of them makes it exist, so that the second works also where no port was closed.
        must(*self.inside(name), "nft", "-f", "-", input="table inet chaos {}\ndelete table inet chaos\n")
