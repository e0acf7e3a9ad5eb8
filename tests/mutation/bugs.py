"""The deliberate bugs of bugs/*.toml, each as a mutant: a file, what the bug is, and its text before and after."""
import pathlib
import tomllib

from drawing import Mutant


def read(folder: pathlib.Path, sources: dict[str, str]) -> list[Mutant]:
    found = []
    for page in sorted(folder.glob("*.toml")):
        for bug in tomllib.loads(page.read_text())["bug"]:
            found.append(mutant_of(bug, sources))
    return found


def mutant_of(bug: dict[str, str], sources: dict[str, str]) -> Mutant:
    path, old, new = bug["file"], bug["old"].strip("\n"), bug["new"].strip("\n")
    text = sources.get(path, "")
    if text.count(old) != 1:
        raise ValueError(f"{path}: '{bug['what']}': its text stands there {text.count(old)} times, and not once")
    if not old.strip() or old == new:
        raise ValueError(f"{path}: '{bug['what']}' changes nothing")
    first = text.count("\n", 0, text.index(old))
    old_lines = text.split("\n")[first:first + old.count("\n") + 1]
    new_lines = "\n".join(old_lines).replace(old, new).split("\n")
    return Mutant(path, first + 1, bug["what"], tuple(old_lines), tuple(new_lines))
