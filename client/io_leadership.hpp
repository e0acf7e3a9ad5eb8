#pragma once

#include <atomic>
#include <cstdint>

#include "reki/core/base/cond_var.hpp"
#include "reki/core/base/limits.hpp"

namespace reki {

/// Who does the input and output of a client at the moment (leader/followers: Schmidt et al., POSA 2): its own thread, or
/// a caller, which has to wait for its answer anyway and saves two wake-ups of a thread by it.
///
/// The thread is the leader at first. It lends the leadership while there is nothing to do and callers follow upon one
/// another; a caller takes it for one call. The leader owns all that belongs to the I/O thread: it goes over with a lock.
/// `is_idle`, everywhere below, is called with the lock held: nothing is under way or waits, so that nobody need lead.
/// Whoever adds something afterwards calls take() or recall(), so that nothing is left lying.
class IoLeadership {
 public:
  /// After so long without a caller the thread leads again.
  static constexpr Duration patience = limits::io_unled_max;

  /// The client's own thread: lends the leadership, and returns when it has it again.
  template <class IsIdle>
  void lend(IsIdle is_idle) {
    const MutexLock lock(mutex_);
    holder_ = Holder::none;
    if (!is_idle()) holder_ = Holder::thread;
    for (std::uint64_t seen = uses_; holder_ != Holder::thread; seen = uses_) {
      const bool woken = back_.wait_for(mutex_, patience);
      if (!woken && holder_ == Holder::none && seen == uses_) holder_ = Holder::thread;
    }
  }

  /// A caller: true if it leads now. It gives the leadership back soon.
  [[nodiscard]] bool take() {
    const MutexLock lock(mutex_);
    if (holder_ != Holder::none) return false;
    holder_ = Holder::caller;
    ++uses_;
    return true;
  }
  template <class IsIdle>
  void give_back(IsIdle is_idle) {
    const MutexLock lock(mutex_);
    holder_ = Holder::none;
    if (is_idle()) return;
    holder_ = Holder::thread;
    back_.notify_one();  // under the lock: all of this may end once the thread goes on
  }

  /// Any thread: something waits that only the thread may do. A caller that leads at the moment must find out by itself.
  void recall() {
    if (holder_ == Holder::thread) return;
    const MutexLock lock(mutex_);
    if (holder_ != Holder::none) return;
    holder_ = Holder::thread;
    back_.notify_one();
  }

 private:
  enum class Holder : std::uint8_t { thread, none, caller };

  Mutex mutex_;
  CondVar back_;
  std::atomic<Holder> holder_ = Holder::thread;  // written under mutex_
  std::uint64_t uses_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace reki
