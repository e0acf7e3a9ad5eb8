"""run.py FILE CASE: the function CASE of FILE.py, as ctest runs it."""

import importlib
import sys
import time

file, case = sys.argv[1:]
began = time.monotonic()
getattr(importlib.import_module(file), case)()
print(f"{case}: ok, {time.monotonic() - began:.1f} s")
