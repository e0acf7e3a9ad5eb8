"""smoke.py FIGURE,FIGURE... COMMAND...: runs a benchmark program once and checks what it prints, not how fast it is.

Exit code 77 if the program says that what it measures is not installed.
"""
import json
import math
import subprocess
import sys


def main():
    wanted = set(sys.argv[1].split(","))
    done = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines:
        if "skipped" in line:
            print(f"skipped: {line['why']}")
            sys.exit(77)
    for line in lines:
        print(f"{line['name']}: {line['value']} {line['unit']}")
        if not (math.isfinite(line["value"]) and line["value"] > 0):
            sys.exit(f"{line['name']} is {line['value']}")
    missing = wanted - {line["name"] for line in lines}
    if missing:
        sys.exit(f"not printed: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
