"""Pictures of the figures, by gnuplot, as SVG."""

import os
import shutil
import subprocess

STYLE = """set terminal svg size 760,420 enhanced font 'sans-serif,13' background '#ffffff'
set border 3 lc '#666666'
set tics nomirror
set grid ytics lc '#dddddd'
set key outside bottom center horizontal
"""
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b")
OUTSTANDING = (1, 4, 16, 64, 256, 1024)


def draw_all(samples, folder):
    """Those for which there are figures. Returns their names, or None without gnuplot."""
    if shutil.which("gnuplot") is None:
        return None
    os.makedirs(folder, exist_ok=True)
    drawn = []
    for name, lines, setting in (("throughput", _throughput(samples), _THROUGHPUT), ("latency", _latency(samples), _LATENCY),
                                 ("actors", _actors(samples), _ACTORS),
                                 ("nodes", _nodes(samples), _NODES),
                                 ("failover", _failover(samples), _FAILOVER)):
        lines = {title: points for title, points in lines.items() if len(points) > 1}
        if lines:
            _draw(os.path.join(folder, f"{name}.svg"), lines, setting)
            drawn.append(name)
    return drawn


def _draw(path, lines, setting):
    blocks = "".join(f"$line{i} << END\n" + "".join(f"{x} {y}\n" for x, y in points) + "END\n"
                     for i, points in enumerate(lines.values()))
    plots = ", ".join(f"$line{i} using 1:2 with {'lines' if len(points) > 20 else 'linespoints pt 7 ps 0.5'} lw 2 "
                      f"lc '{COLOURS[i % len(COLOURS)]}' title '{title}'" for i, (title, points) in enumerate(lines.items()))
    script = f"{STYLE}set output '{path}'\n{setting}\n{blocks}plot {plots}\n"
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


_THROUGHPUT = """set logscale x 2
set xlabel 'requests under way'
set ylabel 'requests a second'
set yrange [0:*]
set format y '%.1s %c'"""
_LATENCY = """set logscale y
set xlabel 'of 1000 requests'
set ylabel 'answered within, µs'
set xtics ('500' 1, '900' 2, '990' 3, '999' 4)
set xrange [0.8:4.2]"""
_ACTORS = """set logscale x
set xlabel 'actors that run'
set ylabel 'ns'
set yrange [0:*]
set format x '10^{%L}'"""
_NODES = """set logscale xy
set xlabel 'nodes'
set ylabel 'ns'
set format y '10^{%L}'"""
_FAILOVER = """set xlabel 'ms after a node of three was killed'
set ylabel 'answers a second'
set yrange [0:*]
set format y '%.1s %c'
set arrow from 0, graph 0 to 0, graph 1 nohead lc '#cc0000' dt 2"""


def _points(samples, pairs):
    return [(x, samples.median(name)) for x, name in pairs if samples.median(name) is not None]


def _throughput(samples):
    return {title: _points(samples, ((n, name.format(n)) for n in OUTSTANDING)) for title, name in (
        ("libzmq, an echo", "zmq_echo.free.{}.rate"),
        ("look-up of a running actor", "remote.lookup.free.{}.then.rate"),
        ("call of an actor", "remote.call.free.{}.then.rate"))}


def _latency(samples):
    ranks = ("p50", "p90", "p99", "p999")
    lines = {title: [(i + 1, samples.median(f"{name}.{rank}")) for i, rank in enumerate(ranks)] for title, name in (
        ("look-up, one at a time", "remote.lookup.free.get"), ("look-up, 64 under way", "remote.lookup.free.64.then"),
        ("call, one at a time", "remote.call.free.get"), ("call, 64 under way", "remote.call.free.64.then"),
        ("look-up under half of the load", "remote.loaded"))}
    return {title: [(x, y / 1000) for x, y in points if y is not None] for title, points in lines.items()}


def _actors(samples):
    return {"a start beside so many": _points(samples, ((10_000, "local.start.few"), (5_000_000, "local.start.many"))),
            "a look-up among so many": _points(samples, ((10_000, "local.lookup.hot"), (1_000_000, "local.lookup.random")))}


# How many nodes there are is the last part of these figures' names.
_BY_NODES = (("the next table after a join", "local.next_table.join."), ("the owner of a key", "local.owner."))


def _nodes(samples):
    out = {}
    for title, prefix in _BY_NODES:
        counts = sorted(int(name[len(prefix):]) for name in samples.values if name.startswith(prefix) and name[len(prefix):].isdigit())
        out[title] = _points(samples, ((count, f"{prefix}{count}") for count in counts))
    return out


def _failover(samples):
    """Of the last run: medians over several would show a recovery that no run had."""
    killed = samples.of("remote.timeline.killed")
    if not killed:
        return {}
    steps = [(int(name.rpartition(".")[2]), samples.of(name)[-1]) for name in samples.values
             if name.startswith("remote.timeline.") and name.rpartition(".")[2].isdigit()]
    return {"look-ups answered, 16 callers": [(at - killed[-1] / 1e6, rate) for at, rate in sorted(steps)]}
