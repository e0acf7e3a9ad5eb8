#pragma once

#include <condition_variable>
#include <utility>

#include "reki/core/base/mutex.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

/// std::condition_variable for a Mutex. Times are of the steady clock (CLOCK_MONOTONIC), so that a step of the wall clock
/// neither ends nor prolongs a wait.
///
/// A wait may return for no reason: ask again what was waited for, in a loop, or hand `is_true` over. That is run with
/// the lock held: mark it with ABSL_EXCLUSIVE_LOCKS_REQUIRED, as the check takes a lambda for a function of its own.
class CondVar {
 public:
  CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  void notify_one() { changed_.notify_one(); }
  void notify_all() { changed_.notify_all(); }

  void wait(Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    Adopted lock(mutex);
    changed_.wait(lock.lock);
  }
  /// False: the time is over.
  bool wait_for(Mutex& mutex, Duration patience) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    Adopted lock(mutex);
    return changed_.wait_for(lock.lock, patience) == std::cv_status::no_timeout;
  }

  // Not looked into by the check, which knows `mutex` by one name and `is_true`'s by another.
  template <class IsTrue>
  void wait(Mutex& mutex, IsTrue is_true) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    while (!is_true()) wait(mutex);
  }
  /// What `is_true` said last: false only if the time is over.
  template <class IsTrue>
  bool wait_for(Mutex& mutex, Duration patience, IsTrue is_true)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Adopted lock(mutex);
    return changed_.wait_for(lock.lock, patience, std::move(is_true));
  }

 private:
  /// Lends a mutex that is held to std::condition_variable, which takes nothing but std's lock of one.
  struct Adopted {
    explicit Adopted(Mutex& mutex) : lock(mutex.mutex_, std::adopt_lock) {}
    ~Adopted() { lock.release(); }
    std::unique_lock<std::mutex> lock;
  };

  std::condition_variable changed_;
};

}  // namespace reki
