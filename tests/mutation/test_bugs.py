"""Each deliberate bug has its place in the sources, once, and each source file has tests that judge it.

    test_bugs.py REPOSITORY
"""
import pathlib
import sys

import areas
import bugs

root = pathlib.Path(sys.argv[1])
sources = {str(path.relative_to(root)): path.read_text() for top in ("core", "actor", "net", "node", "client")
           for path in (root / top).rglob("*.[ch]pp")}
for name in sources:
    areas.steps_of(name)
found = bugs.read(root / "tests/mutation/bugs", sources)
if not found:
    sys.exit("there are no deliberate bugs")
print(f"{len(found)} deliberate bugs")
