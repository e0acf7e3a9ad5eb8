#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <functional>
#include <memory>

#include "reki/actor/envelope.hpp"
#include "reki/core/activation/activation_table.hpp"
#include "reki/core/base/mutex.hpp"
#include "reki/core/base/timer_wheel.hpp"
#include "reki/node/actors/actor.hpp"
#include "reki/node/actors/executor.hpp"

namespace reki {

/// A key by its name, for who must not keep a pointer to its entry.
struct KeyName {
  std::uint64_t hash = 0;
  TypeIndex type;
  std::string key;
};
inline KeyName name_of(const Activation& a) { return {a.hash, a.type, std::string{a.key()}}; }

/// Actors' timers, the ends of back-offs, the deadlines of calls.
///
/// Its executor calls `step` every `tick`, which calls back for what is due, and then `each_tick`, which the runtime does its
/// housekeeping in. Nothing fires early; things fire up to `tick` late. While nothing goes on it rests, and wants to be
/// called every `resting_tick` only. Thread-safe; callbacks run without a lock, on the thread that calls `step`.
class Timers {
 public:
  static constexpr auto tick = std::chrono::milliseconds(5);
  static constexpr int quiet_ticks_min = 20;  ///< So long nothing goes on before it rests.

  /// A timer that its owner keeps. `fire` runs once, in `step`, if it was not removed before.
  class Entry : public TimerHook {
   public:
    virtual ~Entry() = default;
    virtual void fire(Instant now) = 0;
  };

  struct Callbacks {
    std::function<void(const KeyName& key, Fence start, EnvelopePtr message)> message_due;
    std::function<void(const KeyName& key)> restart_due;
    /// False: it need not be called again before something has begun (`hurry`).
    std::function<bool(Instant now)> each_tick;
  };

  Timers(Callbacks callbacks, Executor& executor, Duration resting_tick = std::chrono::milliseconds(25))
      : callbacks_(std::move(callbacks)), executor_(executor), resting_tick_(resting_tick) {}

  /// Executor::Upkeep.
  Duration step(Instant now);
  /// Fires what is left, whatever its time. REQUIRES: `step` is called no more.
  void finish() { fire_due(Instant::never()); }

  /// Something has begun that `each_tick` is to look at in time. Any thread; mostly it costs one load.
  void hurry() {
    if (resting_.load()) wake();
  }
  [[nodiscard]] bool is_resting() const { return resting_.load(); }

  void add(Entry& entry, Instant due);
  /// True if it will not fire; false if it has fired, or is about to.
  bool remove(Entry& entry);

  TimerId add_message(KeyName key, Fence start, EnvelopePtr message, Instant due);
  /// False if it has fired or was cancelled.
  bool cancel_message(TimerId id);
  [[nodiscard]] bool is_pending(TimerId id);
  void add_restart(KeyName key, Instant due);

 private:
  struct MessageTimer;
  struct RestartTimer;

  void wake();
  void wake_locked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void fire_due(Instant now);
  std::unique_ptr<Entry> release(std::uint64_t id);

  const Callbacks callbacks_;
  Executor& executor_;
  const Duration resting_tick_;

  Mutex mutex_;
  /// Set before the thread looks whether anything goes on: who begins something afterwards sees it.
  std::atomic<bool> resting_{false};
  int quiet_ticks_ ABSL_GUARDED_BY(mutex_) = 0;  ///< One after the other.
  TimerWheel wheel_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  /// Message and restart timers.
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<Entry>> owned_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace reki
