"""The table, for a terminal and for docs/performance.md."""

import datetime
import os
import platform
import subprocess

BEGIN = "<!-- figures of scripts/bench: begin -->"
END = "<!-- figures of scripts/bench: end -->"
HEAD = ("#", "what", "median", "min", "max", "yardstick", "ratio", "bar", "")


def _three_digits(value):
    if value == 0:
        return "0"
    digits = max(0, 2 - (len(str(int(abs(value)))) - 1))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scaled(value, steps):
    for factor, suffix in steps:
        if abs(value) >= factor * 0.9995:
            return f"{_three_digits(value / factor)} {suffix}".strip()
    factor, suffix = steps[-1]
    return f"{_three_digits(value / factor)} {suffix}".strip()


def shown(value, unit):
    """A figure as a person reads it."""
    if value is None:
        return ""
    if unit == "1/s":
        return _scaled(value, ((1e6, "M/s"), (1e3, "k/s"), (1, "/s")))
    if unit == "ns":
        return _scaled(value, ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")))
    if unit == "B":
        return _scaled(value, ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B")))
    return f"{_three_digits(value)} {unit or ''}".strip()


def bar_text(bar, unit):
    if bar is None:
        return ""
    kind, limit = bar
    sign = "≤" if kind.endswith("max") else "≥"
    return f"{sign} {limit:g} ×" if kind.startswith("ratio") else f"{sign} {shown(limit, unit)}"


def cells(line):
    unit = line["unit"]
    yardstick = f"{line['yardstick']}: {shown(line['yardstick_median'], unit)}" if line["yardstick_median"] is not None else ""
    ratio = f"{line['ratio']:.2f}" if line["ratio"] is not None else ""
    return (line["group"], line["what"], shown(line["median"], unit), shown(line["min"], unit), shown(line["max"], unit),
            yardstick, ratio, bar_text(line["bar"], unit), line["verdict"])


def as_text(lines):
    table = [HEAD, *map(cells, lines)]
    widths = [max(len(row[i]) for row in table) for i in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table)


def as_markdown(lines, about):
    out = [f"{about['date']}, commit `{about['commit']}`, {about['machine']}; medians of {about['repetitions']} runs.", ""]
    out.append("| " + " | ".join(HEAD) + " |")
    out.append("|" + "---|" * len(HEAD))
    out += ["| " + " | ".join(cells(line)) + " |" for line in lines]
    return "\n".join(out)


def replaced(page, figures):
    """The page with `figures` between the two markers."""
    before, found, rest = page.partition(BEGIN + "\n")
    _, found_end, after = rest.partition(END)
    if not found or not found_end:
        raise ValueError(f"the page has not both of {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{figures}\n{END}{after}"


def _first(command, otherwise):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() or otherwise
    except (OSError, subprocess.CalledProcessError):
        return otherwise


def _processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def about(root, repetitions):
    """Where and when."""
    with open("/proc/meminfo") as file:
        gib = int(file.readline().split()[1]) / 2**20
    cores = len(os.sched_getaffinity(0))
    return {
        "date": datetime.date.today().isoformat(),
        "commit": _first(["git", "-C", root, "describe", "--always", "--dirty"], "unknown"),
        "machine": f"{cores} cores of {_processor()}, {gib:.0f} GiB, Linux {platform.release().partition('-')[0]}",
        "load_before": round(os.getloadavg()[0], 2),
        "repetitions": repetitions,
    }
