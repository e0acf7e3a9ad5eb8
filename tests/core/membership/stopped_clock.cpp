#include "reki/core/membership/stopped_clock.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace std::chrono_literals;
using membership::StoppedClock;

namespace {

constexpr std::int64_t year = 365LL * 24 * 3600 * 1'000'000'000;
constexpr Instant boot{1'000'000'000};
constexpr std::int64_t wall = 50 * year;

/// The wall clock when it is `at` by the other, had neither been touched.
constexpr std::int64_t wall_of(Instant at) { return wall + (at - boot).count(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(stopped_clock)

BOOST_AUTO_TEST_CASE(clocks_that_go_alike_show_no_jump) {
  StoppedClock clock;
  BOOST_TEST(clock.look(wall, boot).count() == 0);
  for (Instant now = boot; now < boot + 60s; now = now + 50ms) BOOST_TEST((clock.look(wall_of(now) + 1000, now) < 1ms));
  BOOST_TEST(clock.wall_at(boot + 61s, boot + 60s) == wall_of(boot + 61s));
}

BOOST_AUTO_TEST_CASE(time_that_only_the_wall_clock_has_counted_is_told_once) {
  StoppedClock clock;
  (void)clock.look(wall, boot);
  BOOST_TEST((clock.look(wall_of(boot + 10ms) + 2'000'000'000, boot + 10ms) == 2s));
  BOOST_TEST((clock.look(wall_of(boot + 20ms) + 2'000'000'000, boot + 20ms) == 0s));
}

BOOST_AUTO_TEST_CASE(what_began_before_a_stop_ends_by_the_wall_clock_of_that_time) {
  StoppedClock clock;
  (void)clock.look(wall, boot);
  (void)clock.look(wall_of(boot + 100ms) + 2'000'000'000, boot + 100ms);
  BOOST_TEST(clock.wall_at(boot + 650ms, boot + 50ms) == wall_of(boot + 650ms));
  BOOST_TEST(clock.wall_at(boot + 750ms, boot + 100ms) == wall_of(boot + 750ms) + 2'000'000'000);
}

BOOST_AUTO_TEST_CASE(many_short_stops_count_as_one_long_one) {
  StoppedClock clock;
  for (int i = 0; i <= 20; ++i) (void)clock.look(wall_of(boot + i * 10ms) + i * 50'000'000LL, boot + i * 10ms);
  BOOST_TEST(clock.wall_at(boot + 650ms, boot) == wall_of(boot + 650ms));
  BOOST_TEST(clock.wall_at(boot + 650ms, boot + 200ms) == wall_of(boot + 650ms) + 1'000'000'000);
}

BOOST_AUTO_TEST_CASE(a_wall_clock_that_is_set_back_is_followed) {
  StoppedClock clock;
  (void)clock.look(wall, boot);
  BOOST_TEST((clock.look(wall_of(boot + 1s) - 5'000'000'000, boot + 1s) == -5s));
  BOOST_TEST(clock.wall_at(boot + 2s, boot + 1s) == wall_of(boot + 2s) - 5'000'000'000);
}

BOOST_AUTO_TEST_SUITE_END()
