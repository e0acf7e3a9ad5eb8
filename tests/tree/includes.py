"""Includes run down, never up and never in a circle: each folder includes what folders.txt, beside this file, allows it.

    includes.py REPOSITORY

Also: each folder under tests/core, tests/node, ... is named as the folder whose code it tests. Prints each fault with the
names of the two files, and ends with 1 if there is one.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"|<(?=reki/))([^">]+)[">]', re.M)


class Rules:
    """What folders.txt says. Throws ValueError, with the line, if it says nonsense."""

    def __init__(self, text: str):
        self.below: dict[str, set[str]] = {}  # folder -> all that it may include, itself too
        self.exceptions: set[tuple[str, str]] = set()
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                self._read(line)
        self.tops = {folder.split("/")[0] for folder in self.below}

    def _read(self, line: str) -> None:
        head, colon, rest = line.partition(" :")
        if " -> " in head and rest.strip():
            source, target = head.split(" -> ")
            return self.exceptions.add((source.strip(), target.strip()))
        unknown = [name for name in rest.split() if name not in self.below]
        if not colon or unknown or " -> " in head or head.strip() in self.below:
            raise ValueError(f"folders.txt: {line!r}: a folder once, and after the colon only folders that stand above it")
        self.below[head.strip()] = {head.strip()}.union(*(self.below[name] for name in rest.split()))


def includes(root: pathlib.Path, tops: set[str]) -> list[tuple[str, str]]:
    """Of all sources: (file, file of ours that it includes), as paths inside the repository."""
    sources = sorted(file for top in tops for file in (root / top).rglob("*.[hc]pp"))
    return [(file.relative_to(root).as_posix(), name.removeprefix("reki/")) for file in sources for name in INCLUDE.findall(file.read_text())]


def folder_of(file: str) -> str:
    return file.rpartition("/")[0]


def wrong_includes(rules: Rules, pairs: list[tuple[str, str]]) -> list[str]:
    across = {}  # (folder, folder) -> the first include from the one into the other
    for source, target in pairs:
        across.setdefault((folder_of(source), folder_of(target)), (source, target))
    folders = {folder_of(file): source + (f" includes {file}" if file != source else "") for source, target in pairs for file in (source, target)}
    out = [f"{where}: folders.txt has no folder '{folder}'" for folder, where in sorted(folders.items()) if folder not in rules.below]
    for source, target in pairs:
        here, there = folder_of(source), folder_of(target)
        if not {here, there} <= rules.below.keys() or there in rules.below[here] or (source, target) in rules.exceptions:
            continue
        back = across.get((there, here))
        circle = f"; a circle, since {back[0]} includes {back[1]}" if back else ""
        out.append(f"{source} includes {target}: {here} may not include {there}{circle}")
    out += [f"folders.txt excepts {a} -> {b}, which is no more: take the line out" for a, b in sorted(rules.exceptions - set(pairs))]
    return out


def strange_test_folders(root: pathlib.Path, tops: set[str]) -> list[str]:
    # Of those with code in them: what a test reads may be in a folder of its own.
    folders = sorted(p for top in tops for p in (root / "tests" / top).rglob("*") if p.is_dir() and any(p.rglob("*.[hc]pp")))
    names = [p.relative_to(root / "tests").as_posix() for p in folders]
    return [f"tests/{name} tests no folder: there is no {name}" for name in names if not (root / name).is_dir()]


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    rules = Rules((pathlib.Path(__file__).parent / "folders.txt").read_text())
    pairs = includes(root, rules.tops)
    wrong = wrong_includes(rules, pairs) + strange_test_folders(root, rules.tops)
    print("\n".join(wrong or [f"{len(pairs)} includes, {len(rules.below)} folders, nothing runs up"]))
    return 1 if wrong or not pairs else 0


if __name__ == "__main__":
    sys.exit(main())
