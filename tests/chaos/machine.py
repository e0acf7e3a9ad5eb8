"""What can be wrong with one node's machine that its processes cannot tell from a real one: preloaded libraries, limits, a
control group. All that a node runs, guards included, is on it.
"""

import contextlib
import mmap
import os
import resource
import struct
import time

import harness
import processes
from harness import until

DISK = os.environ["REKI_FORGETFUL_DISK_LIBRARY"]
CLOCK = os.environ["REKI_STOPPED_CLOCK_LIBRARY"]
NAMES = os.environ["REKI_NAME_SERVER_LIBRARY"]


def preloaded(*libraries, **files):
    """The environment of a process that has these."""
    options = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": ":".join(libraries), "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".lstrip(":"), **files}


class Machine:
    """Its disk forgets at kill -9 what was not synced; its clocks can be made to miss time, its disk to be slow, its name
    server not to answer. `hosts`: a file of the names that there are."""

    def __init__(self, folder, id, hosts):
        self.hosts = hosts
        self.clock = os.path.join(folder, f"{id}.stood-still")
        self.slow = os.path.join(folder, f"{id}.slow-disk")
        self.nameless = os.path.join(folder, f"{id}.dead-names")
        with open(self.clock, "wb") as page:
            page.write(bytes(8))

    def environment(self):
        return preloaded(DISK, CLOCK, NAMES, REKI_STOPPED_CLOCK=self.clock, REKI_SLOW_DISK=self.slow, REKI_HOSTS=self.hosts,
                         REKI_DEAD_NAMES=self.nameless)

    def lose_time(self, ns):
        """From now on its elapsed-time clocks are behind by so much more; its wall clock is not."""
        with open(self.clock, "r+b") as file, mmap.mmap(file.fileno(), 8) as page:
            page[:] = struct.pack("=q", struct.unpack("=q", page[:])[0] + ns)

    def slow_disk(self):
        return _exists(self.slow)

    def dead_names(self):
        return _exists(self.nameless)


@contextlib.contextmanager
def _exists(path):
    with open(path, "w"):
        pass
    try:
        yield
    finally:
        os.unlink(path)


@contextlib.contextmanager
def no_more_files(pid):
    """The process can open nothing: no file, no connection. False if it is gone, or if there is none (None)."""
    try:
        used = set(map(int, os.listdir(f"/proc/{pid}/fd")))
        free = next(fd for fd in range(len(used) + 1) if fd not in used)
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, before[1]))
    except (FileNotFoundError, ProcessLookupError):
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


GROUPS = "/sys/fs/cgroup"
# Of either version of control groups: where groups are made, and the file that bounds one's memory.
MEMORY = ((f"{GROUPS}/memory", "memory.limit_in_bytes"), (GROUPS, "memory.max"))


def memory_groups():
    """(folder, file of the bound) of this machine's control groups for memory; None if it has none for us."""
    for folder, bound in MEMORY:
        probe = os.path.join(folder, f"reki-{os.getpid()}-probe")
        try:
            os.mkdir(probe)
        except OSError:
            continue
        works = os.access(os.path.join(probe, bound), os.W_OK)
        os.rmdir(probe)
        if works:
            return folder, bound
    return None


@contextlib.contextmanager
def no_more_memory(pid):
    """The kernel ends the process as soon as it wants more. False if it is gone, or if there is none (None)."""
    if pid is None:
        yield False
        return
    folder, bound = memory_groups()
    group = os.path.join(folder, f"reki-{os.getpid()}-{pid}")
    os.mkdir(group)
    try:
        with contextlib.suppress(ProcessLookupError):
            _write(os.path.join(group, bound), 64 * 1024)
            _write(os.path.join(group, "cgroup.procs"), pid)
        yield processes.is_running(pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            if processes.is_running(pid):
                _write(os.path.join(folder, "cgroup.procs"), pid)
        until("the group is empty", harness.END, lambda: _removed(group))


def _write(path, value):
    with open(path, "w") as file:
        file.write(str(value))


def _removed(group):
    with contextlib.suppress(OSError):
        os.rmdir(group)
    return not os.path.exists(group)
