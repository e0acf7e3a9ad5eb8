"""Each sentence of docs/contract.md has a number of its own and a proof that exists: a rule of tests/contract, or a test case.

    contract.py REPOSITORY
"""
import pathlib
import re
import sys


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    page = (root / "docs/contract.md").read_text()
    sources = "\n".join(path.read_text() for path in (root / "tests").rglob("*.cpp"))
    cases = set(re.findall(r"TEST_CASE\((\w+)", sources))
    rules = {f"R{n}" for n in re.findall(r"^  \w+ = (\d+),$", (root / "tests/contract/rules.hpp").read_text(), re.M)}
    sentences = re.split(r"^(\d+)\. ", page, flags=re.M)[1:]
    faults = []
    for expected, (number, text) in enumerate(zip(sentences[::2], sentences[1::2]), 1):
        proofs = re.findall(r"`(R\d+|[a-z0-9]+(?:_[a-z0-9]+){4,})`", text.split("\n## ")[0])
        if int(number) != expected:
            faults.append(f"sentence {number} stands where {expected} is due")
        if not proofs:
            faults.append(f"sentence {number} has no proof")
        faults += [f"sentence {number}: there is no {proof}" for proof in proofs if proof not in rules | cases]
    if not sentences:
        faults.append("docs/contract.md has no sentence")
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
