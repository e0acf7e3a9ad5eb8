#include "reki/core/base/timer_wheel.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <random>
#include <vector>

using namespace reki;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(timer_wheel)

BOOST_AUTO_TEST_CASE(nothing_fires_early_or_more_than_a_millisecond_late_and_each_once) {
  struct Timer : TimerHook {
    int fired = 0;
  };
  std::mt19937_64 random(7);
  const Instant start{1'000'000'000'123'456};
  TimerWheel wheel;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 5000; ++i) {
    timers.push_back(std::make_unique<Timer>());
    wheel.add(*timers.back(), start + Duration{static_cast<std::int64_t>(random() % 12'000'000'000U)});
  }
  for (int i = 0; i < 1000; ++i) wheel.remove(*timers[static_cast<std::size_t>(i)]);
  Instant now = start;
  int fired = 0;
  for (Instant next = wheel.next(); next != Instant::never(); next = wheel.next()) {
    now = std::max(now, next);
    wheel.advance(now, [&](TimerHook& hook) {
      auto& timer = static_cast<Timer&>(hook);
      BOOST_REQUIRE(timer.due() <= now);
      BOOST_REQUIRE((now - timer.due()) <= Duration{1ms});
      ++timer.fired;
      ++fired;
    });
  }
  BOOST_TEST(fired == 4000);
  for (std::size_t i = 0; i < timers.size(); ++i) BOOST_REQUIRE(timers[i]->fired == (i < 1000 ? 0 : 1));
}

BOOST_AUTO_TEST_CASE(what_was_due_during_a_long_sleep_fires_at_once) {
  TimerWheel wheel;
  TimerHook a;
  TimerHook b;
  wheel.advance(Instant{} + 1h, [](TimerHook&) {});
  wheel.add(a, Instant{} + 1h + 1s);
  wheel.add(b, Instant{} + 3h);
  int fired = 0;
  wheel.advance(Instant{} + 2h, [&](TimerHook& hook) {
    BOOST_TEST(&hook == &a);
    ++fired;
  });
  BOOST_TEST(fired == 1);
  wheel.remove(b);
  BOOST_TEST((wheel.next() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(a_timer_may_be_added_again_and_another_removed_while_one_fires) {
  TimerWheel wheel;
  TimerHook a;
  TimerHook b;
  wheel.add(a, Instant{} + 5ms);
  wheel.add(b, Instant{} + 5ms);
  int fired = 0;
  const auto fire = [&](TimerHook& hook) {
    BOOST_TEST(&hook == &a);
    if (b.linked()) wheel.remove(b);
    if (++fired == 1) wheel.add(a, Instant{} + 1ms);  // in the past already
  };
  wheel.advance(Instant{} + 5ms, fire);
  BOOST_TEST(fired == 1);
  wheel.advance(Instant{} + 6ms, fire);
  BOOST_TEST(fired == 2);
}

BOOST_AUTO_TEST_SUITE_END()
