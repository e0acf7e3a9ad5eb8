// A stop answers when the actor is gone.
#include "place.hpp"

using namespace ancestors;

BOOST_FIXTURE_TEST_SUITE(stop, Place)

BOOST_AUTO_TEST_CASE(a_key_that_was_never_started_cannot_be_stopped) {
  BOOST_TEST((code(registry().stop<Worker>(key("a")).get()) == ErrorCode::not_running));
}

BOOST_AUTO_TEST_CASE(a_key_that_runs_is_over_when_its_stop_is_answered) {
  Marks marks;
  const auto ref = found_or_started(key("a"), {.marks = marks.folder()});
  BOOST_TEST(marks.count() == 1U);
  BOOST_TEST((registry().stop<Worker>(key("a")).get().value() == ref.fence()));
  BOOST_TEST(marks.count() == 0U);
  BOOST_TEST(!is_alive(ref));
  BOOST_TEST(count() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stop_ends_no_other_key) {
  const auto neighbour = found_or_started(key("b"));
  found_or_started(key("a"));
  BOOST_TEST(registry().stop<Worker>(key("a")).get().has_value());
  BOOST_TEST(is_alive(neighbour));
}

BOOST_AUTO_TEST_CASE(a_key_can_be_stopped_once) {
  found_or_started(key("a"));
  BOOST_TEST(registry().stop<Worker>(key("a")).get().has_value());
  BOOST_TEST((code(registry().stop<Worker>(key("a")).get()) == ErrorCode::not_running));
}

BOOST_AUTO_TEST_SUITE_END()
