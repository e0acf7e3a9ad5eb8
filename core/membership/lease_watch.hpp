#pragma once

#include <optional>

#include "reki/core/base/time.hpp"

namespace reki {

/// Decides when a guard has to kill its node: once the node's lease is over and it has not said that it is quiet.
///
/// Pure: reads no clock. Thread safety: none; owned by the guard's only thread.
///
/// No promise of reki's rests on the kill: each message of the node is behind its own gate, which reads the clock. The
/// kill makes it known that a node which stands still is gone, and ends what it does outside of the cluster. So a guard
/// that was held up itself (the machine slept, or was paused) may first give the node time to see what it has missed.
class LeaseWatch {
 public:
  struct Options {
    /// From the lease's end to the kill: time for a healthy node to become quiet. > 0. Half of what the coordinator
    /// waits beyond a member's lease (W - L), so that the node is dead, and the guard has told so, before that is over.
    Duration grace = std::chrono::milliseconds(100);
    /// How often to look whether there is a lease at all. > 0, and at most the shortest lease.
    Duration look_every = std::chrono::milliseconds(250);
    /// A look that is late by more than this means that the guard was held up. >= 0; above what a busy machine does.
    Duration late_max = std::chrono::milliseconds(50);
  };
  struct Verdict {
    bool kill = false;
    Instant look_again;  ///< Look again then. Nothing is missed by looking earlier.
  };

  explicit LeaseWatch(Options options) : options_(options) {}

  /// `lease`: the end of the lease that is to be enforced, if there is one.
  /// REQUIRES: `now` is not before any earlier `now`.
  Verdict look(std::optional<Instant> lease, Instant now);

 private:
  Verdict wait_until(Instant at);
  bool was_held_up(Instant now) const { return now > planned_ + options_.late_max; }

  const Options options_;
  Instant planned_ = Instant::never();  // the latest verdict's look_again
  std::optional<Instant> spared_;       // the lease after whose end the node got the grace anew, once
  Instant spared_until_;
};

}  // namespace reki
