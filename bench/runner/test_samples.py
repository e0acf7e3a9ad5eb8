import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from runner import plan, report  # noqa: E402
from runner.samples import Samples, judge  # noqa: E402


def line(name, value, unit="ns"):
    return {"name": name, "value": value, "unit": unit}


def three_runs():
    out = Samples()
    for mine, other in ((10, 5), (30, 10), (12, 4)):
        out.begin_repetition()
        out.add([line("mine", mine)])
        out.add([line("other", other)])
    return out


def row(**bar):
    return plan.Row("P1", "a look-up", "mine", "other", next(iter(bar.items()), None))


class Judging(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_pairs_and_not_that_of_the_medians(self):
        self.assertEqual(three_runs().ratio("mine", "other"), 3)
        self.assertEqual(three_runs().median("mine") / three_runs().median("other"), 12 / 5)

    def test_a_bar_is_met_or_missed_by_the_median(self):
        for bar, met in (({"ratio_max": 3}, True), ({"ratio_max": 2.9}, False), ({"ratio_min": 3}, True),
                         ({"ratio_min": 3.1}, False), ({"max": 12}, True), ({"max": 11}, False),
                         ({"min": 12}, True), ({"min": 13}, False)):
            self.assertIs(judge(row(**bar), three_runs())["met"], met, bar)

    def test_without_figures_nothing_is_met(self):
        self.assertIsNone(judge(row(max=1), Samples())["met"])
        self.assertEqual(judge(row(max=1), Samples())["verdict"], "no figure")

    def test_a_yardstick_that_is_not_installed_is_named(self):
        samples = Samples()
        samples.begin_repetition()
        samples.add([line("mine", 1), {"skipped": "other", "why": "it is not installed"}])
        self.assertEqual(judge(row(ratio_max=1), samples)["verdict"], "skipped: it is not installed")

    def test_a_repetition_without_a_figure_pairs_with_nothing(self):
        samples = Samples()
        samples.begin_repetition()
        samples.add([line("mine", 100)])
        samples.begin_repetition()
        samples.add([line("mine", 6), line("other", 2)])
        self.assertEqual(samples.ratio("mine", "other"), 3)

    def test_figures_in_other_units_are_not_compared(self):
        samples = Samples()
        samples.begin_repetition()
        samples.add([line("mine", 1, "us"), line("other", 1, "ns")])
        with self.assertRaises(ValueError):
            samples.ratio("mine", "other")

    def test_a_figure_that_comes_twice_is_refused(self):
        samples = Samples()
        samples.begin_repetition()
        with self.assertRaises(ValueError):
            samples.add([line("mine", 1), line("mine", 2)])


class Planning(unittest.TestCase):
    def test_a_row_that_leaves_the_pinning_open_is_one_for_each(self):
        rows = list(plan._rows("P6", {"what": "w", "figure": "f.{pin}", "yardstick": "y.{pin}", "max": 3, "judged": ["same"]},
                               ("same", "free")))
        self.assertEqual([(r.figure, r.yardstick, r.bar) for r in rows],
                         [("f.same", "y.same", ("max", 3)), ("f.free", "y.free", None)])

    def test_the_plan_of_the_tree_is_good(self):
        path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "plan.toml")
        groups = plan.load(path)
        self.assertEqual(len({group.id for group in groups}), len(groups))
        for group in groups:
            self.assertTrue(group.rows or group.kind == "programs", group.id)


class Reporting(unittest.TestCase):
    def test_only_what_is_between_the_markers_is_replaced(self):
        page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
        self.assertEqual(report.replaced(page, "new"), f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n")
        with self.assertRaises(ValueError):
            report.replaced("a page without them", "new")

    def test_figures_are_written_for_people(self):
        self.assertEqual(report.shown(1234567, "1/s"), "1.23 M/s")
        self.assertEqual(report.shown(36.24, "ns"), "36.2 ns")
        self.assertEqual(report.shown(18200, "ns"), "18.2 µs")
        self.assertEqual(report.shown(30 * 2**20, "B"), "30 MiB")
        self.assertEqual(report.shown(320, "B"), "320 B")
        self.assertEqual(report.shown(None, None), "")
        self.assertEqual(report.bar_text(("max", 50e6), "ns"), "≤ 50 ms")
        self.assertEqual(report.bar_text(("ratio_min", 1.2), "1/s"), "≥ 1.2 ×")


if __name__ == "__main__":
    unittest.main()
