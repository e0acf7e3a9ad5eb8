#include "switch_commands.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

namespace {

using chaos::LinkTable;
using chaos::run_switch_command;
using namespace std::chrono_literals;

struct Table {
  LinkTable links{{"a", "b", "c"}, 1};
  void ok(std::string_view line) { BOOST_TEST(run_switch_command(links, line) == "ok"); }
  std::string cuts() {
    std::string out;
    for (std::size_t from = 0; from < 3; ++from) {
      for (std::size_t to = 0; to < 3; ++to) {
        if (links.at(from, to).settings.cut) out += links.ports()[from] + links.ports()[to] + " ";
      }
    }
    return out;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(switch_commands, Table)

BOOST_AUTO_TEST_CASE(set_changes_one_direction_and_keeps_what_it_does_not_name) {
  ok("set a b delay_ms=3 loss=0.5");
  ok("set a b loss=0");
  BOOST_CHECK(links.at(0, 1).settings.delay == 3ms);
  BOOST_TEST(links.at(0, 1).settings.loss == 0.0);
  BOOST_CHECK(links.at(1, 0).settings == chaos::LinkSettings{});
}

BOOST_AUTO_TEST_CASE(a_star_is_every_port) {
  ok("set * b loss=0.5");
  BOOST_TEST(links.at(0, 1).settings.loss == 0.5);
  BOOST_TEST(links.at(2, 1).settings.loss == 0.5);
  BOOST_TEST(links.at(0, 2).settings.loss == 0.0);
  BOOST_TEST(links.at(1, 0).settings.loss == 0.0);
}

BOOST_AUTO_TEST_CASE(a_cut_goes_both_ways_unless_told_otherwise) {
  ok("cut a b one-way");
  BOOST_TEST(cuts() == "ab ");
  ok("cut a b");
  BOOST_TEST(cuts() == "ab ba ");
  ok("heal");
  ok("cut c *");
  BOOST_TEST(cuts() == "ac bc ca cb ");
}

BOOST_AUTO_TEST_CASE(heal_takes_back_everything_between_two_or_everywhere) {
  ok("cut * *");
  ok("set * * delay_ms=1");
  ok("heal a b");
  BOOST_TEST(cuts() == "ac bc ca cb ");
  BOOST_CHECK(links.at(0, 1).settings == chaos::LinkSettings{});
  BOOST_CHECK(links.at(0, 2).settings.delay == 1ms);
  ok("heal");
  BOOST_TEST(cuts() == "");
  BOOST_CHECK(links.at(0, 2).settings == chaos::LinkSettings{});
}

BOOST_AUTO_TEST_CASE(a_line_that_is_wrong_says_so_and_changes_nothing) {
  for (const auto* line : {"", "dance", "set", "set a b", "set a x loss=1", "set a b loss=1 colour=3", "set a a loss=1",
                           "cut a", "cut a b sideways", "heal a", "show me"}) {
    const auto answer = run_switch_command(links, line);
    BOOST_TEST(answer.starts_with("error: "), line);
    BOOST_TEST(answer.find('\n') == answer.npos);
  }
  for (std::size_t from = 0; from < 3; ++from) {
    for (std::size_t to = 0; to < 3; ++to) BOOST_CHECK(links.at(from, to).settings == chaos::LinkSettings{});
  }
}

BOOST_AUTO_TEST_CASE(show_is_json_with_settings_and_counters_of_every_link) {
  ok("set c a delay_ms=2.5 jitter_ms=1 loss=0.25 duplicate=0.5 reorder=1 rate_mbit=10");
  ok("cut a b one-way");
  links.counters(2, 0) = {7, 3};
  const auto answer = run_switch_command(links, "show");
  BOOST_REQUIRE(answer.starts_with("ok "));
  const auto shown = nlohmann::json::parse(answer.substr(3));
  BOOST_TEST(shown.size() == 6U);
  std::size_t seen = 0;
  for (const auto& link : shown) {
    if (link["from"] == "c" && link["to"] == "a") {
      BOOST_TEST(link["passed"] == 7);
      BOOST_TEST(link["dropped"] == 3);
      BOOST_CHECK(link["settings"] == nlohmann::json::parse(R"({"cut":false,"delay_ms":2.5,"jitter_ms":1,"loss":0.25,
                                                               "duplicate":0.5,"reorder":1,"rate_mbit":10})"));
      ++seen;
    }
    if (link["from"] == "a" && link["to"] == "b") seen += link["settings"]["cut"] == true ? 1 : 0;
  }
  BOOST_TEST(seen == 2U);
}

BOOST_AUTO_TEST_CASE(a_links_dice_do_not_depend_on_the_other_ports) {
  LinkTable fewer({"b", "a"}, 1);
  for (const auto& [table, from, to] : {std::tuple{&links, 0, 1}, std::tuple{&fewer, 1, 0}}) {
    table->at(static_cast<std::size_t>(from), static_cast<std::size_t>(to)).settings.loss = 0.5;
  }
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(links.at(0, 1).pass({}, 1).copies == fewer.at(1, 0).pass({}, 1).copies);
  }
}

BOOST_AUTO_TEST_SUITE_END()
