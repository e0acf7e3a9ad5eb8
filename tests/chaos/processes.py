"""What /proc says about processes, and signals for them."""

import os
import signal
import sys
import time


def note(text):
    """What happens on the way: standard output is for results."""
    print(text, file=sys.stderr, flush=True)


def boot_ns():
    """The clock of the witness log and of the histories."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def children_of(pid):
    """Of any of its threads; empty once it is gone."""
    out = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as children:
                out += map(int, children.read().split())
    except (FileNotFoundError, ProcessLookupError):
        pass
    return out


def leads_session(pid):
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


def state_of(pid):
    """Of each of its threads: a set of "R", "S", "T"...; empty once it is gone."""
    out = set()
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat") as stat:
                out.add(stat.read().rpartition(")")[2].split()[0])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return out


def is_running(pid):
    """False also for one that is dead and not yet waited for."""
    return bool(state_of(pid) - {"Z", "X"})


def send_signal(pid, number):
    """False if it is gone already: a fault may come too late."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def switches(pid):
    """How often it was given a core: does not change while it sleeps."""
    with open(f"/proc/{pid}/status") as status:
        return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)


def end_on_sigterm():
    """SIGTERM unwinds like an exception, so that everything is put away."""
    def end(number, _):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, end)
