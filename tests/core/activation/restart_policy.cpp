#include "reki/core/activation/restart_policy.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <random>
#include <vector>

using namespace reki;
using namespace std::chrono_literals;
using What = RestartDecision::What;

namespace {

constexpr Instant start{1'000'000'000'000};

RestartPolicy with(RestartMode mode) {
  RestartPolicy p;
  p.mode = mode;
  return p;
}

/// A key whose actor crashes; keeps the time.
struct Key {
  RestartPolicy policy;
  RestartHistory history;
  Instant now = start;
  Instant decided;

  RestartDecision crash_after(Duration ran) {
    now = decided = now + ran;
    const RestartDecision d = decide(policy, history, now, ExitKind::crashed);
    now = d.until;
    return d;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(restart_policy)

BOOST_AUTO_TEST_CASE(the_mode_says_which_ends_are_followed_by_a_restart) {
  const auto what = [](RestartMode mode, ExitKind kind) {
    RestartHistory h;
    return decide(with(mode), h, start, kind).what;
  };
  BOOST_TEST((what(RestartMode::permanent, ExitKind::crashed) == What::restart));
  BOOST_TEST((what(RestartMode::permanent, ExitKind::stopped_itself) == What::restart));
  BOOST_TEST((what(RestartMode::transient, ExitKind::crashed) == What::restart));
  BOOST_TEST((what(RestartMode::transient, ExitKind::stopped_itself) == What::drop));
  BOOST_TEST((what(RestartMode::temporary, ExitKind::crashed) == What::drop));
  BOOST_TEST((what(RestartMode::temporary, ExitKind::stopped_itself) == What::drop));
}

BOOST_AUTO_TEST_CASE(the_first_restart_is_at_once_and_the_waits_then_double) {
  Key key;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 8; ++i) waits.push_back(milliseconds_of(key.crash_after(1ms).wait));
  BOOST_TEST((waits == std::vector<std::int64_t>{0, 10, 20, 40, 80, 160, 320, 640}));
}

BOOST_AUTO_TEST_CASE(a_restart_is_due_its_wait_from_now) {
  Key key;
  BOOST_TEST((key.crash_after(0s) == RestartDecision{What::restart, 0ms, start}));
  BOOST_TEST((key.crash_after(1s) == RestartDecision{What::restart, 10ms, start + 1010ms}));
}

BOOST_AUTO_TEST_CASE(no_wait_exceeds_the_longest) {
  Key key;
  key.policy.max_restarts = 1000;
  key.policy.factor = 10;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 8; ++i) waits.push_back(milliseconds_of(key.crash_after(1ms).wait));
  BOOST_TEST((waits == std::vector<std::int64_t>{0, 10, 100, 1000, 10000, 30000, 30000, 30000}));
}

BOOST_AUTO_TEST_CASE(an_actor_that_crashes_at_each_start_is_in_a_crash_loop_after_ten_restarts) {
  Key key;
  for (int i = 0; i < 10; ++i) BOOST_TEST((key.crash_after(0s).what == What::restart));
  BOOST_TEST((key.now - start < 6s));
  const Instant crashed = key.now;
  BOOST_TEST((key.crash_after(0s) == RestartDecision{What::give_up, 30s, crashed + 30s}));
}

BOOST_AUTO_TEST_CASE(a_start_after_a_crash_loop_has_no_history) {
  Key key;
  while (key.crash_after(0s).what != What::give_up) {
  }
  BOOST_TEST((key.history == RestartHistory{}));
  BOOST_TEST((key.crash_after(1ms).wait == 0s));
}

BOOST_AUTO_TEST_CASE(an_actor_that_crashes_every_two_seconds_is_restarted_ever_more_slowly_and_never_given_up) {
  Key key;
  RestartDecision last;
  for (int i = 0; i < 100; ++i) {
    last = key.crash_after(2s);
    BOOST_REQUIRE((last.what == What::restart));
  }
  BOOST_TEST((last.wait == 30s));
}

BOOST_AUTO_TEST_CASE(a_history_is_forgotten_after_a_period_without_a_crash) {
  Key key;
  static_cast<void>(key.crash_after(0s));
  static_cast<void>(key.crash_after(0s));
  BOOST_TEST(!forgotten(key.policy, key.history, key.now + 9999ms));
  BOOST_TEST(forgotten(key.policy, key.history, key.now + 10s));
  Key again = key;
  BOOST_TEST((key.crash_after(9999ms).wait == 20ms));
  BOOST_TEST((again.crash_after(10s).wait == 0ms));
}

BOOST_AUTO_TEST_CASE(a_history_is_kept_at_least_as_long_as_its_latest_wait) {
  Key key;
  key.policy.max_restarts = 1000;
  while (key.crash_after(0s).wait < 30s) {
  }
  BOOST_TEST(!forgotten(key.policy, key.history, key.now + 29s));
  BOOST_TEST(forgotten(key.policy, key.history, key.now + 30s));
}

BOOST_AUTO_TEST_CASE(a_key_that_never_crashed_has_nothing_to_remember) {
  BOOST_TEST(forgotten(RestartPolicy{}, RestartHistory{}, Instant{0}));
}

BOOST_AUTO_TEST_CASE(an_intensity_of_none_gives_up_at_the_first_crash) {
  Key key;
  key.policy.max_restarts = 0;
  BOOST_TEST((key.crash_after(1h).what == What::give_up));
}

BOOST_AUTO_TEST_CASE(no_period_between_crash_loops_holds_more_than_twice_the_intensity) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    Key key;
    key.policy.max_restarts = 1 + random() % 8;
    key.policy.backoff_max = 10ms;
    std::vector<Instant> restarts;
    for (int i = 0; i < 500; ++i) {
      const RestartDecision d = key.crash_after(Duration{random() % 3'000'000'000});
      if (d.what != What::restart) {
        restarts.clear();
        continue;
      }
      restarts.push_back(key.decided);
      const auto n =
          std::ranges::count_if(restarts, [&](Instant t) { return restarts.back() - t < key.policy.period; });
      BOOST_REQUIRE_LE(n, 2 * key.policy.max_restarts);
    }
  }
}

BOOST_AUTO_TEST_CASE(equal_histories_get_equal_decisions) {
  Key a;
  for (int i = 0; i < 3; ++i) static_cast<void>(a.crash_after(3ms));
  Key b = a;
  for (int i = 0; i < 20; ++i) BOOST_TEST((a.crash_after(3ms) == b.crash_after(3ms)));
  BOOST_TEST((a.history == b.history));
}

BOOST_AUTO_TEST_CASE(a_policy_out_of_range_is_refused_by_the_field_s_name) {
  const auto refused = [](auto change, std::string_view field) {
    RestartPolicy p;
    change(p);
    const auto r = validate(p);
    return !r.has_value() && r.error().code == ErrorCode::invalid_argument && r.error().text.starts_with(field);
  };
  BOOST_TEST(validate(RestartPolicy{}).has_value());
  BOOST_TEST(refused([](auto& p) { p.max_restarts = 1'000'001; }, "max_restarts"));
  BOOST_TEST(refused([](auto& p) { p.period = 0s; }, "period"));
  BOOST_TEST(refused([](auto& p) { p.period = 25h; }, "period"));
  BOOST_TEST(refused([](auto& p) { p.backoff_initial = 0s; }, "backoff_initial"));
  BOOST_TEST(refused([](auto& p) { p.backoff_initial = 1min; }, "backoff_max is less"));
  BOOST_TEST(refused([](auto& p) { p.backoff_max = 25h; }, "backoff_max"));
  BOOST_TEST(refused([](auto& p) { p.factor = 0.5; }, "factor"));
  BOOST_TEST(refused([](auto& p) { p.factor = std::numeric_limits<double>::quiet_NaN(); }, "factor"));
}

BOOST_AUTO_TEST_CASE(a_mode_is_named_and_found_by_its_name) {
  for (const auto mode : {RestartMode::permanent, RestartMode::transient, RestartMode::temporary}) {
    BOOST_TEST((restart_mode_of(name_of(mode)) == mode));
  }
  BOOST_TEST(!restart_mode_of("always").has_value());
  BOOST_TEST(name_of(RestartMode{9}) == "unknown");
}

BOOST_AUTO_TEST_SUITE_END()
