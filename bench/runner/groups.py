"""Runs the groups of the plan."""

import contextlib
import resource
import statistics
import subprocess
import tempfile
import time

from .cluster import Cluster
from .programs import Failed, lines_of


class Mode:
    """How long and how often."""

    def __init__(self, name, repetitions):
        self.name = name
        self.repetitions = repetitions
        self.seconds = {"full": 1.5, "quick": 0.3, "smoke": 0.05}[name]

    def of(self, full, quick, smoke):
        return {"full": full, "quick": quick, "smoke": smoke}[self.name]


def run(group, programs, mode, samples, say):
    KINDS[group.kind](group, programs, mode, samples, say)


def _repetitions(group, mode):
    few = mode.name == "full" and group.repetitions is not None
    return range(min(group.repetitions, mode.repetitions) if few else mode.repetitions)


def run_programs(group, programs, mode, samples, say):
    """Yardsticks and product take turns, so that what the machine does meanwhile is in both."""
    with contextlib.ExitStack() as stack:
        clusters = {pin: _cluster_for(group, programs, pin, stack) for pin in group.pins or (None,)}
        for i in _repetitions(group, mode):
            samples.begin_repetition()
            for pin, cluster in clusters.items():
                say(f"{group.id}: run {i + 1}" + (f", {pin}" if pin else ""))
                for words in group.programs[mode.name]:
                    samples.add(programs.run(_filled(words, programs, group, mode, pin, cluster)))


def _cluster_for(group, programs, pin, stack):
    if group.nodes == 0:
        return None
    # The client's core is the first one, see remote_bench.
    core = {"same": 0, "cross": 1}.get(pin)
    return stack.enter_context(Cluster(programs, group.nodes, core))


def _filled(words, programs, group, mode, pin, cluster):
    seconds = mode.seconds if group.seconds is None or mode.name != "full" else group.seconds
    out = [word.format(seconds=seconds, pin=pin, etcd_load=programs.path("etcd_load")) for word in words.split()]
    return out + cluster.words() if out[0] == "remote_bench" else out


def run_idle(group, programs, mode, samples, say):
    """What nodes cost that have nothing to do."""
    length = mode.of(20, 5, 1)
    with Cluster(programs, group.nodes) as cluster:
        time.sleep(mode.of(2, 1, 0))  # past what only the beginning costs
        for i in range(mode.of(3, 1, 1)):
            say(f"{group.id}: {length} s without anything to do, run {i + 1}")
            before = [node.processor_seconds() for node in cluster.nodes]
            begun = time.monotonic()
            time.sleep(length)
            took = time.monotonic() - begun
            used = [(node.processor_seconds() - was) / took for node, was in zip(cluster.nodes, before)]
            samples.begin_repetition()
            samples.add([{"name": "idle.core", "value": 100 * max(used), "unit": "% of a core"},
                         {"name": "idle.resident", "value": max(n.resident_bytes() for n in cluster.nodes), "unit": "B"}])


def run_overload(group, programs, mode, samples, say):
    """The node on one core, its callers on the other, who ask for twice what it can do."""
    length = mode.of(30, 5, 1)
    words = f"remote_bench --what overload --pin cross --outstanding 1024 --seconds {length}".split()
    for i in range(mode.of(min(3, mode.repetitions), 1, 1)):
        say(f"{group.id}: {length} s at what can be had, {length} s at twice that, run {i + 1}")
        with Cluster(programs, group.nodes, core=1) as cluster:
            node = cluster.nodes[0]
            process = programs.begin(words + cluster.words())
            sizes = _watch_size(node, process)
            lines = lines_of(process.stdout.read())
            if process.wait() != 0:
                raise Failed(f"{' '.join(words)}: exit code {process.returncode}")
            log = node.logged()
        half = sizes[len(sizes) // 2:]
        middle = half[:max(1, len(half) // 4)]  # the overload's beginning
        lines.append({"name": "overload.growth", "value": max(half[-len(middle):]) / max(middle), "unit": "of its size"})
        lines.append({"name": "overload.resident", "value": max(sizes), "unit": "B"})
        lines.append({"name": "overload.leases_lost", "value": log.count("event=fenced") + log.count("event=lease"), "unit": "leases"})
        samples.begin_repetition()
        samples.add(lines)


def _watch_size(node, process):
    sizes = []
    while process.poll() is None:
        sizes.append(node.resident_bytes())
        time.sleep(0.1)
    return sizes


def run_timeline(group, programs, mode, samples, say):
    """Answers of a cluster in steps of 10 ms; one of its three nodes is killed after a third of the time."""
    length = mode.of(3, 1.5, 1)
    for i in range(mode.of(mode.repetitions, 1, 1)):
        say(f"{group.id}: a node is killed, run {i + 1}")
        with Cluster(programs, group.nodes, expected=_LOSING_A_NODE) as cluster:
            process = programs.begin(f"remote_bench --what timeline --outstanding 16 --keys 1000 --seconds {length}".split() +
                                     cluster.words())
            first = process.stdout.readline()  # there when the time begins
            begun = time.monotonic()
            time.sleep(length / 3)
            killed = time.monotonic() - begun
            cluster.nodes[-1].kill()
            lines = lines_of(first + process.stdout.read())
            if process.wait() != 0:
                raise Failed(f"the time line: exit code {process.returncode}")
        samples.begin_repetition()
        samples.add(lines + [{"name": "remote.timeline.killed", "value": killed * 1e9, "unit": "ns"},
                             {"name": "remote.timeline.gap", "value": _longest_gap(lines, killed) * 1e9, "unit": "ns"}])


_LOSING_A_NODE = ("node_killed", "fenced", "guard_killed")


def _longest_gap(lines, killed):
    """Seconds after the kill for which less than half of what was usual before it was answered."""
    steps = [line["value"] for line in lines if line["name"].rpartition(".")[2].isdigit()]
    before = int(killed * 100)
    usual = statistics.median(steps[:before])
    longest = now = 0
    for value in steps[before:]:
        now = now + 1 if value < usual / 2 else 0
        longest = max(longest, now)
    return longest / 100


def run_build(group, programs, mode, samples, say):
    """A clean build of all targets, and one after a change of one file of the core; without ccache."""
    with tempfile.TemporaryDirectory(prefix="reki-bench-build.") as folder:
        samples.begin_repetition()
        say(f"{group.id}: a clean build")
        configure = ["cmake", "-S", programs.source, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                     "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-g1 -O2", "-DREKI_CCACHE=", "-DCMAKE_CXX_COMPILER_LAUNCHER="]
        build = ["cmake", "--build", folder, "--parallel", "2"]
        clean = _timed(configure) + _timed(build)
        say(f"{group.id}: after a change")
        _timed(["touch", f"{programs.source}/core/view/slot_table.cpp"])
        samples.add([{"name": "build.clean", "value": clean * 1e9, "unit": "ns"},
                     {"name": "build.again", "value": _timed(build) * 1e9, "unit": "ns"}])


def run_plugin(group, programs, mode, samples, say):
    """What a plugin costs its author: the README's counter, beside a file that includes what any program does."""
    sources = {"plugin": f"{programs.source}/examples/counter/counter_actor.cpp",
               "plugin.std": f"{programs.source}/bench/yardsticks/std_headers.cpp"}
    with tempfile.TemporaryDirectory(prefix="reki-bench-plugin.") as folder:
        flags = ["-std=c++20", "-O2", "-g", "-fPIC", f"-I{programs.source}/include", f"-I{programs.build}/include"]
        for i in _repetitions(group, mode):
            samples.begin_repetition()
            say(f"{group.id}: run {i + 1}")
            for name, source in sources.items():
                words = ["c++", *flags, source]
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                _timed([*words, "-c", "-o", f"{folder}/out.o"])
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                _timed([*words, "-E", "-o", f"{folder}/out.ii"])
                with open(f"{folder}/out.ii", "rb") as text:
                    lines = sum(1 for _ in text)
                samples.add([{"name": f"{name}.compile", "value": took * 1e9, "unit": "ns"},
                             {"name": f"{name}.lines", "value": lines, "unit": "lines"}])


def run_confirmed(group, programs, mode, samples, say):
    """The same calls to a type whose lease is confirmed and to one whose lease is timed, in turns."""
    leases = ("timed", "confirmed")
    with contextlib.ExitStack() as stack:
        clusters = {lease: stack.enter_context(Cluster(programs, group.nodes, options=f'lease = "{lease}"')) for lease in leases}
        for i in _repetitions(group, mode):
            samples.begin_repetition()
            for lease, cluster in clusters.items():
                say(f"{group.id}: run {i + 1}, {lease}")
                for words in group.programs[mode.name]:
                    lines = programs.run(_filled(words, programs, group, mode, None, cluster))
                    samples.add([{**line, "name": f"{lease}.{line['name']}"} for line in lines])


def _timed(words):
    begun = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return time.monotonic() - begun


KINDS = {"programs": run_programs, "idle": run_idle, "overload": run_overload, "timeline": run_timeline, "build": run_build,
         "plugin": run_plugin, "confirmed": run_confirmed}
