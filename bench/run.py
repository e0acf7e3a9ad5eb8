#!/usr/bin/python3
"""Measures reki next to its yardsticks and prints a table: scripts/bench builds what it needs and calls it.

bench/plan.toml says what is measured and what it must show; the programs of bench/ measure, one repetition a process;
this runs them in turns and judges the medians. See docs/performance.md.
"""

import argparse
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from runner import groups, pictures, plan, report  # noqa: E402
from runner.programs import Failed, Programs  # noqa: E402
from runner.samples import Samples, judge  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures reki next to its yardsticks.")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"), help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="a rough picture in less than 3 minutes")
    parser.add_argument("--smoke", action="store_true", help=argparse.SUPPRESS)  # each group once, for the tests
    parser.add_argument("--only", metavar="P6,P7", help="these groups alone; 'all': those that are not run by default too")
    parser.add_argument("--runs", type=int, metavar="N", help="repetitions; by default 5, with --quick 3")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md, and draw docs/pictures/")
    parser.add_argument("--pictures", metavar="FOLDER", help="draw the pictures there")
    parser.add_argument("--json", metavar="FILE", help="all figures of all runs, as one document")
    parser.add_argument("--list", action="store_true", help="say what there is to measure")
    out = parser.parse_args()
    out.build = os.path.abspath(out.build)
    out.mode = "smoke" if out.smoke else "quick" if out.quick else "full"
    out.runs = out.runs or {"full": 5, "quick": 3, "smoke": 1}[out.mode]
    return out


def chosen(all_groups, only):
    if not only:
        return [group for group in all_groups if not group.on_request]
    if only == "all":
        return all_groups
    wanted = only.split(",")
    unknown = set(wanted) - {group.id for group in all_groups}
    if unknown:
        print(f"error: there is no group {', '.join(sorted(unknown))}: --list says what there is", file=sys.stderr)
        sys.exit(2)
    return [group for group in all_groups if group.id in wanted]


def measure(all_groups, programs, mode):
    """The samples of each group by its id. A group that fails is said so, and the others go on."""
    begun = time.monotonic()

    def say(text):
        print(f"{time.monotonic() - begun:6.1f} s  {text}", file=sys.stderr, flush=True)

    out, failures = {}, {}
    for group in all_groups:
        out[group.id] = Samples()
        try:
            groups.run(group, programs, mode, out[group.id], say)
        except Failed as failure:
            failures[group.id] = str(failure)
            say(f"{group.id} FAILED: {failure}")
    return out, failures


def merged(samples):
    """Of all groups, for the pictures."""
    out = Samples()
    for each in samples.values():
        out.values.update(each.values)
        out.units.update(each.units)
    return out


def write(lines, about, samples):
    page_file = os.path.join(ROOT, "docs", "performance.md")
    with open(page_file) as page:
        text = report.replaced(page.read(), report.as_markdown(lines, about))
    with open(page_file, "w") as page:
        page.write(text)
    draw(samples, os.path.join(ROOT, "docs", "pictures"))


def draw(samples, folder):
    drawn = pictures.draw_all(merged(samples), folder)
    if drawn is None:
        print("no pictures: gnuplot is not installed (gnuplot-nox)", file=sys.stderr)


def main():
    options = arguments()
    all_groups = plan.load(os.path.join(HERE, "plan.toml"))
    if options.list:
        for group in all_groups:
            print(f"{group.id:10}{group.title}" + (" (with --only)" if group.on_request else ""))
        return 0
    about = report.about(ROOT, options.runs)
    programs = Programs(ROOT, options.build)
    selected = chosen(all_groups, options.only)
    if options.write and any(group not in selected for group in chosen(all_groups, None)):
        print("error: --write needs all groups: the page would lose the others. Leave out --only, or say --only all", file=sys.stderr)
        return 2
    samples, failures = measure(selected, programs, groups.Mode(options.mode, options.runs))
    rows = [row for group in selected for row in group.rows if not (row.optional and options.smoke)]
    lines = [judge(row, samples[row.group]) for row in rows]
    print(report.as_text(lines))
    judged = [line for line in lines if line["met"] is not None]
    print(f"\n{sum(line['met'] for line in judged)} of {len(judged)} bars met; {about['machine']}; load before: {about['load_before']}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"about": about, "table": lines, "failures": failures,
                       "runs": {id: each.values for id, each in samples.items()}}, file, indent=1)
    if options.write:
        write(lines, about, samples)
    if options.pictures:
        draw(samples, options.pictures)
    empty = [line["what"] for line in lines if line["verdict"] == "no figure"]
    for what in empty:
        print(f"error: no figure for: {what}", file=sys.stderr)
    return 1 if failures or empty else 0


if __name__ == "__main__":
    sys.exit(main())
