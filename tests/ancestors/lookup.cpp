// To look up starts nothing, and finds what runs.
#include "place.hpp"

using namespace ancestors;

BOOST_FIXTURE_TEST_SUITE(lookup, Place)

BOOST_AUTO_TEST_CASE(a_key_that_was_never_started_is_not_running) {
  BOOST_TEST((lookup(key("a")) == ErrorCode::not_running));
}

BOOST_AUTO_TEST_CASE(a_key_that_runs_is_found) {
  const auto started = found_or_started(key("a"));
  const auto found = registry().lookup<Worker>(key("a")).get().value();
  BOOST_TEST(same(started, found));
  BOOST_TEST(!found.started());
}

BOOST_AUTO_TEST_CASE(a_key_beside_one_that_runs_is_not_running) {
  found_or_started(key("a"));
  BOOST_TEST((lookup(key("b")) == ErrorCode::not_running));
}

BOOST_AUTO_TEST_CASE(to_look_up_starts_nothing) {
  BOOST_TEST((lookup(key("a")) == ErrorCode::not_running));
  BOOST_TEST((lookup(key("a")) == ErrorCode::not_running));
  BOOST_TEST(count() == 0U);
}

BOOST_AUTO_TEST_CASE(of_many_keys_each_is_found_with_its_own_actor) {
  for (const auto* name : {"a", "b", "c"}) found_or_started(key(name), {.initial = name[0]});
  for (const auto* name : {"a", "b", "c"}) {
    const auto found = registry().lookup<Worker>(key(name)).get().value();
    BOOST_TEST(found.key() == key(name));
    BOOST_TEST(sum(found) == name[0]);
  }
}

BOOST_AUTO_TEST_CASE(what_is_found_has_kept_its_state) {
  const auto started = found_or_started(key("a"));
  for (int i = 0; i < 3; ++i) done(started.send(Add{}));
  BOOST_TEST(sum(registry().lookup<Worker>(key("a")).get().value()) == 3);
}

BOOST_AUTO_TEST_CASE(many_who_look_at_once_find_the_same_actor) {
  const auto started = found_or_started(key("a"));
  for (const auto& found : all_at_once(100, [&](int) { return registry().lookup<Worker>(key("a")); })) {
    BOOST_TEST(same(found.value(), started));
  }
}

BOOST_AUTO_TEST_CASE(a_key_that_was_stopped_is_not_running) {
  found_or_started(key("a"));
  BOOST_TEST(registry().stop<Worker>(key("a")).get().has_value());
  BOOST_TEST((lookup(key("a")) == ErrorCode::not_running));
}

BOOST_AUTO_TEST_CASE(a_key_whose_actor_has_ended_itself_is_not_running) {
  const auto ref = found_or_started(key("a"));
  done(ref.call(Leave{}));
  BOOST_TEST((lookup(key("a")) == ErrorCode::not_running));
}

BOOST_AUTO_TEST_SUITE_END()
