#pragma once

#include <memory>
#include <vector>

#include "reki/core/base/limits.hpp"
#include "reki/core/base/mutex.hpp"
#include "reki/core/base/time.hpp"
#include "reki/net/wakeup.hpp"

namespace reki {

/// The wake-ups that a thread puts off, to give them together. To wake a thread costs more than most handlers do, and on
/// the same core the one that is woken takes the processor away at once.
///
/// For a thread that runs many short tasks, each of which may leave something for another thread (`Here`). Who leaves it
/// asks for `of_this_thread` before it signals. The thread flushes when it has nothing more to run, and between two tasks
/// when a wake-up has waited for `patience`. One long task must not delay anybody, so another thread calls
/// `flush_for_it` now and then.
class DeferredWakeups {
 public:
  static constexpr Duration patience = limits::wakeup_deferred_max;

  /// As long as it exists the present thread defers its wake-ups to `all`. Flushes at its end.
  class Here {
   public:
    explicit Here(DeferredWakeups& all);
    ~Here();
    Here(const Here&) = delete;
    Here& operator=(const Here&) = delete;

   private:
    DeferredWakeups& all_;
  };
  /// Null: the thread gives its wake-ups at once.
  [[nodiscard]] static DeferredWakeups* of_this_thread();
  /// Any thread, between two tasks. Does nothing in a thread that defers nothing.
  static void flush_if_late(Instant now);

  // The thread that defers.
  void defer(const std::shared_ptr<Wakeup>& wakeup);
  [[nodiscard]] bool any() const { return any_; }
  void flush();

  // Any other thread.
  void flush_for_it() { give(); }

 private:
  void give();

  // Of the thread that defers.
  bool any_ = false;  // perhaps: another thread may have flushed them
  Instant looked_;    // when it looked last: what was deferred since then is no older

  Mutex mutex_;
  std::vector<std::shared_ptr<Wakeup>> deferred_ ABSL_GUARDED_BY(mutex_);  // no two alike
};

}  // namespace reki
