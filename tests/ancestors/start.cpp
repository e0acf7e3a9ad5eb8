// To start insists on a start of one's own.
#include "place.hpp"

using namespace ancestors;

BOOST_FIXTURE_TEST_SUITE(start, Place)

BOOST_AUTO_TEST_CASE(a_key_that_does_not_run_is_started_and_can_be_looked_up) {
  const auto started = registry().start<Worker>(key("a")).get().value();
  BOOST_TEST(started.started());
  BOOST_TEST(same(started, registry().lookup<Worker>(key("a")).get().value()));
}

BOOST_AUTO_TEST_CASE(a_key_that_runs_is_already_started_and_goes_on) {
  const auto first = registry().start<Worker>(key("a"), {.initial = 3}).get().value();
  BOOST_TEST((code(registry().start<Worker>(key("a"), {.initial = 4}).get()) == ErrorCode::already_started));
  BOOST_TEST(is_alive(first));
  BOOST_TEST(sum(first) == 3);
  BOOST_TEST(count() == 1U);
}

BOOST_AUTO_TEST_CASE(arguments_reach_the_actor) {
  BOOST_TEST(sum(registry().start<Worker>(key("a"), {.initial = 7}).get().value()) == 7);
}

BOOST_AUTO_TEST_CASE(one_that_fails_tells_its_reason_and_leaves_nothing) {
  const auto failed = registry().start<Worker>(key("a"), {.fault = "refuse"}).get();
  BOOST_REQUIRE((code(failed) == ErrorCode::start_failed));
  BOOST_TEST(failed.error().text.find("refused as asked") != std::string::npos);
  BOOST_TEST((lookup(key("a")) == ErrorCode::not_running));
}

BOOST_AUTO_TEST_CASE(one_that_fails_harms_no_actor_that_runs) {
  std::vector<ActorRef<Worker>> before;
  for (const auto& k : keys(5)) before.push_back(registry().start<Worker>(k).get().value());
  BOOST_TEST((code(registry().start<Worker>(key("bad"), {.fault = "refuse"}).get()) == ErrorCode::start_failed));
  BOOST_TEST(count() == 5U);
  for (const auto& ref : before) BOOST_TEST(is_alive(ref));
}

BOOST_AUTO_TEST_CASE(after_a_stop_the_key_can_be_started_again) {
  const auto first = registry().start<Worker>(key("a"), {.initial = 1}).get().value();
  BOOST_TEST(registry().stop<Worker>(key("a")).get().has_value());
  const auto second = registry().start<Worker>(key("a"), {.initial = 2}).get().value();
  BOOST_TEST((second.fence() > first.fence()));
  BOOST_TEST(sum(second) == 2);
}

BOOST_AUTO_TEST_CASE(of_many_who_start_a_key_at_once_one_wins) {
  Marks marks;
  const auto answers = all_at_once(100, [&](int) { return registry().start<Worker>(key("a"), {.marks = marks.folder()}); });
  int won = 0;
  for (const auto& answer : answers) {
    won += answer ? 1 : 0;
    BOOST_TEST((answer || code(answer) == ErrorCode::already_started));
  }
  BOOST_TEST(won == 1);
  BOOST_TEST(marks.count() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
