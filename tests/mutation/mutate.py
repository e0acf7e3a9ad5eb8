"""Judges mutants of one commit: does a test see them? scripts/mutate is for people.

    mutate.py --root DIR (SEED | --bugs) [--count N] [--only 3,7] [--area PREFIX] [--reach N] [--jobs N] [--draw] [--commit REV]
              [--place DIR] [--first N]
"""
import argparse
import collections
import itertools
import json
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import bugs
import drawing
from workshop import Verdict, Workshop


class Record:
    """What was found of each mutant, kept as it is found: an interrupted run goes on where it was."""

    def __init__(self, path: pathlib.Path, again: bool):
        self.path, self.known = path, {}
        if again:
            path.unlink(missing_ok=True)
        for line in path.read_text().splitlines() if path.exists() else []:
            key, what, by = json.loads(line)
            self.known[key] = Verdict(what, by)

    def add(self, mutant: drawing.Mutant, verdict: Verdict) -> None:
        with open(self.path, "a") as file:
            file.write(json.dumps([key_of(mutant), verdict.what, verdict.by]) + "\n")


def key_of(mutant: drawing.Mutant) -> str:
    return f"{mutant.path}:{mutant.line}\n{mutant.diff()}"


def readers(sources: dict[str, str], includers: dict[str, str]) -> dict[str, int]:
    """How many .cpp files read each file, directly or not: so many are to be compiled for one mutant of it."""
    include = re.compile(r'^#include "reki/([^"]+)"', re.M)
    included_by = collections.defaultdict(set)
    for name, text in (includers | sources).items():
        for other in include.findall(text):
            included_by[other].add(name)
    return {name: len(reached(name, included_by)) for name in sources}


def reached(name: str, included_by: dict[str, set[str]]) -> set[str]:
    found, todo = set(), [name]
    while todo:
        for other in included_by[todo.pop()] - found:
            found.add(other)
            todo.append(other)
    return {other for other in found | {name} if other.endswith(".cpp")}


def chosen(arguments: argparse.Namespace, workshop: Workshop) -> Iterator[drawing.Mutant]:
    sources = workshop.sources()
    if arguments.bugs:
        of = bugs.read(workshop.tree / "tests/mutation/bugs", sources)
        return (bug for bug in of if bug.path.startswith(arguments.area))
    names = subprocess.check_output(["git", "ls-files", "include", "net", "tests"], cwd=workshop.tree, text=True).split()
    others = {name: (workshop.tree / name).read_text() for name in names if name.endswith((".cpp", ".hpp"))}
    reads = readers(sources, others)
    return drawing.drawn({name: text for name, text in sources.items()
                          if reads[name] <= arguments.reach and name.startswith(arguments.area)}, arguments.seed)


def row(number: int, mutant: drawing.Mutant, verdict: Verdict) -> str:
    change = " ".join(f"`{line}`" for line in mutant.diff().split("\n")).replace("|", "\\|")
    return f"| {number} | {mutant.path}:{mutant.line} | {mutant.kind} | {change} | {verdict.what} | {verdict.by} |"


def judge_all(arguments: argparse.Namespace, workshop: Workshop, record: Record) -> list[str]:
    """Rows of the table; prints each mutant as it is judged. What does not compile is not counted, and the next one drawn."""
    rows, tally = [], collections.Counter()
    for number, mutant in enumerate(chosen(arguments, workshop), 1):
        if not arguments.bugs and sum(tally.values()) == arguments.count:
            break
        if arguments.only and number not in arguments.only:
            continue
        verdict = record.known.get(key_of(mutant))
        took = ""
        if not verdict:
            start = time.monotonic()
            verdict = workshop.judge(mutant, arguments.first)
            took = f" ({time.monotonic() - start:.0f} s)"
            if verdict.what != "open":
                record.add(mutant, verdict)
        print(f"{number:3} {mutant.path}:{mutant.line} ({mutant.kind})\n{mutant.diff()}\n    {verdict.what}"
              f"{' by ' + verdict.by if verdict.what == 'killed' else ''}{took}", flush=True)
        if verdict.what != "does not compile":
            tally[verdict.what] += 1
            rows.append(row(number, mutant, verdict))
    print(", ".join(f"{n} {what}" for what, n in tally.items()) or "no mutant")
    return rows


def draw_only(arguments: argparse.Namespace, workshop: Workshop) -> None:
    for number, mutant in enumerate(itertools.islice(chosen(arguments, workshop), arguments.count), 1):
        print(f"{number:3} {mutant.path}:{mutant.line} ({mutant.kind})\n{mutant.diff()}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int, nargs="?")
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--bugs", action="store_true")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--only", type=lambda text: {int(n) for n in text.split(",")}, default=set())
    parser.add_argument("--area", default="")
    parser.add_argument("--reach", type=int, default=25)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--commit", default="HEAD")
    parser.add_argument("--place", type=pathlib.Path)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that what it has started ends too
    commit = subprocess.check_output(["git", "rev-parse", arguments.commit], cwd=arguments.root, text=True).strip()
    workshop = Workshop(arguments.root, commit, arguments.jobs, arguments.place)
    if arguments.draw:
        draw_only(arguments, workshop)
        return 0
    workshop.configure()
    name = f"{'bugs' if arguments.bugs else arguments.seed}-{commit[:12]}"
    rows = judge_all(arguments, workshop, Record(workshop.place / f"{name}.jsonl", arguments.again))
    table = ["| # | place | kind | change | found | by |", "|---|---|---|---|---|---|", *rows]
    (workshop.place / f"{name}.md").write_text("\n".join(table) + "\n")
    return 1 if any("| survived |" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
