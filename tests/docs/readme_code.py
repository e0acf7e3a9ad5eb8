"""The code in README.md is code of the tree: each block under `<!-- file: PATH -->` stands in that file, letter for letter;
the links of all pages lead somewhere; and the files that the pages name in `code` exist.

    readme_code.py REPOSITORY
"""
import pathlib
import re
import sys


def broken_links(root: pathlib.Path, page: pathlib.Path) -> list[str]:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", prose)
    return [f"{link} in {page.relative_to(root)}" for link in links if not (page.parent / link).exists()]


def missing_files(root: pathlib.Path, page: pathlib.Path) -> list[str]:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    tops = "|".join(path.name for path in root.iterdir() if path.is_dir() and path.name != "build")
    names = re.findall(rf"`((?:{tops})/[\w./-]+)`", prose)
    return [f"{name} in {page.relative_to(root)}" for name in names if not (root / name).exists()]


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    readme = (root / "README.md").read_text()
    blocks = re.findall(r"<!-- file: (\S+) -->\n```cpp\n(.*?)```\n", readme, re.S)
    wrong = [path for path, code in blocks if code not in (root / path).read_text()]
    unmarked = len(re.findall(r"```cpp\n", readme)) - len(blocks)
    missing = sorted(link for page in [root / "README.md", *root.glob("docs/**/*.md")] for link in broken_links(root, page))
    unknown = sorted(name for page in [root / "README.md", *root.glob("docs/*.md")] for name in missing_files(root, page))
    for path in wrong:
        print(f"README.md shows code that is not in {path}")
    if unmarked:
        print(f"README.md has {unmarked} cpp blocks without a file")
    for link in missing:
        print(f"a link leads nowhere: {link}")
    for name in unknown:
        print(f"there is no such file: {name}")
    if not blocks:
        print("README.md shows no code at all")
    return 1 if wrong or unmarked or missing or unknown or not blocks else 0


sys.exit(main())
