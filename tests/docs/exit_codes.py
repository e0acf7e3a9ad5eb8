"""The exit codes of reki-node, and which of them another start may mend, are the same in the header, the table of
docs/failures.md, the README and the unit for systemd. Those of the command `reki` are the same numbers in its header,
its --help and the README; what each error ends with is in tests/client/output.cpp.

    exit_codes.py REPOSITORY
"""
import pathlib
import re
import sys

KILLED = "128 + N"  # the guard's for any signal; no constant of the header


def of_header(text: str) -> dict[str, str]:
    return dict(re.findall(r"inline constexpr int exit_\w+ = (\d+);\s+///< (\w+): ", text)) | {KILLED: "passing"}


def of_table(text: str) -> dict[str, str]:
    table = re.search(r"### Exit codes\n(.*?)\n###? ", text, re.S)
    return dict(re.findall(r"^\| ([\d +N]+) \| .* \| (\w+) \|", table[1], re.M)) if table else {}


def of_readme(text: str) -> dict[str, str]:
    line = re.search(r"Exit codes: (.*?); all but ([\d, ]+) and 0 may pass", text, re.S)
    if not line:
        return {}
    lasting = line[2].split(", ")
    codes = re.findall(r"(?:^|,\s)(\d+(?: \+ N)?) ", line[1])
    return {code: "wanted" if code == "0" else "lasting" if code in lasting else "passing" for code in codes}


def faults_of_unit(text: str, codes: dict[str, str]) -> list[str]:
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
    lasting = {code for code, kind in codes.items() if kind == "lasting"}
    faults = []
    if settings.get("Restart") != "always":
        faults.append("the unit does not start a node again that ended by a trouble that passes")
    if set(settings.get("RestartPreventExitStatus", "").split()) != lasting:
        faults.append(f"the unit has not RestartPreventExitStatus={' '.join(sorted(lasting))}")
    if settings.get("StartLimitIntervalSec") != "0":
        faults.append("the unit gives up while a trouble has not passed yet")
    return faults


def faults_of_command(root: pathlib.Path) -> list[str]:
    header = re.findall(r"inline constexpr int exit_\w+ = (\d+);", (root / "client/cli/output.hpp").read_text())
    said = {"README.md": r"Exit codes of `reki`: (.*?)\.\n", "client/cli/command_line.cpp": r"Exit codes: (.*?)\.\\n\""}
    faults = [] if len(header) > 2 else [f"the header of the command has only {header}"]
    for page, pattern in said.items():
        text = re.search(pattern, (root / page).read_text(), re.S)
        there = re.findall(r"(?:^|,\s|,\\n\"\s+\")(\d+) ", text[1]) if text else []
        if there != header:
            faults.append(f"{page} has the command's codes {there}, its header {header}")
    return faults


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    codes = of_header((root / "node/support/exit_codes.hpp").read_text())
    pages = {"docs/failures.md": of_table, "README.md": of_readme}
    faults = [] if len(codes) > 2 and set(codes.values()) == {"wanted", "passing", "lasting"} else [f"the header has only {codes}"]
    for page, read in pages.items():
        there = read((root / page).read_text())
        if there != codes:
            faults.append(f"{page} has {there}, the header {codes}")
    faults += faults_of_command(root)
    faults += faults_of_unit((root / "configs/reki-node@.service").read_text(), codes)
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
