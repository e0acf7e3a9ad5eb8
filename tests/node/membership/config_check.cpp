// What a node says of its config while it runs, when the cluster, or another node, says something else.
#include "reki/node/membership/config_check.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace std::chrono_literals;

namespace {

View view(Stage stage, const std::vector<std::string>& nodes = {"n1", "n2"}) {
  std::vector<Member> members;
  for (const std::string& id : nodes) members.push_back({NodeId{id}, Incarnation{7}, "tcp://127.0.0.1:7101", 1, {}});
  const SlotTable table = next_table({}, {}, slot_members(members));
  return View::make({"test", Epoch{2}, Term{1}, NodeId{"n2"}, 1, {}, {}, with_stage({}, stage)}, std::move(members), table).value();
}

membership::ConfigSaid said(std::uint32_t fingerprint) {
  return {Incarnation{7}, fingerprint, "counter " + std::to_string(fingerprint), "counter.so 1"};
}

const NodeId n2{"n2"};
const NodeId n3{"n3"};

/// Of n1, whose config has fingerprint 7.
struct CheckFixture {
  ConfigCheck check{{{}, {}, said(7)}};
  bool warns_of(const char* text) const { return check.warning().find(text) != std::string::npos; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(config_check, CheckFixture)

BOOST_AUTO_TEST_CASE(a_config_that_is_another_is_logged_once_and_again_when_it_changes) {
  BOOST_TEST(check.compare(n2, said(7)).empty());
  BOOST_TEST(check.warning() == "");
  const auto lines = check.compare(n2, said(8));
  BOOST_TEST_REQUIRE(lines.size() == 1U);
  BOOST_TEST(lines[0].event == "config_differs");
  BOOST_TEST(lines[0].text == "the config of node 'n2' is another: types are counter 8 there and counter 7 here; give all nodes the same");
  BOOST_TEST(check.compare(n2, said(8)).empty());
  BOOST_TEST(check.warning() == lines[0].text);
  BOOST_TEST(check.compare(n2, said(9)).size() == 1U);
  BOOST_TEST(check.compare(n2, said(7)).empty());
  BOOST_TEST(check.warning() == "");
  BOOST_TEST(check.compare(n2, said(9)).size() == 1U);
}

BOOST_AUTO_TEST_CASE(of_several_the_warning_has_one_and_how_many_more) {
  (void)check.compare(n2, said(8));
  (void)check.compare(n3, said(9));
  BOOST_TEST(warns_of("'n2'"));
  BOOST_TEST(warns_of("and 1 more nodes"));
}

BOOST_AUTO_TEST_CASE(a_node_that_was_away_and_comes_back_the_same_is_no_change) {
  (void)check.compare(n2, said(8));
  (void)check.look(view(Stage::lan, {"n1", "n3"}), true);
  BOOST_TEST(check.warning() == "");
  BOOST_TEST(check.compare(n2, said(8)).empty());
  BOOST_TEST(warns_of("'n2'"));
}

BOOST_AUTO_TEST_CASE(what_is_not_known_differs_from_nothing) {
  BOOST_TEST(check.compare(n2, said(0)).empty());
  ConfigCheck silent{{}};
  BOOST_TEST(silent.compare(n2, said(8)).empty());
  BOOST_TEST((silent.due(n2, Term{1}, Instant{0}) == nullptr));
}

BOOST_AUTO_TEST_CASE(a_coordinator_is_told_at_once_and_every_five_seconds) {
  const Instant now{1'000'000'000'000};
  BOOST_TEST((check.due(NodeId{}, Term{1}, now) == nullptr));
  BOOST_TEST_REQUIRE((check.due(n2, Term{1}, now) != nullptr));
  BOOST_TEST((check.due(n2, Term{1}, now + (5s - 1ns)) == nullptr));
  BOOST_TEST((check.due(n2, Term{1}, now + 5s) != nullptr));
  BOOST_TEST((check.due(n3, Term{2}, now + 5s) != nullptr));
  BOOST_TEST((check.due(n3, Term{3}, now + 5s) != nullptr));
}

BOOST_AUTO_TEST_CASE(what_an_earlier_coordinator_said_is_forgotten_with_the_next) {
  (void)check.due(n2, Term{1}, Instant{0});
  (void)check.compare(n2, said(8));
  (void)check.due(n3, Term{2}, Instant{0});
  BOOST_TEST(check.warning() == "");
}

BOOST_AUTO_TEST_CASE(another_profile_is_warned_of_beside_it_and_only_who_is_in) {
  BOOST_TEST(check.look(view(Stage::cloud), false).empty());
  const auto lines = check.look(view(Stage::cloud), true);
  BOOST_TEST_REQUIRE(lines.size() == 1U);
  BOOST_TEST(lines[0].event == "profile_differs");
  (void)check.compare(n2, said(8));
  BOOST_TEST(warns_of("reki profile set lan"));
  BOOST_TEST(warns_of("'n2'"));
  BOOST_TEST(check.look(view(Stage::cloud), true).empty());
  BOOST_TEST(check.look(view(Stage::mix), true).empty());
  BOOST_TEST(!warns_of("profile"));
}

BOOST_AUTO_TEST_SUITE_END()
