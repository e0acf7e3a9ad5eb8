"""Figures of several runs, and what is made of them."""

import statistics


class Samples:
    """The values of each figure, one per repetition; None where a repetition has none."""

    def __init__(self):
        self.values = {}
        self.units = {}
        self.skipped = {}  # what -> why
        self._begun = 0

    def begin_repetition(self):
        for values in self.values.values():
            values += [None] * (self._begun - len(values))
        self._begun += 1

    def add(self, lines):
        """The JSON lines of one program, as dicts."""
        for line in lines:
            if "skipped" in line:
                self.skipped[line["skipped"]] = line["why"]
                continue
            values = self.values.setdefault(line["name"], [])
            values += [None] * (self._begun - 1 - len(values))
            if len(values) == self._begun:
                raise ValueError(f"figure {line['name']} came twice in one repetition")
            values.append(line["value"])
            if self.units.setdefault(line["name"], line["unit"]) != line["unit"]:
                raise ValueError(f"figure {line['name']} comes in {line['unit']} and {self.units[line['name']]}")

    def of(self, name):
        return [value for value in self.values.get(name, []) if value is not None]

    def median(self, name):
        values = self.of(name)
        return statistics.median(values) if values else None

    def ratio(self, name, yardstick):
        """The median of the ratios within each repetition: what slows both down at once is in none of them."""
        if self.of(name) and self.of(yardstick) and self.units[name] != self.units[yardstick]:
            raise ValueError(f"{name} is in {self.units[name]}, {yardstick} in {self.units[yardstick]}")
        pairs = zip(self.values.get(name, []), self.values.get(yardstick, []))
        ratios = [a / b for a, b in pairs if a is not None and b]
        return statistics.median(ratios) if ratios else None


def judge(row, samples):
    """One line of the table as a dict."""
    values = samples.of(row.figure)
    ratio = samples.ratio(row.figure, row.yardstick) if row.yardstick else None
    median = samples.median(row.figure)
    met = row.is_met(median, ratio) if values else None
    return {
        "group": row.group, "what": row.what, "figure": row.figure, "unit": samples.units.get(row.figure) or samples.units.get(row.yardstick),
        "median": median, "min": min(values, default=None), "max": max(values, default=None), "runs": len(values),
        "yardstick": row.yardstick, "yardstick_median": samples.median(row.yardstick) if row.yardstick else None,
        "ratio": ratio, "bar": row.bar, "met": met,
        "verdict": _verdict(row, values, met, samples),
    }


def _verdict(row, values, met, samples):
    if met is not None:
        return "met" if met else "missed"
    for what, why in samples.skipped.items():
        if row.figure.startswith(what) or (row.yardstick or "").startswith(what):
            return f"skipped: {why}"
    if not values:
        return "no figure"
    return "no yardstick" if row.bar is not None else ""
