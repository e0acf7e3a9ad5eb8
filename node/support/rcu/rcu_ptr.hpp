#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "reki/core/base/mutex.hpp"
#include "reki/node/support/rcu/per_thread.hpp"
#include "reki/node/support/rcu/read_section.hpp"

namespace reki {

/// An object that all threads read all the time, and that is replaced by another now and then (RCU). Thread-safe.
///
/// Not std::atomic<std::shared_ptr>: there each use writes to one counter, so that threads on different cores wait for each
/// other's cache line; and ThreadSanitizer takes libstdc++ 12's for a data race (google/sanitizers#1558).
template <class T>
class RcuPtr {
 public:
  explicit RcuPtr(std::shared_ptr<T> first) : owner_(std::move(first)), now_(owner_.get()) {}

  /// A use that may last, and may wait. Whoever replaces the object keeps it until `wait_until_unused` has returned.
  class Use {
   public:
    Use(std::atomic<int>& users, const std::atomic<T*>& now) : users_(users) {
      // Counted before it is read. Who has replaced the object and then sees no count knows that later uses read the next
      // one. That takes one order of all four steps, so nothing weaker than seq_cst.
      users_.fetch_add(1);
      object_ = now.load();
    }
    ~Use() { users_.fetch_sub(1, std::memory_order_release); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    T* operator->() const { return object_; }

   private:
    std::atomic<int>& users_;
    T* object_;
  };
  [[nodiscard]] Use use() const { return {users_.mine(), now_}; }
  /// The cheaper one: good as long as the section.
  [[nodiscard]] T& read(const RcuReadSection&) const { return *now_.load(std::memory_order_acquire); }

  /// The most expensive one: good for ever.
  [[nodiscard]] std::shared_ptr<T> share() const {
    const MutexLock lock(mutex_);
    return owner_;
  }
  /// Returns the one before, which is still in use: see wait_until_unused.
  [[nodiscard]] std::shared_ptr<T> replace(std::shared_ptr<T> next) {
    const MutexLock lock(mutex_);
    now_.store(next.get());
    return std::exchange(owner_, std::move(next));
  }
  /// Returns once no use and no read section that began before this call is left.
  void wait_until_unused() const {
    RcuGracePeriod::begin().wait();
    for (const std::atomic<int>& users : users_) {
      while (users.load() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  mutable PerThread<std::atomic<int>> users_;
  mutable Mutex mutex_;
  std::shared_ptr<T> owner_ ABSL_GUARDED_BY(mutex_);
  std::atomic<T*> now_;
};

}  // namespace reki
