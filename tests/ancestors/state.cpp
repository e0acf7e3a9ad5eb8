// An actor's state is its own, and is as its messages have left it.
#include "place.hpp"

using namespace ancestors;

BOOST_FIXTURE_TEST_SUITE(state, Place)

BOOST_AUTO_TEST_CASE(each_message_is_handled_once) {
  const auto ref = found_or_started(key("a"));
  BOOST_TEST(sum(ref) == 0);
  for (int i = 0; i < 3; ++i) done(ref.send(Add{}));
  BOOST_TEST(sum(ref) == 3);
}

BOOST_AUTO_TEST_CASE(a_state_is_seen_by_every_ref_to_the_key) {
  const auto one = found_or_started(key("a"));
  done(one.send(Add{2}));
  const auto other = found_or_started(key("a"));
  BOOST_TEST(sum(other) == 2);
  done(other.send(Add{1}));
  BOOST_TEST(sum(one) == 3);
}

BOOST_AUTO_TEST_CASE(messages_of_one_caller_are_handled_in_order) {
  const auto ref = found_or_started(key("a"));
  BOOST_TEST(sum(ref) == 0);
  for (std::int64_t expected = 1; expected <= 50; ++expected) {
    ref.send(Add{}).detach();  // nobody waits until it is there
    BOOST_TEST(sum(ref) == expected);
  }
}

BOOST_AUTO_TEST_CASE(messages_of_many_callers_are_all_handled) {
  const auto ref = found_or_started(key("a"));
  const auto answers = all_at_once(9, [&](int) { return ref.send(Add{}); });
  for (const auto& answer : answers) BOOST_TEST(answer.has_value());
  BOOST_TEST(sum(ref) == 9);
}

BOOST_AUTO_TEST_SUITE_END()
