"""What is measured, and what it must show: bench/plan.toml, read and checked."""

import dataclasses
import tomllib

PINS = ("same", "cross", "free")
BARS = ("ratio_max", "ratio_min", "max", "min")
KINDS = ("programs", "idle", "overload", "timeline", "build", "plugin", "confirmed")


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table: a figure, what it is compared with, and the bar, if there is one."""

    group: str
    what: str
    figure: str
    yardstick: str | None = None
    bar: tuple[str, float] | None = None
    optional: bool = False  # short runs do without

    def is_met(self, value, ratio):
        """None: nothing to judge by."""
        if self.bar is None:
            return None
        kind, limit = self.bar
        seen = ratio if kind.startswith("ratio") else value
        if seen is None:
            return None
        return seen <= limit if kind.endswith("max") else seen >= limit


@dataclasses.dataclass(frozen=True)
class Group:
    """Measurements that are run together: its programs one after the other, and that again and again."""

    id: str
    title: str
    kind: str
    rows: tuple[Row, ...]
    programs: dict[str, tuple[str, ...]]  # by mode: "full", "quick", "smoke"
    pins: tuple[str, ...]
    nodes: int
    on_request: bool
    seconds: float | None
    repetitions: int | None


def load(path):
    with open(path, "rb") as file:
        tables = tomllib.load(file)["group"]
    return [_group(table) for table in tables]


def _group(table):
    table = dict(table)
    id = table.pop("id")
    pins = tuple(table.pop("pins", ()))
    full = tuple(table.pop("programs", ()))
    group = Group(
        id=id, title=table.pop("title"), kind=table.pop("kind", "programs"), pins=pins,
        rows=tuple(row for one in table.pop("row", ()) for row in _rows(id, one, pins)),
        programs={"full": full, "quick": tuple(table.pop("programs_quick", full)), "smoke": tuple(table.pop("programs_smoke", full))},
        nodes=table.pop("nodes", 0), on_request=table.pop("on_request", False),
        seconds=table.pop("seconds", None), repetitions=table.pop("repetitions", None))
    if table or group.kind not in KINDS or not set(pins) <= set(PINS):
        raise ValueError(f"group {id} of the plan: {table or group.kind or pins}")
    return group


def _rows(group, table, pins):
    """One row, or one for each way of pinning if the figure's name leaves that open."""
    table = dict(table)
    bars = [(kind, table.pop(kind)) for kind in BARS if kind in table]
    judged = table.pop("judged", list(PINS))  # which of them the bar is for
    optional = table.pop("optional", False)
    what, figure, yardstick = table.pop("what"), table.pop("figure"), table.pop("yardstick", None)
    if table or len(bars) > 1:
        raise ValueError(f"row '{what}' of group {group}: {table or bars}")
    names = {"same": "both on one core", "cross": "a core each", "free": "not pinned"}
    for pin in pins if "{pin}" in figure else (None,):
        at = lambda name: name if pin is None or name is None else name.replace("{pin}", pin)
        bar = bars[0] if bars and (pin is None or pin in judged) else None
        yield Row(group, what if pin is None else f"{what}; {names[pin]}", at(figure), at(yardstick), bar, optional)
