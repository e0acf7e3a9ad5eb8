"""Draws mutants: changes of one place in C++ sources, each of which may be a bug. Pure: text in, mutants out.

What is drawn depends on the seed and the sources alone. Only places are drawn of which the change may compile; whether it
does is for the compiler to say.
"""
import dataclasses
import random
import re
from collections.abc import Iterator

KINDS = ("operator", "constant", "left out", "swapped", "negated")

OPERATORS = {" < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ",
             " && ": " || ", " || ": " && ", " + ": " - ", " - ": " + ", " += ": " -= ", " -= ": " += ",
             " * ": " / ", " / ": " * ", " & ": " | ", " | ": " & ", "++": "--", "--": "++",
             "std::min(": "std::max(", "std::max(": "std::min("}
OPERATOR = re.compile("|".join(re.escape(o) for o in sorted(OPERATORS, key=len, reverse=True)))
NUMBER = re.compile(r"(?<![\w.'])(\d+)(?=(?:[uUlL]*|us|ms|s|min|h)(?![\w.']))")
TRUTH = re.compile(r"\b(true|false)\b")
CALL = re.compile(r"(?!return\b|throw\b|delete\b|REKI_ASSERT|static_assert|sizeof)"
                  r"(?:\(\*\w+\)|[\w:]+)(?:\[[^\]]*\]|\([^()]*\)|\.|->|\w)*\(.*\);")
ASSIGNMENT = re.compile(r"[*]?[\w.\->:]+(?:\[[^\]]*\])? (?:=|\+=|-=|\|=|&=) .*;")
# Asserts find bugs and make none; the others are no statements.
NOT_CODE = re.compile(r"\s*(?:#|template\b|using\b|namespace\b|static_assert|REKI_ASSERT|friend\b|enum\b|class\b|struct\b)|.*\boperator\b")


@dataclasses.dataclass(frozen=True)
class Mutant:
    path: str
    line: int  # of the first line that it changes, from 1
    kind: str
    old: tuple[str, ...]
    new: tuple[str, ...]

    def applied_to(self, text: str) -> str:
        lines = text.split("\n")
        at = slice(self.line - 1, self.line - 1 + len(self.old))
        if tuple(lines[at]) != self.old:
            raise ValueError(f"{self.path}:{self.line} is not what it was")
        lines[at] = self.new
        return "\n".join(lines)

    def diff(self) -> str:
        return "\n".join([f"- {line.strip()}" for line in self.old] + [f"+ {line.strip() or '(nothing)'}" for line in self.new])


def masked(text: str) -> str:
    """The same text with comments and literals blank, so that what is left is code, at its place."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def end_of_parentheses(code: str, start: int) -> int:
    """Where the one closes that opens at `start`; -1 if it does not in this line."""
    depth = 0
    for i in range(start, len(code)):
        depth += (code[i] in "([{") - (code[i] in ")]}")
        if depth == 0:
            return i
    return -1


def head_of(code: str) -> tuple[int, int] | None:
    """The parentheses of an `if`, `for` or `while` at the start of the line."""
    m = re.match(r"\s*(?:\} )?(?:else )?(?:if|for|while) \(", code)
    if not m:
        return None
    end = end_of_parentheses(code, m.end() - 1)
    return (m.end() - 1, end) if end > 0 else None


def is_statement(code: str) -> bool:
    """A whole one in a line, of which the order may matter."""
    return code.rstrip().endswith(";") and end_of_parentheses("(" + code + ")", 0) == len(code) + 1


def acts(code: str) -> bool:
    """Calls or assigns, at once or under a condition."""
    head = head_of(code)
    rest = code[head[1] + 1:] if head else code
    return bool(CALL.fullmatch(rest.strip()) or ASSIGNMENT.fullmatch(rest.strip()))


def operators(lines: list[str], codes: list[str], i: int) -> Iterator[list[str]]:
    for m in OPERATOR.finditer(codes[i]):
        yield [lines[i][:m.start()] + OPERATORS[m.group()] + lines[i][m.end():]]


def constants(lines: list[str], codes: list[str], i: int) -> Iterator[list[str]]:
    if re.search(r"\) (?:const )?(?:noexcept )?= 0;", codes[i]):
        return
    for m in NUMBER.finditer(codes[i]):
        n = int(m.group(1))
        # Of a time or a bound, one more or less is often nobody's affair.
        for other in sorted({n + 1, max(n - 1, 0)} - {n}) if n < 10 else (0, 2 * n):
            yield [lines[i][:m.start()] + str(other) + lines[i][m.end():]]
    for m in TRUTH.finditer(codes[i]):
        yield [lines[i][:m.start()] + {"true": "false", "false": "true"}[m.group()] + lines[i][m.end():]]


def left_out(lines: list[str], codes: list[str], i: int) -> Iterator[list[str]]:
    if not is_statement(codes[i]) or not acts(codes[i]) or not begins_here(codes, i):
        return
    head = head_of(codes[i])
    yield [lines[i][:head[1] + 1] + " {}" if head else ""]


def swapped(lines: list[str], codes: list[str], i: int) -> Iterator[list[str]]:
    if i + 1 == len(lines) or lines[i] == lines[i + 1] or not begins_here(codes, i):
        return
    pair = codes[i:i + 2]
    same_depth = len({len(code) - len(code.lstrip()) for code in pair}) == 1
    no_fence = not any(re.match(r"\s*(?:\}|else|case|default|break|public|private)", code) or NOT_CODE.match(code) for code in pair)
    if same_depth and no_fence and all(map(is_statement, pair)) and any(map(acts, pair)) and not independent(pair):
        yield [lines[i + 1], lines[i]]


def independent(pair: list[str]) -> bool:
    """Two assignments of which neither has to do with the other: in which order they stand is the same."""
    if not all(ASSIGNMENT.fullmatch(code.strip()) for code in pair):
        return False
    (left, first), (right, second) = (code.strip().split(" ", 1) for code in pair)
    return not (left == right or left in second or right in first or "(" in first + second)


def negated(lines: list[str], codes: list[str], i: int) -> Iterator[list[str]]:
    head = head_of(codes[i])
    if not head or re.match(r"\s*for\b", codes[i]):
        return
    begin, end = head[0] + 1, head[1]
    begin = codes[i].rfind("; ", begin, end) + 2 if "; " in codes[i][begin:end] else begin
    if re.match(r"(?:const )?auto\b", codes[i][begin:end]):
        return
    yield [lines[i][:begin] + "!(" + lines[i][begin:end] + ")" + lines[i][end:]]


def begins_here(codes: list[str], i: int) -> bool:
    """The line before has come to its end, so that a statement begins in this one."""
    before = next((codes[j].rstrip() for j in range(i - 1, -1, -1) if codes[j].strip()), "")
    return before.endswith((";", "{", "}", ":")) or before == ""


MAKERS = dict(zip(KINDS, (operators, constants, left_out, swapped, negated)))


def places(path: str, text: str) -> Iterator[Mutant]:
    """All mutants of one file, in the order of its lines."""
    lines, codes = text.split("\n"), masked(text).split("\n")
    for i, code in enumerate(codes):
        if not code.strip() or NOT_CODE.match(code):
            continue
        for kind, maker in MAKERS.items():
            for new in maker(lines, codes, i):
                yield Mutant(path, i + 1, kind, tuple(lines[i:i + len(new)]), tuple(new))


def drawn(sources: dict[str, str], seed: int) -> Iterator[Mutant]:
    """Endless but for want of places: a kind first, that none is rare, and then a place; none twice."""
    left = {kind: [] for kind in KINDS}
    for path in sorted(sources):
        for mutant in places(path, sources[path]):
            left[mutant.kind].append(mutant)
    rng = random.Random(seed)
    while any(left.values()):
        of_kind = left[rng.choice([kind for kind in KINDS if left[kind]])]
        yield of_kind.pop(rng.randrange(len(of_kind)))
