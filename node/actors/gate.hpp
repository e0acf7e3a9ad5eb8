#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "reki/core/base/mutex.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

class ActorCell;

/// Whether actors may run here and what they do may take effect: while the node's lease lasts, until the node is replaced.
///
/// Any thread. Whoever asks brings the time, which it has read itself, so that no other thread's flag is between the lease
/// and an actor. Keeps the cells that found it closed; it does not own them.
class Gate {
 public:
  /// `lease_end`: Instant::ns, which the membership moves on (LeasePage); null outside of a cluster: always open.
  explicit Gate(const std::atomic<std::int64_t>* lease_end) : lease_end_(lease_end) {}

  [[nodiscard]] bool has_lease() const { return lease_end_ != nullptr; }
  [[nodiscard]] bool is_open(Instant now) const {
    return lease_end_ == nullptr || (now.ns < lease_end_->load(std::memory_order_acquire) && !is_abandoned());
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
  const std::atomic<std::int64_t>* const lease_end_;
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> closing_{false};
  Mutex mutex_;
  std::vector<ActorCell*> suspended_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace reki
