#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "reki/core/base/time.hpp"
#include "reki/net/wakeup.hpp"

namespace reki {

/// The wake-ups that a thread owes to others, which it gives together: to wake a thread costs more than most handlers do,
/// and on the same core the one that is woken takes the processor away at once.
///
/// For a thread that runs many short things one after the other (Here), each of which may leave something for another
/// thread. Who leaves it asks for `of_this_thread` before it signals. The thread settles when it runs out of things, and
/// between two of them if somebody has waited for `patience`; so that one long thing delays nobody for long, another
/// thread settles for it now and then.
class OwedWakeups {
 public:
  static constexpr Duration patience = std::chrono::microseconds(50);

  /// While it lives the present thread owes its wake-ups to `all`. Settles at its end.
  class Here {
   public:
    explicit Here(OwedWakeups& all);
    ~Here();
    Here(const Here&) = delete;
    Here& operator=(const Here&) = delete;

   private:
    OwedWakeups& all_;
  };
  /// Null: the thread gives its wake-ups at once.
  [[nodiscard]] static OwedWakeups* of_this_thread();
  /// For a thread that may owe something, between two things that it runs.
  static void settle_if_late(Instant now);

  // The thread that owes.
  void owe(const std::shared_ptr<Wakeup>& wakeup);
  [[nodiscard]] bool any() const { return any_; }
  void settle();

  // Any other thread.
  void settle_for_it() { give(); }

 private:
  void give();

  // Of the thread that owes.
  bool any_ = false;  // perhaps: others may have settled it
  Instant looked_;    // when it looked last; what has been owed since then is no older

  std::mutex mutex_;
  std::vector<std::shared_ptr<Wakeup>> owed_;  // guarded by mutex_; no two alike
};

}  // namespace reki
