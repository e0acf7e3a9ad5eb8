"""The installed headers: each compiles by itself, includes none of reki's that is not installed, and is needed.

    headers.py INSTALLED PUBLIC COMPILER      prefix/include, the tree's include/, a C++ compiler

Users include those of PUBLIC; all others are there because one of these leads to them.
"""
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+["<](reki/[^">]+)[">]', re.M)
NOTHING = re.compile(r"^\s*(#.*|//.*)?$")


def faults(installed: pathlib.Path, public: pathlib.Path) -> list[str]:
    def names(root: pathlib.Path) -> set[str]:
        return {file.relative_to(root).as_posix() for file in root.rglob("*.hpp")}

    there, wanted, out = names(installed), sorted(names(public)), []
    out += [f"include/{name} is not installed" for name in wanted if name not in there]
    reached = set()
    while wanted:
        name = wanted.pop()
        if name in reached or name not in there:
            continue
        reached.add(name)
        for other in INCLUDE.findall((installed / name).read_text()):
            if other not in there:
                out.append(f"{name} includes {other}, which is not installed")
            wanted.append(other)
    return out + [f"{name} is installed, and no header in include/ leads to it" for name in sorted(there - reached)]


def compiles(installed: pathlib.Path, name: str, compiler: str) -> bool:
    command = [compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-DMSGPACK_NO_BOOST"]
    run = subprocess.run([*command, f"-I{installed}", "-fsyntax-only", "-x", "c++", "-"], input=f"#include <{name}>\n", text=True)
    return run.returncode == 0


def main() -> int:
    installed, public, compiler = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    wrong = faults(installed, public)
    # One that only leads to others compiles if they do.
    own = sorted(f for f in installed.rglob("*.hpp") if not all(NOTHING.match(line) for line in f.read_text().splitlines()))
    names = [file.relative_to(installed).as_posix() for file in own]
    wrong += [f"{name} does not compile by itself" for name in names if not compiles(installed, name, compiler)]
    print("\n".join(wrong or [f"{len(names)} headers compile by themselves, and nothing is missing"]))
    return 1 if wrong or not names else 0


if __name__ == "__main__":
    sys.exit(main())
