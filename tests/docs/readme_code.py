"""The code in README.md is code of the tree: each block under `<!-- file: PATH -->` stands in that file, letter for letter.

    readme_code.py REPOSITORY
"""
import pathlib
import re
import sys


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    readme = (root / "README.md").read_text()
    blocks = re.findall(r"<!-- file: (\S+) -->\n```cpp\n(.*?)```\n", readme, re.S)
    wrong = [path for path, code in blocks if code not in (root / path).read_text()]
    unmarked = len(re.findall(r"```cpp\n", readme)) - len(blocks)
    prose = re.sub(r"```.*?```", "", readme + (root / "docs/architecture.md").read_text().replace("](../", "]("), flags=re.S)
    links = re.findall(r"\]\((?!https?:)([^)#]+)", prose)
    missing = sorted({link for link in links if not (root / link).exists()})
    for path in wrong:
        print(f"README.md shows code that is not in {path}")
    if unmarked:
        print(f"README.md has {unmarked} cpp blocks without a file")
    for link in missing:
        print(f"a link leads to {link}, which is not there")
    if not blocks:
        print("README.md shows no code at all")
    return 1 if wrong or unmarked or missing or not blocks else 0


sys.exit(main())
