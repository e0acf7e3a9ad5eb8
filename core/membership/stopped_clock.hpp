#pragma once

#include <cstdint>
#include <deque>

#include "reki/core/base/time.hpp"

namespace reki::membership {

/// Follows by how much the wall clock is ahead of the machine's elapsed-time clock. A virtual machine that its host has
/// stopped counts that time by its wall clock alone, if at all: the wall clock jumps ahead.
///
/// Pure. Thread: control.
class StoppedClock {
 public:
  /// Reads of both clocks, the wall clock's first. Returns by how much the wall clock has gone ahead since the last look; less
  /// than 0 if it was set back.
  Duration look(std::int64_t wall_ns, Instant boot) {
    const std::int64_t ahead = wall_ns - boot.ns;
    if (looks_.empty()) looks_.push_back({boot, ahead});
    const Duration jump{ahead - looks_.back().ahead};
    if (jump > same || jump < -same) looks_.push_back({boot, ahead});
    while (looks_.size() > 1 && boot - looks_[1].at > remembered) looks_.pop_front();
    return jump;
  }
  /// When it will be `at` by the wall clock, as far as was known at `from`: in Unix nanoseconds.
  /// REQUIRES: `from` is at most `remembered` before the last look.
  [[nodiscard]] std::int64_t wall_at(Instant at, Instant from) const {
    std::int64_t ahead = looks_.front().ahead;
    for (const Look& look : looks_) {
      if (look.at <= from) ahead = look.ahead;
    }
    return at.ns + ahead;
  }

  static constexpr Duration remembered = std::chrono::seconds(10);

 private:
  /// A change of less than this is what two reads are apart.
  static constexpr Duration same = std::chrono::milliseconds(1);
  struct Look {
    Instant at;
    std::int64_t ahead;
  };

  std::deque<Look> looks_;
};

}  // namespace reki::membership
