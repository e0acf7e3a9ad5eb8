"""What is drawn, how it is put into a file, and how its end is told: on made-up sources and commands."""
import collections
import itertools
import pathlib
import subprocess
import sys
import tempfile
import unittest

import areas
import bugs
import drawing
import mutate
import workshop

SOURCE = """
#include "reki/a.hpp"
// if (a < b) this is a comment
bool late(int now, int end) {
  if (now >= end && end != 7) return true;
  log("1 < 2", now);
  count_ += 1;
  peers_.forget(now);
  REKI_ASSERT(now < 8);
  return call(now,
              end);
}
"""


def of_kind(kind, text=SOURCE):
    return [m for m in drawing.places("core/a.cpp", text) if m.kind == kind]


def changes(kind, text=SOURCE):
    return [tuple(line.strip() for line in m.new) for m in of_kind(kind, text)]


class Drawing(unittest.TestCase):
    def test_each_operator_is_swapped_for_its_neighbour(self):
        self.assertEqual(changes("operator"), [("if (now > end && end != 7) return true;",), ("if (now >= end || end != 7) return true;",),
                                               ("if (now >= end && end == 7) return true;",), ("count_ -= 1;",)])

    def test_each_constant_becomes_one_more_and_one_less(self):
        new = [line for (line,) in changes("constant")]
        self.assertCountEqual(new, ["if (now >= end && end != 8) return true;", "if (now >= end && end != 6) return true;",
                                    "if (now >= end && end != 7) return false;", "count_ += 2;", "count_ += 0;"])

    def test_a_large_constant_becomes_none_and_twice_as_much(self):
        self.assertEqual(changes("constant", "  wait(100ms, 0x10, a2);\n"), [("wait(0ms, 0x10, a2);",), ("wait(200ms, 0x10, a2);",)])

    def test_a_statement_is_left_out_if_it_calls_or_assigns(self):
        self.assertEqual([m.old[0].strip() for m in of_kind("left out")], ['log("1 < 2", now);', "count_ += 1;", "peers_.forget(now);"])
        self.assertEqual(set(changes("left out")), {("",)})

    def test_what_stands_under_a_condition_is_left_out_and_the_condition_stays(self):
        self.assertEqual(changes("left out", "void f() {\n  if (due(now)) wake();\n}\n"), [("if (due(now)) {}",)])

    def test_statements_are_swapped_with_the_next_line(self):
        self.assertEqual(changes("swapped"), [('log("1 < 2", now);', "if (now >= end && end != 7) return true;"),
                                              ("count_ += 1;", 'log("1 < 2", now);'), ("peers_.forget(now);", "count_ += 1;")])

    def test_assignments_that_have_nothing_to_do_with_each_other_are_not_swapped(self):
        self.assertEqual(changes("swapped", "  a.x = b;\n  a.y = c;\n"), [])
        for other in ("c = a.x;", "b = c;", "a.x = c;", "c = next();"):
            self.assertEqual(len(changes("swapped", f"  a.x = b;\n  {other}\n")), 1, other)

    def test_a_condition_is_negated_without_what_stands_before_it(self):
        self.assertEqual(changes("negated"), [("if (!(now >= end && end != 7)) return true;",)])
        self.assertEqual(changes("negated", "  if (const auto x = f(); x < 2) return;\n"), [("if (const auto x = f(); !(x < 2)) return;",)])

    def test_comments_texts_includes_and_asserts_are_left_alone(self):
        touched = {line for m in drawing.places("a.cpp", SOURCE) for line in range(m.line, m.line + len(m.old))}
        self.assertEqual(touched & {2, 3, 9}, set())
        self.assertFalse([m for m in drawing.places("a.cpp", SOURCE) if '"2 < 2"' in m.new[0] or '"1 <= 2"' in m.new[0]])

    def test_a_piece_of_a_statement_is_not_left_out(self):
        self.assertNotIn("end);", [m.old[0].strip() for m in of_kind("left out")])
        self.assertEqual(changes("left out", "  f(a,\n    b.c(d));\n  e(f);\n"), [("",)])

    def test_a_seed_gives_the_same_mutants_each_time_and_another_gives_others(self):
        sources = {"core/b.cpp": SOURCE, "core/a.cpp": SOURCE}
        first = list(drawing.drawn(sources, 7))
        self.assertEqual(first, list(drawing.drawn(dict(reversed(sources.items())), 7)))
        self.assertNotEqual(first, list(drawing.drawn(sources, 8)))
        self.assertEqual(len(first), len(set(first)))

    def test_no_kind_is_rare_because_it_has_few_places(self):
        few = "void f() {\n  if (a) return;\n" + "  x = 1;\n" * 500 + "}\n" + "void g() {\n  if (a) return;\n}\n" * 40
        kinds = collections.Counter(m.kind for m in itertools.islice(drawing.drawn({"a.cpp": few}, 1), 100))
        self.assertGreater(kinds["negated"], 15)

    def test_a_mutant_changes_its_lines_and_no_others(self):
        for mutant in drawing.places("a.cpp", SOURCE):
            before, after = SOURCE.split("\n"), mutant.applied_to(SOURCE).split("\n")
            changed = [i + 1 for i, (old, new) in enumerate(zip(before, after)) if old != new]
            self.assertEqual(len(before), len(after))
            self.assertTrue(changed and set(changed) <= set(range(mutant.line, mutant.line + len(mutant.old))), mutant)

    def test_a_mutant_of_another_text_is_refused(self):
        with self.assertRaises(ValueError):
            of_kind("negated")[0].applied_to(SOURCE.replace("now >= end", "end <= now"))


class Areas(unittest.TestCase):
    def test_the_longest_folder_counts_and_unit_tests_come_first(self):
        self.assertEqual(areas.steps_of("node/server/sessions.cpp")[0].name, "server_test")
        self.assertEqual(areas.steps_of("client/cli/output.cpp")[1].name, "command line")
        self.assertRaises(KeyError, areas.steps_of, "bench/x.cpp")

    def test_the_suites_of_the_same_folder_are_tried_before_all_but_for_their_long_cases(self):
        with tempfile.TemporaryDirectory() as place:
            folder = pathlib.Path(place) / "tests/core/routing"
            folder.mkdir(parents=True)
            (folder / "a.cpp").write_text("BOOST_AUTO_TEST_SUITE(retry_queue)\nBOOST_FIXTURE_TEST_SUITE(router_random, F)\n")
            near, whole, *_ = areas.steps_of("core/routing/retry_queue.cpp", pathlib.Path(place))
        self.assertEqual(near.command[4:], ("--run_test=retry_queue", "--run_test=router_random", "--run_test=!router_random"))
        self.assertEqual(whole, areas.STEPS["core_test"])

    def test_whether_it_was_luck_is_asked_of_the_case_that_failed(self):
        server = areas.STEPS["server_test"]
        self.assertEqual(areas.once_more(server, "node/it_serves").command[4:], ("--run_test=node/it_serves",))
        self.assertEqual(areas.once_more(server, "SIGSEGV"), server)
        self.assertEqual(areas.once_more(areas.STEPS["guard"], "guard.x"), areas.STEPS["guard"])

    def test_the_failed_test_is_read_from_what_the_programs_print(self):
        self.assertEqual(areas.what_failed('a.cpp(7): fatal error: in "gate/it_opens": critical check x'), "gate/it_opens")
        self.assertEqual(areas.what_failed("1/3 Test #12: cluster.sharing ......***Failed  3.1 sec"), "cluster.sharing")
        self.assertEqual(areas.what_failed("seed 17: R4: answered twice"), "seed 17")
        self.assertIsNone(areas.what_failed("seeds 1..3, no error"))
        self.assertIsNone(areas.what_failed("2/3 Test #13: cluster.sharing ......   Passed  3.1 sec"))


class Bugs(unittest.TestCase):
    def test_a_bug_is_found_by_its_text_and_changes_whole_lines(self):
        bug = {"file": "core/a.cpp", "what": "counts two", "old": "count_ += 1", "new": "count_ += 2"}
        mutant = bugs.mutant_of(bug, {"core/a.cpp": SOURCE})
        self.assertEqual((mutant.line, mutant.old, mutant.new), (7, ("  count_ += 1;",), ("  count_ += 2;",)))

    def test_a_bug_whose_place_is_gone_doubtful_or_unchanged_is_refused(self):
        for old, new in (("count_ += 3", "x"), ("now", "x"), ("count_ += 1", "count_ += 1")):
            with self.assertRaises(ValueError, msg=old):
                bugs.mutant_of({"file": "core/a.cpp", "what": "", "old": old, "new": new}, {"core/a.cpp": SOURCE})


class Judging(unittest.TestCase):
    """In a repository of its own, with a shell instead of compilers and tests."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = pathlib.Path(place.name)
        (self.root / "core").mkdir()
        (self.root / "core/a.cpp").write_text(SOURCE)
        self.git("init", "--quiet")
        (self.root / ".gitignore").write_text("/build/\n")
        self.git("add", ".")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "first")
        self.shop = workshop.Workshop(self.root, "HEAD", 1)
        self.shop.build_folder.mkdir(parents=True)
        self.shop._build = lambda step: self.shop._logged(["sh", "-c", step.targets[0]], 60) == 0
        self.mutant = of_kind("negated")[0]
        self.addCleanup(setattr, workshop, "steps_of", workshop.steps_of)
        self.addCleanup(setattr, workshop, "STEP_LIMIT_S", workshop.STEP_LIMIT_S)

    def git(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def judged(self, *tests, build="true", twice=False, first=100):
        steps = [areas.Step(f"test {i}", (build,), ("sh", "-c", test.replace("FILE", str(self.shop.tree / "core/a.cpp"))), twice)
                 for i, test in enumerate(tests, 1)]
        workshop.steps_of = lambda path, tree: steps
        verdict = self.shop.judge(self.mutant, first)
        self.assertEqual((self.shop.tree / "core/a.cpp").read_text(), SOURCE)
        return verdict

    def test_the_first_test_that_fails_has_killed_it(self):
        verdict = self.judged("true", """grep -q '!(now' FILE && echo 'error: in "a/case"' || true""", "true")
        self.assertEqual(verdict, workshop.Verdict("killed", "test 2: a/case"))

    def test_what_no_test_sees_has_survived(self):
        self.assertEqual(self.judged("true", "true"), workshop.Verdict("survived", "test 1, test 2"))

    def test_what_the_first_tests_do_not_see_is_left_open(self):
        self.assertEqual(self.judged("true", "true", "false", first=2), workshop.Verdict("open", "test 1, test 2"))
        self.assertEqual(self.judged("true", "true", first=2).what, "survived")

    def test_a_program_that_ends_by_a_signal_has_seen_it(self):
        self.assertEqual(self.judged("! grep -q '!(now' FILE || kill -ABRT $$").by, "test 1: SIGABRT")

    def test_a_test_that_hangs_is_ended_by_its_limit(self):
        workshop.STEP_LIMIT_S = 1
        self.assertIn("more than", self.judged("! grep -q '!(now' FILE || { sleep 50 & wait; }").by)
        # On a machine with far more work than cores the wall clock is the first.
        by = self.judged("! grep -q '!(now' FILE || while :; do :; done").by
        self.assertTrue("SIGXCPU" in by or "more than" in by, by)

    def test_where_real_time_is_in_it_what_fails_once_was_luck(self):
        luck = "[ -e FILE.run ] || { touch FILE.run; exit 1; }"
        self.shop.baseline[areas.Step("test 1", ("true",), ("sh", "-c", luck.replace("FILE", str(self.shop.tree / "core/a.cpp"))), True)] = 0
        self.assertEqual(self.judged(luck, twice=True).what, "survived")
        self.assertEqual(self.judged("! grep -q '!(now' FILE", twice=True).by, "test 1: exit code 1")

    def test_what_a_program_leaves_behind_ends_with_it(self):
        self.assertEqual(self.judged("sleep 1234567 & true").what, "survived")
        if not self.shop.apart:
            self.skipTest("the system lets nobody have processes of their own")
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn("sleep 1234567", listed)

    def test_what_does_not_compile_is_told_apart(self):
        build = f"! grep -q '!(now' '{self.shop.tree}/core/a.cpp'"
        self.assertEqual(self.judged("true", build=build).what, "does not compile")

    def test_a_test_that_fails_without_the_mutant_ends_the_run(self):
        with self.assertRaises(SystemExit):
            self.judged("false")

    def test_the_tree_that_people_work_in_is_left_alone(self):
        self.judged("true")
        self.assertEqual((self.root / "core/a.cpp").read_text(), SOURCE)
        self.assertEqual(self.git("status", "--porcelain", "--untracked-files=no"), "")

    def test_what_an_interrupted_run_has_left_is_gone_in_the_next(self):
        (self.shop.tree / "core/a.cpp").write_text("half a mutant")
        workshop.Workshop(self.root, "HEAD", 1)
        self.assertEqual((self.shop.tree / "core/a.cpp").read_text(), SOURCE)

    def test_how_long_steps_take_is_kept(self):
        self.judged("true", "sleep 0.2")
        again = workshop.Workshop(self.root, "HEAD", 1).baseline
        self.assertGreater(again[areas.Step("", (), ("sh", "-c", "sleep 0.2"))], 0.15)
        self.assertNotIn(areas.Step("", (), ("sh", "-c", "sleep 0.3")), again)

    def test_what_was_found_is_kept(self):
        record = mutate.Record(self.root / "record", False)
        record.add(self.mutant, workshop.Verdict("killed", "x"))
        again = mutate.Record(self.root / "record", False)
        self.assertEqual(again.known[mutate.key_of(self.mutant)], workshop.Verdict("killed", "x"))
        self.assertEqual(mutate.Record(self.root / "record", True).known, {})

    def test_a_header_is_known_by_how_many_files_read_it(self):
        sources = {"core/a.hpp": "", "core/b.hpp": '#include "reki/core/a.hpp"\n', "core/a.cpp": '#include "reki/core/b.hpp"\n'}
        self.assertEqual(mutate.readers(sources, {"tests/b.cpp": '#include "reki/core/b.hpp"\n'}),
                         {"core/a.hpp": 2, "core/b.hpp": 2, "core/a.cpp": 1})


if __name__ == "__main__":
    sys.exit(unittest.main())
