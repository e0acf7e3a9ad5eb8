#pragma once

#include <absl/container/flat_hash_map.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "reki/actor/envelope.hpp"
#include "reki/core/activation_table.hpp"
#include "reki/core/timer_wheel.hpp"
#include "reki/node/actor.hpp"

namespace reki {

/// Which key something is for, without holding on to its entry.
struct KeyName {
  std::uint64_t hash = 0;
  TypeIndex type;
  std::string key;
};
inline KeyName name_of(const Activation& a) { return {a.hash, a.type, std::string{a.key()}}; }

/// What happens at a time: actors' timers, the ends of back-offs, the deadlines of calls.
///
/// One thread wakes every `tick`, calls back for what is due, and then `each_tick`, which the runtime does its
/// housekeeping in. Nothing fires early; things fire up to `tick` late. Thread-safe; callbacks run without a lock.
class Timers {
 public:
  static constexpr auto tick = std::chrono::milliseconds(5);

  /// A timer that its owner keeps. `fire` runs once, on the timer thread, if it was not removed before.
  class Entry : public TimerHook {
   public:
    virtual ~Entry() = default;
    virtual void fire(Instant now) = 0;
  };

  struct Callbacks {
    std::function<void(const KeyName& key, Fence start, EnvelopePtr message)> message_due;
    std::function<void(const KeyName& key)> restart_due;
    std::function<void(Instant now)> each_tick;
  };

  explicit Timers(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}
  ~Timers() { stop(); }

  void start();
  /// Fires what is left, whatever its time, and nothing after that. Not from a callback.
  void stop();

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

  void loop();
  void advance(Instant now);
  std::unique_ptr<Entry> release(std::uint64_t id);

  Callbacks callbacks_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable stopped_;
  // Guarded by mutex_.
  bool stopping_ = false;
  TimerWheel wheel_;
  std::uint64_t last_id_ = 0;
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<Entry>> owned_;  ///< Message and restart timers.
};

}  // namespace reki
