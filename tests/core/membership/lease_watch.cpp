#include "reki/core/membership/lease_watch.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{1'000'000'000'000};
constexpr LeaseWatch::Options options{.grace = 100ms, .look_every = 250ms, .late_max = 50ms};
constexpr Instant lease = start + 650ms;
constexpr Instant deadline = lease + 100ms;

struct Guard {
  LeaseWatch watch{options};
  Instant next = start;

  /// Whether the node is killed by a look at `now`.
  bool kills(std::optional<Instant> of, Instant now) {
    const auto verdict = watch.look(of, now);
    if (!verdict.kill) BOOST_TEST((verdict.look_again > now));
    next = verdict.look_again;
    return verdict.kill;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lease_watch)

BOOST_AUTO_TEST_CASE(without_a_lease_it_looks_every_so_often_and_kills_nobody) {
  Guard guard;
  for (int i = 0; i < 100; ++i) {
    const Instant now = guard.next;
    BOOST_TEST(!guard.kills(std::nullopt, now));
    BOOST_TEST((guard.next == now + 250ms));
  }
}

BOOST_AUTO_TEST_CASE(it_sleeps_until_the_lease_and_the_grace_are_over_and_kills_then) {
  Guard guard;
  BOOST_TEST(!guard.kills(lease, start));
  BOOST_TEST((guard.next == deadline + 1ns));
  BOOST_TEST(!guard.kills(lease, deadline));  // woken early, by a signal
  BOOST_TEST(guard.kills(lease, guard.next));
}

BOOST_AUTO_TEST_CASE(a_renewed_lease_is_waited_for_anew) {
  Guard guard;
  BOOST_TEST(!guard.kills(lease, start));
  BOOST_TEST(!guard.kills(lease + 600ms, guard.next));
  BOOST_TEST((guard.next == deadline + 600ms + 1ns));
  BOOST_TEST(guard.kills(lease + 600ms, guard.next));
}

BOOST_AUTO_TEST_CASE(a_node_that_became_quiet_in_time_lives_until_it_holds_a_lease_again) {
  Guard guard;
  BOOST_TEST(!guard.kills(lease, start));
  BOOST_TEST(!guard.kills(std::nullopt, guard.next));
  BOOST_TEST(!guard.kills(std::nullopt, guard.next));
  const Instant renewed = guard.next + 650ms;
  BOOST_TEST(!guard.kills(renewed, guard.next));
  BOOST_TEST(guard.kills(renewed, guard.next));
}

BOOST_AUTO_TEST_CASE(a_lease_that_is_over_when_it_is_first_seen_is_no_reason_to_wait) {
  Guard guard;
  BOOST_TEST(!guard.kills(std::nullopt, start));
  BOOST_TEST(guard.kills(start + 100ms, start + 250ms));
}

BOOST_AUTO_TEST_CASE(a_guard_that_is_a_little_late_kills_at_once) {
  Guard guard;
  BOOST_TEST(!guard.kills(lease, start));
  BOOST_TEST(guard.kills(lease, guard.next + 50ms));
}

BOOST_AUTO_TEST_CASE(a_guard_that_was_held_up_gives_the_node_the_grace_anew_once) {
  Guard guard;
  BOOST_TEST(!guard.kills(lease, start));
  const Instant woken = guard.next + 1h;
  BOOST_TEST(!guard.kills(lease, woken));
  BOOST_TEST((guard.next == woken + 100ms + 1ns));
  BOOST_TEST(!guard.kills(lease, woken + 100ms));
  BOOST_TEST(guard.kills(lease, guard.next + 1h));  // held up again: now it is enough
}

BOOST_AUTO_TEST_CASE(what_was_given_for_one_lease_says_nothing_of_the_next) {
  Guard guard;
  BOOST_TEST(!guard.kills(lease, start));
  BOOST_TEST(!guard.kills(lease, guard.next + 1h));
  const Instant renewed = guard.next + 650ms;
  BOOST_TEST(!guard.kills(renewed, guard.next));
  BOOST_TEST((guard.next == renewed + 100ms + 1ns));
  BOOST_TEST(!guard.kills(renewed, guard.next + 1h));
  BOOST_TEST(guard.kills(renewed, guard.next));
}

BOOST_AUTO_TEST_SUITE_END()
