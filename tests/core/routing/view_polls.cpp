#include "reki/core/routing/view_polls.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/base/limits.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {
struct Fixture {
  Fixture() { polls.installed(Epoch{5}); }
  ViewPolls polls{1};
  Instant now{5'000'000'000};
  PeerIndex somebody{3};
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(view_polls, Fixture)

BOOST_AUTO_TEST_CASE(without_a_reason_nobody_is_asked) {
  polls.heard_of(Epoch{5}, somebody, now);
  polls.heard_of(Epoch{4}, somebody, now);
  BOOST_TEST((polls.next() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(whoever_has_a_newer_view_is_asked_at_once_and_but_once) {
  polls.heard_of(Epoch{6}, somebody, now);
  BOOST_TEST(polls.due(now));
  BOOST_TEST((polls.informant() == somebody));
  polls.asked(now);
  polls.heard_of(Epoch{6}, somebody, now);
  BOOST_TEST(!polls.due(now + 49ms));
  polls.installed(Epoch{6});
  polls.answered(now + 1ms);
  BOOST_TEST(!polls.behind());
}

BOOST_AUTO_TEST_CASE(without_an_answer_somebody_else_is_asked_after_a_while) {
  polls.heard_of(Epoch{6}, somebody, now);
  polls.asked(now);
  BOOST_TEST((polls.next() == now + limits::view_poll_patience));
  BOOST_TEST(!polls.informant().has_value());
}

BOOST_AUTO_TEST_CASE(in_trouble_there_is_a_question_every_10_to_20_ms_after_each_answer) {
  polls.trouble(now);
  for (int i = 0; i < 100; ++i) {
    const Duration wait = polls.next() - now;
    BOOST_TEST((wait >= limits::view_poll_min));
    BOOST_TEST((wait <= limits::view_poll_max));
    now = polls.next();
    polls.asked(now);
    polls.trouble(now);  // more of it makes no more questions
    now = now + 1ms;
    polls.answered(now);
  }
  polls.calm();
  BOOST_TEST((polls.next() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(a_still_newer_view_does_not_wait_for_the_answer_about_the_last) {
  polls.heard_of(Epoch{6}, somebody, now);
  polls.asked(now);
  polls.heard_of(Epoch{7}, PeerIndex{4}, now + 1ms);
  BOOST_TEST((polls.next() == now + limits::view_poll_min));
  BOOST_TEST((polls.informant() == PeerIndex{4}));
}

BOOST_AUTO_TEST_CASE(a_view_that_nobody_has_is_given_up_until_somebody_speaks_of_it_again) {
  polls.heard_of(Epoch{6}, somebody, now);
  int asked = 0;
  for (; polls.behind() && asked < 100; ++asked) {
    now = polls.next();
    polls.asked(now);
    polls.answered(now);
  }
  BOOST_TEST(asked == limits::view_polls_fruitless_max);
  polls.heard_of(Epoch{6}, somebody, now);
  BOOST_TEST(polls.behind());
}

BOOST_AUTO_TEST_CASE(silence_lasts_from_the_first_question_to_the_next_answer) {
  BOOST_TEST((polls.silence(now) == 0ms));
  polls.trouble(now);
  polls.asked(now);
  polls.asked(now + 50ms);
  polls.nobody(now + 100ms);
  BOOST_TEST((polls.silence(now + 300ms) == 300ms));
  polls.answered(now + 301ms);
  BOOST_TEST((polls.silence(now + 302ms) == 0ms));
}

BOOST_AUTO_TEST_SUITE_END()
