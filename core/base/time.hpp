#pragma once

#include <cstdint>
// libstdc++'s <mutex> has all of <chrono> that is needed here, without its calendars and streams: 10 500 lines less for each
// plugin. The standard promises that of no header but <chrono>, so with any other library it is that one.
#ifdef __GLIBCXX__
#include <mutex>
#else
#include <chrono>
#endif

namespace reki {

using Duration = std::chrono::nanoseconds;

/// A point on the machine's elapsed-time clock (CLOCK_BOOTTIME in production, virtual time in the simulator).
///
/// The core never reads a clock: an `Instant` always arrives as an argument.
struct Instant {
  std::int64_t ns = 0;

  static constexpr Instant never() { return Instant{INT64_MAX}; }
  friend constexpr auto operator<=>(Instant, Instant) = default;
  /// Saturates at `never()`, so that `now + Duration::max()` stays in the future.
  friend constexpr Instant operator+(Instant at, Duration d) {
    if (d.count() > 0 && at.ns > INT64_MAX - d.count()) return never();
    return Instant{at.ns + d.count()};
  }
  friend constexpr Duration operator-(Instant later, Instant earlier) { return Duration{later.ns - earlier.ns}; }
};

constexpr std::int64_t milliseconds_of(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace reki
