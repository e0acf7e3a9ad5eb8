#pragma once

#include <algorithm>

#include "reki/core/base/time.hpp"

namespace reki::membership {

/// Two readings of elapsed time: `boot` counts suspend, `raw` is not slewed.
struct Clocks {
  Instant boot;
  Instant raw;
};

/// The clock by which a coordinator waits for leases to end. At each step it goes by the slower of the two readings. It
/// also knows how long the machine has run without a stop: a coordinator that was frozen has unread messages in its
/// inbox, and must read them before it takes others for silent.
///
/// Pure. Thread: control.
class WaitingClock {
 public:
  /// A step longer than `gap` counts as a stop.
  explicit WaitingClock(Duration gap) : gap_(gap) {}
  void set_gap(Duration gap) { gap_ = gap; }

  void advance(Clocks to) {
    if (!started_) {
      started_ = true;
      last_ = to;
    }
    const Duration boot = std::max(to.boot - last_.boot, Duration{0});
    const Duration raw = std::max(to.raw - last_.raw, Duration{0});
    now_ = now_ + std::min(boot, raw);
    if (std::max(boot, raw) > gap_) smooth_since_ = now_;
    last_ = to;
  }
  [[nodiscard]] Instant now() const { return now_; }
  /// Has run for so long without a stop.
  [[nodiscard]] Duration smooth() const { return now_ - smooth_since_; }

 private:
  Duration gap_;
  bool started_ = false;
  Clocks last_;
  Instant now_;
  Instant smooth_since_;
};

}  // namespace reki::membership
