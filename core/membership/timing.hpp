#pragma once

#include "reki/core/base/limits.hpp"
#include "reki/core/base/time.hpp"

namespace reki::membership {

/// How much the clocks of two machines may differ in rate: elapsed time is measured within ±10 %.
inline constexpr double clock_rate_slow = 0.9;
inline constexpr double clock_rate_fast = 1.1;

/// The durations of one cluster; the same on all its nodes.
struct Timing {
  /// From one renewal of a member's lease to the next, and between a coordinator's heartbeats. > 0
  Duration renew = std::chrono::milliseconds(100);
  /// How long a lease lasts on the member's clock, from the sending of the renewal. >= 4 * renew, so that lost
  /// renewals in a row do not end it.
  Duration lease = std::chrono::milliseconds(650);
  /// How long a coordinator waits on its own clock, after the last moment at which a lease can have begun, before it
  /// takes a silent member's slots away. > lease * clock_rate_fast / clock_rate_slow.
  Duration wait = std::chrono::milliseconds(850);
  /// A voter lets nobody become coordinator while it has heard one within this time. >= 2 * renew
  Duration heartbeat_fresh = std::chrono::milliseconds(300);
  /// A voter that has heard no coordinator for a random time between these two tries to become one.
  Duration election_min = std::chrono::milliseconds(300);
  Duration election_max = std::chrono::milliseconds(600);
  /// Joins and leaves that come within this time share a view.
  Duration batch = std::chrono::milliseconds(20);
  /// A member that renews, but has not installed and cleared the newest view for so long, gets no more grants: it would
  /// hold up every hand-over. > limits::move_grace, which one may take.
  Duration stuck = std::chrono::seconds(2);

  friend bool operator==(const Timing&, const Timing&) = default;
};

/// For one network, where a round trip is below a few milliseconds: a lost machine is replaced in under a second.
[[nodiscard]] constexpr Timing lan() { return {}; }

/// For machines that pause: shared hosts, virtual machines that are moved. Leases of 1.5 s.
[[nodiscard]] constexpr Timing cloud() {
  using std::chrono::milliseconds;
  return {.renew = milliseconds(200),
          .lease = milliseconds(1500),
          .wait = milliseconds(2000),
          .heartbeat_fresh = milliseconds(600),
          .election_min = milliseconds(600),
          .election_max = milliseconds(1200)};
}

/// Whether the relations above hold, and those to the bounds of a hand-over.
[[nodiscard]] constexpr bool is_sound(const Timing& t) {
  const bool positive = t.renew > Duration{0} && t.batch >= Duration{0};
  const bool leases = t.lease >= 4 * t.renew && t.wait * clock_rate_slow > t.lease * clock_rate_fast;
  const bool elections =
      t.heartbeat_fresh >= 2 * t.renew && t.election_min >= t.heartbeat_fresh && t.election_max > t.election_min;
  return positive && leases && elections && t.stuck > limits::move_grace;
}
static_assert(is_sound(lan()));
static_assert(is_sound(cloud()));
static_assert(limits::rescue_rest >= lan().wait && limits::rescue_rest >= cloud().wait);
static_assert(limits::control_reconnect_wait_max < lan().lease, "a restarted voter is found before the members' leases end");
static_assert(limits::data_thread_stuck > cloud().lease, "a pause that a lease survives makes nobody let it go");
static_assert(limits::death_notice_time_max >= cloud().wait, "later the cluster has found out by itself");

}  // namespace reki::membership
