#pragma once

#include <absl/base/thread_annotations.h>

#include <mutex>

namespace reki {

/// std::mutex, with what clang's -Wthread-safety checks (Hutchins et al., "C/C++ Thread Safety Analysis", SCAM 2014; preset
/// `clang`): a member says ABSL_GUARDED_BY(its mutex), a function that wants the lock ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex).
/// libstdc++'s has no such marks. absl::Mutex has them; but its waits run on the wall clock, which may step, and to lock and
/// unlock it took 22 ns where this takes 6: docs/decisions/2026-11-30-locks-that-the-compiler-checks.md.
///
/// Costs what std::mutex costs. Not recursive.
class ABSL_LOCKABLE Mutex {
 public:
  constexpr Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  /// Tells the check, in a function that it looks at by itself (a lambda, most often), that its caller has the lock.
  void assert_held() const ABSL_ASSERT_EXCLUSIVE_LOCK() {}

 private:
  friend class CondVar;
  std::mutex mutex_;
};

/// Holds a mutex for a scope. Who lets go of it in between unlocks and locks the mutex itself, and lets no exception out
/// meanwhile (clang 14 cannot follow a scope that unlocks, by the marks that Abseil has).
class ABSL_SCOPED_LOCKABLE [[nodiscard]] MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace reki
