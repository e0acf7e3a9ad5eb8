#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "reki/core/base/mutex.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/membership/lease_ends.hpp"
#include "reki/node/actors/executor.hpp"

namespace reki {

class ActorCell;

/// Whether actors may run here and what they do may take effect: while the node's lease lasts, until the node is replaced.
///
/// Any thread. Whoever asks brings the time, which it has read itself, so that no other thread's flag is between the lease
/// and an actor. Keeps the cells that found it closed; it does not own them.
class Gate {
 public:
  /// `lease`: its ends, which the membership moves on (LeasePage); null outside of a cluster: always open. `clock`: for its
  /// wall clock.
  Gate(const LeaseEnds* lease, Clock clock) : lease_(lease), clock_(clock) {}

  [[nodiscard]] bool has_lease() const { return lease_ != nullptr; }
  /// Whether an actor may run, and what it does may take effect.
  [[nodiscard]] bool is_open(Instant now) const { return lasts(now) && !is_over_by_wall_clock(); }
  /// The same by one clock, for what has no effect, as a look-up.
  [[nodiscard]] bool lasts(Instant now) const {
    return lease_ == nullptr || (now.ns < lease_->boot_ns.load(std::memory_order_acquire) && !is_abandoned());
  }
  /// A view has dropped this incarnation: nothing of the actors here runs or takes effect any more.
  [[nodiscard]] bool is_abandoned() const { return abandoned_.load(std::memory_order_acquire); }
  void abandon() { abandoned_.store(true, std::memory_order_release); }
  /// The registry closes: no request is taken, and what stands still ends.
  [[nodiscard]] bool is_closing() const { return closing_.load(std::memory_order_acquire); }
  /// True for the first who closes it.
  bool close() { return !closing_.exchange(true, std::memory_order_acq_rel); }

  /// Keeps a cell that found it closed. False: it is to go on, since that has changed.
  [[nodiscard]] bool suspend(ActorCell& cell, Instant now) {
    const MutexLock lock(mutex_);
    if (is_open(now) || is_abandoned() || is_closing()) return false;
    suspended_.push_back(&cell);
    return true;
  }
  /// Those that stand still, to be scheduled. Call it after each change that lets them go on or end.
  [[nodiscard]] std::vector<ActorCell*> take_suspended() {
    const MutexLock lock(mutex_);
    return std::exchange(suspended_, {});
  }

 private:
  [[nodiscard]] bool is_over_by_wall_clock() const {
    if (lease_ == nullptr) return false;
    const std::int64_t end = lease_->wall_ns.load(std::memory_order_relaxed);
    return end != LeaseEnds::not_by_wall_clock && clock_.wall_ns() >= end;
  }

  const LeaseEnds* const lease_;
  const Clock clock_;
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> closing_{false};
  Mutex mutex_;
  std::vector<ActorCell*> suspended_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace reki
