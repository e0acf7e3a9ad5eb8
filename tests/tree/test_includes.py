"""includes.py finds what it is there for: in made-up trees, one fault each."""
import pathlib
import tempfile
import unittest

import includes

TABLE = """
core/base :
core/wire : core/base
net       : core/wire
"""
# What starts with the first includes nothing that starts with the second.
PROMISES = [("core/", "actor"), ("core/", "n"), ("actor", "n"), ("client", "node"), ("node", "client"), ("net", "node"), ("net", "client")]


class FolderRules(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = pathlib.Path(place.name)
        self.write("core/base/ids.hpp")
        self.write("core/wire/wire.hpp", "core/base/ids.hpp")
        self.write("net/links.cpp", "core/wire/wire.hpp", "core/base/ids.hpp")

    def write(self, name, *included):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f'#include "reki/{other}"\n' for other in included) + "#include <vector>\n")

    def wrong(self, table=TABLE):
        rules = includes.Rules(table)
        return includes.wrong_includes(rules, includes.includes(self.root, rules.tops))

    def test_includes_that_run_down_are_fine(self):
        self.assertEqual(self.wrong(), [])

    def test_an_include_that_runs_up_is_told_with_both_files(self):
        self.write("core/base/hash.cpp", "net/links.hpp")
        self.write("net/links.cpp", "core/wire/wire.hpp")
        self.assertEqual(self.wrong(), ["core/base/hash.cpp includes net/links.hpp: core/base may not include net"])

    def test_a_circle_is_told_with_both_includes(self):
        self.write("core/base/hash.hpp", "core/wire/wire.hpp")
        self.assertEqual(self.wrong(), ["core/base/hash.hpp includes core/wire/wire.hpp: core/base may not include core/wire; "
                                        "a circle, since core/wire/wire.hpp includes core/base/ids.hpp"])

    def test_a_folder_that_the_table_does_not_have_is_told(self):
        self.write("core/new/thing.hpp", "core/base/ids.hpp")
        self.assertEqual(self.wrong(), ["core/new/thing.hpp: folders.txt has no folder 'core/new'"])

    def test_an_include_that_does_not_say_the_folder_is_told(self):
        (self.root / "core/base/hash.cpp").write_text('#include "ids.hpp"\n')
        self.assertEqual(self.wrong(), ["core/base/hash.cpp includes ids.hpp: folders.txt has no folder ''"])

    def test_the_tables_own_promises(self):
        below = includes.Rules((pathlib.Path(includes.__file__).parent / "folders.txt").read_text()).below
        for low, high in PROMISES:
            for folder in (f for f in below if f.startswith(low)):
                self.assertFalse([f for f in below[folder] if f.startswith(high)], (folder, high))

    def test_an_exception_holds_for_its_two_files_alone(self):
        self.write("core/base/hash.cpp", "core/wire/wire.hpp")
        self.write("core/base/text.cpp", "core/wire/wire.hpp")
        table = TABLE + "core/base/hash.cpp -> core/wire/wire.hpp : for a week\n"
        self.assertEqual(self.wrong(table), ["core/base/text.cpp includes core/wire/wire.hpp: core/base may not include core/wire; "
                                             "a circle, since core/wire/wire.hpp includes core/base/ids.hpp"])

    def test_an_exception_that_is_not_needed_any_more_is_told(self):
        table = TABLE + "core/base/ids.hpp -> core/wire/wire.hpp : for a week\n"
        self.assertEqual(self.wrong(table), ["folders.txt excepts core/base/ids.hpp -> core/wire/wire.hpp, which is no more: take the line out"])

    def test_a_table_with_a_circle_or_an_exception_without_reason_is_refused(self):
        for line in ["core/view : net2", "core/wire : core/base", "a.hpp -> b.hpp", "a.hpp -> b.hpp :"]:
            with self.assertRaises(ValueError, msg=line):
                includes.Rules(TABLE + line + "\n")

    def test_a_test_folder_without_its_namesake_is_told(self):
        self.write("tests/core/base/ids.cpp")
        self.write("tests/core/base/cases/first.txt")
        self.assertEqual(includes.strange_test_folders(self.root, {"core", "net"}), [])
        self.write("tests/core/old/ids.cpp")
        self.assertEqual(includes.strange_test_folders(self.root, {"core", "net"}), ["tests/core/old tests no folder: there is no core/old"])


if __name__ == "__main__":
    unittest.main()
