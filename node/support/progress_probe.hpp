#pragma once

#include <algorithm>
#include <atomic>

#include "reki/core/base/time.hpp"

namespace reki {

/// Whether another thread still makes progress (a watchdog): it is asked for a sign of life, and how long it has owed the
/// answer is measured in the asking thread's own steps, so that a stop of the whole process counts for nothing.
class ProgressProbe {
 public:
  // The thread that asks.

  /// Whether to ask now: no question is open. The caller passes it on to the other thread, which calls `answer`.
  [[nodiscard]] bool ask(Instant now) {
    if (open_.load(std::memory_order_acquire)) return false;
    owed_ = Duration{0};
    looked_ = now;
    open_.store(true, std::memory_order_release);
    return true;
  }
  /// For how long the open question has been; a pause between two looks counts as `step_max` at most.
  [[nodiscard]] Duration owed(Instant now, Duration step_max) {
    if (!open_.load(std::memory_order_acquire)) return Duration{0};
    owed_ += std::clamp(now - looked_, Duration{0}, step_max);
    looked_ = now;
    return owed_;
  }

  /// The thread that is asked.
  void answer() { open_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> open_{false};
  Duration owed_{0};
  Instant looked_;
};

}  // namespace reki
