// What a cluster does in situations that a person may want to follow: one text each, in scenarios/.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "scenario.hpp"
#include "scenario_text.hpp"

namespace {

const std::filesystem::path folder = REKI_SCENARIOS;

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  BOOST_TEST_REQUIRE(in.good(), file.string() + " cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// How to have the texts written anew, by this very binary.
std::string rewriting() {
  const auto& suite = boost::unit_test::framework::master_test_suite();
  return "REKI_REWRITE=1 " + std::string(suite.argv[0]) + " --run_test=scenarios";
}

void plays_as_written(const std::string& name) {
  const std::filesystem::path file = folder / (name + ".txt");
  const std::string text = content_of(file);
  test::Scenario scenario;
  const std::string now = test::played(text, [&](const std::string& line) { return scenario.command(line); });
  if (std::getenv("REKI_REWRITE") != nullptr) {
    std::ofstream(file, std::ios::binary) << now;
    return;
  }
  BOOST_TEST((now == text), file.string() + " says one thing (-), and the machines do another (+):\n" +
                                test::diff(text, now) + "If what they do is right: " + rewriting());
}

// In this order a newcomer may want to read them.
const std::vector<std::string> names{
    "first_election", "third_node_joins",    "member_dies",        "coordinator_dies",   "drain",
    "member_cut_off", "coordinator_cut_off", "coordinator_frozen", "voter_lost_its_disk"};

}  // namespace

BOOST_AUTO_TEST_SUITE(scenarios)

BOOST_AUTO_TEST_CASE(the_first_election) { plays_as_written("first_election"); }
BOOST_AUTO_TEST_CASE(a_third_node_joins) { plays_as_written("third_node_joins"); }
BOOST_AUTO_TEST_CASE(a_member_dies) { plays_as_written("member_dies"); }
BOOST_AUTO_TEST_CASE(the_coordinator_dies) { plays_as_written("coordinator_dies"); }
BOOST_AUTO_TEST_CASE(a_node_is_drained) { plays_as_written("drain"); }
BOOST_AUTO_TEST_CASE(a_member_is_cut_off_and_comes_back) { plays_as_written("member_cut_off"); }
BOOST_AUTO_TEST_CASE(a_coordinator_is_cut_off_and_deposed) { plays_as_written("coordinator_cut_off"); }
BOOST_AUTO_TEST_CASE(a_frozen_coordinator_thaws) { plays_as_written("coordinator_frozen"); }
BOOST_AUTO_TEST_CASE(a_voter_that_lost_its_disk_is_replaced) { plays_as_written("voter_lost_its_disk"); }

BOOST_AUTO_TEST_CASE(each_text_in_the_folder_is_played) {
  std::set<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) there.insert(entry.path().stem().string());
  const std::set<std::string> played(names.begin(), names.end());
  BOOST_TEST(there == played, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(scenario_text)

BOOST_AUTO_TEST_CASE(what_commands_print_stands_below_them_and_all_else_stays) {
  const auto echo = [](const std::string& line) { return line == "quiet" ? "" : "<" + line + ">\n"; };
  const std::string text = "# A comment.\n\none\ntwo\n----\nold\nlines\n\n# Another.\nquiet\n\nlast\n";
  const std::string right =
      "# A comment.\n\none\ntwo\n----\n<one>\n<two>\n\n# Another.\nquiet\n----\nok\n\nlast\n----\n<last>\n";
  BOOST_TEST(test::played(text, echo) == right);
  BOOST_TEST(test::played(right, echo) == right);
}

BOOST_AUTO_TEST_CASE(a_difference_is_shown_with_the_lines_around_it) {
  BOOST_TEST(test::diff("a\nb\n", "a\nb\n") == "");
  BOOST_TEST(test::diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\nsix\n7\n8\n9\n") ==
             "line 2:\n    2\n    3\n    4\n    5\n  - 6\n  + six\n    7\n    8\n    9\n");
  BOOST_TEST(test::diff("", "new\n") == "line 1:\n  + new\n");
}

BOOST_AUTO_TEST_CASE(a_command_that_is_wrong_says_why) {
  test::Scenario scenario;
  BOOST_TEST(scenario.command("explode n1") == "error: there is no command 'explode'\n");
  BOOST_TEST(scenario.command("crash n1") == "error: there is no such node\n");
  BOOST_TEST(scenario.command("run for ever") == "error: run TIME with KIND...\n");
  BOOST_TEST(scenario.command("run 5m") == "error: '5m' is no time, as 700ms or 2s are\n");
}

BOOST_AUTO_TEST_SUITE_END()
