"""run.py FILE CASE: the function CASE of FILE.py, as ctest runs it. Exits with 77, for "skipped", if this machine has
no network namespaces for us."""

import importlib
import os
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cluster"))

import network  # noqa: E402
import processes  # noqa: E402

SKIPPED = 77

if __name__ == "__main__":
    file, case = sys.argv[1:]
    if missing := network.why_not():
        print(f"SKIPPED: {missing}")
        sys.exit(SKIPPED)
    processes.end_on_sigterm()
    began = time.monotonic()
    getattr(importlib.import_module(file), case)()
    print(f"{case}: ok, {time.monotonic() - began:.1f} s")
