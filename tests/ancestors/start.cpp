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

BOOST_AUTO_TEST_CASE(whoever_comes_second_is_told_which_start_is_there) {
  const auto mine = registry().start<Worker>(key("a"), {.initial = 3}).get();
  BOOST_TEST(!mine.existing().has_value());
  const auto second = registry().start<Worker>(key("a")).get();
  BOOST_REQUIRE((code(second) == ErrorCode::already_started));
  const auto& others = second.existing();
  BOOST_REQUIRE(others.has_value());
  BOOST_TEST(same(*others, *mine));
  BOOST_TEST(!others->started());
  BOOST_TEST((others->node() == mine->node()));
  BOOST_TEST(is_alive(*others));
  BOOST_TEST(sum(*others) == 3);
}

BOOST_AUTO_TEST_CASE(who_comes_while_anothers_start_goes_on_is_told_of_that_one) {
  std::vector<StartResult<Slow>> answers;
  std::jthread asks([&] { answers = all_at_once(10, [&](int) { return registry().start<Slow>(key("slow"), {key("door")}); }); });
  BOOST_TEST(somebody_knocks(key("door")));
  const auto late = registry().start<Slow>(key("slow"), {key("door")}, {.timeout = 200ms}).get();
  BOOST_TEST(gave_up(late));  // it waits for that start, and may give up
  done(registry().call<Door>(key("door"), Open{}));
  asks.join();
  const auto there = registry().lookup<Slow>(key("slow")).get().value();
  int won = 0;
  for (const auto& answer : answers) {
    won += answer ? 1 : 0;
    if (answer) BOOST_TEST(same(*answer, there));
    else BOOST_TEST(same(answer.existing().value(), there));
  }
  BOOST_TEST(won == 1);
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_start_that_fails_gets_its_error) {
  for (const auto& answer : all_at_once(10, [&](int) { return registry().start<Worker>(key("a"), {.fault = "refuse"}); })) {
    BOOST_TEST((code(answer) == ErrorCode::start_failed));
    BOOST_TEST(!answer.existing().has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_ref_to_what_another_has_started_starts_nothing) {
  registry().start<Worker>(key("a")).get().value();
  const auto others = registry().start<Worker>(key("a")).get().existing().value();
  BOOST_TEST(registry().stop<Worker>(key("a")).get().has_value());
  BOOST_TEST((code(others.call(Read{}).get()) == ErrorCode::not_running));
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
    if (!answer) BOOST_TEST(answer.existing().has_value());
  }
  BOOST_TEST(won == 1);
  BOOST_TEST(marks.count() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
