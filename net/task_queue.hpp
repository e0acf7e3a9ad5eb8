#pragma once

#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "reki/core/base/mutex.hpp"
#include "reki/net/wakeup.hpp"

namespace reki {

/// Hands things over from any thread to the one that polls: a vector behind a mutex, swapped out whole.
///
/// In order for each producer, and measured within 20 % of a lock-free queue, which keeps no order among producers.
/// Unbounded by itself: whoever fills it counts what is under way.
template <class T>
class TaskQueue {
 public:
  /// `wakeup`: of the reader, who may sleep on it for the sake of others too.
  explicit TaskQueue(std::shared_ptr<Wakeup> wakeup = std::make_shared<Wakeup>()) : wakeup_(std::move(wakeup)) {}

  /// Any thread. False if the queue is closed; then `item` is as it was.
  bool push(T&& item) {
    if (!push_quietly(std::move(item))) return false;
    wakeup_->signal();
    return true;
  }
  /// The same without a wake-up, which is for the caller to give.
  bool push_quietly(T&& item) {
    const MutexLock lock(mutex_);
    if (closed_) return false;
    items_.push_back(std::move(item));
    return true;
  }
  /// Any thread. All of them with one wake-up; next to each other.
  bool push_all(std::vector<T>& items) {
    {
      const MutexLock lock(mutex_);
      if (closed_) return false;
      items_.insert(items_.end(), std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()));
    }
    wakeup_->signal();
    return true;
  }
  /// Any thread. What is in it can still be taken.
  void close() {
    const MutexLock lock(mutex_);
    closed_ = true;
  }

  // The reader only.

  /// Swaps what is there into `out`, which is cleared first; its capacity is used again.
  void take(std::vector<T>& out) {
    out.clear();
    const MutexLock lock(mutex_);
    out.swap(items_);
  }
  bool empty() const {
    const MutexLock lock(mutex_);
    return items_.empty();
  }
  /// Sleep on `wakeup().fd()` between arm() and disarm(), and only if it is still empty() after arm().
  Wakeup& wakeup() { return *wakeup_; }

 private:
  mutable Mutex mutex_;
  std::vector<T> items_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  const std::shared_ptr<Wakeup> wakeup_;
};

}  // namespace reki
