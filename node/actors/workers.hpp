#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "reki/core/base/cond_var.hpp"
#include "reki/core/base/time.hpp"
#include "reki/net/deferred_wakeups.hpp"
#include "reki/node/actors/executor.hpp"

namespace reki {

/// Turns that wait for a thread, first in, first out. Intrusive; owns nothing.
class TurnQueue {
 public:
  void push(Turn* turn) {
    turn->next_turn_ = nullptr;
    (last_ != nullptr ? last_->next_turn_ : first_) = turn;
    last_ = turn;
    size_.store(size() + 1, std::memory_order_relaxed);
  }
  /// REQUIRES: it is not empty.
  Turn* pop() {
    Turn* const out = first_;
    first_ = out->next_turn_;
    if (first_ == nullptr) last_ = nullptr;
    size_.store(size() - 1, std::memory_order_relaxed);
    return out;
  }
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  /// Also without whatever lock guards the rest: as of some moment.
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  Turn* first_ = nullptr;
  Turn* last_ = nullptr;
  std::atomic<std::size_t> size_{0};
};

/// A pool of threads that run actors, first come, first served.
///
/// Handlers should not block, but people write ones that do, and factories that open databases. So the pool looks at
/// itself: a thread that has been in one turn for longer than `blocked_after` no longer counts, and others take its
/// place, so that a slow start never delays other keys by more than that.
///
/// To wake a thread costs more than most turns. So one is woken at a time, which wakes the next if there is more to do.
/// For the one turn that a thread of the pool makes itself nobody is woken: the thread takes it when its own is over, or
/// `watch` gives it to the others. Where turns have followed soon, one thread spins for the next before it sleeps, for no
/// longer than to be woken would take. Thread-safe.
///
/// Not asio's thread_pool or an arena of oneTBB's: neither replaces threads that block. 30 starts of 2 s on one node gave
/// its other keys a p99 of 8 to 22 ms with enough threads to stand in, of 2 s with too few
/// (docs/decisions/2026-11-22-workers-that-stand-in.md).
class Workers {
 public:
  struct Options {
    int threads = 1;      ///< Kept running; 0: only as many as have something to do.
    int threads_max = 1;  ///< With those that stand in for blocked ones.
    Duration blocked_after = std::chrono::milliseconds(5);
    Duration idle_exit = std::chrono::seconds(5);  ///< A thread above `threads` ends after this long without work.
  };
  explicit Workers(Options options) : options_(options) {}
  ~Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// `keep_alive` is held by each thread, so that one that never comes back does not find its surroundings gone.
  void start(std::weak_ptr<void> keep_alive);
  /// Takes a turn to be run once. Any thread.
  void schedule(Turn* turn) { schedule(std::span(&turn, 1)); }
  /// The same for turns that come together: one wake-up.
  void schedule(std::span<Turn* const> turns);
  /// The same, behind all others: for one that has run just now, and is not through.
  void schedule_last(Turn* turn);
  /// Looks for blocked threads, and flushes their deferred wake-ups. Call it every few milliseconds.
  /// False: there is nothing to look at before the next turn is scheduled.
  bool watch(Instant now);
  /// Ends the threads when the queue is empty. False if some are still in a turn at the deadline: they are left to end
  /// by themselves.
  bool stop(Instant deadline);
  [[nodiscard]] int alive() const { return alive_.load(std::memory_order_relaxed); }

 private:
  struct Seat {
    std::thread thread;
    std::atomic<std::uint64_t> turns{0};  ///< Begun and ended: odd in a turn. Without the time, which takes time to ask for.
    std::atomic<Turn*> own{nullptr};      ///< That its turn has made: it comes next.
    DeferredWakeups wakeups;              ///< For what its turns have answered.
    // Of whoever watches: the last look, and the first that saw the same.
    std::uint64_t seen = 0;
    Instant seen_since;

    Turn* take_own() {
      return own.load(std::memory_order_relaxed) != nullptr ? own.exchange(nullptr, std::memory_order_acq_rel) : nullptr;
    }
  };
  /// Where the present thread has its seat.
  struct Here {
    const Workers* pool = nullptr;
    Seat* seat = nullptr;
  };
  using Seats = std::vector<std::shared_ptr<Seat>>;
  /// Threads without a turn, and what is known of the next one.
  struct Sleepers {
    int count = 0;
    bool waking = false;       ///< One of them was woken and has not come to the lock yet.
    bool looking_out = false;  ///< One looks out for a turn instead.
    bool comes_soon = false;   ///< The last turn that somebody had to wait for did.
    Instant since;             ///< When the last one lay down.
  };

  void enqueue(std::span<Turn* const> turns);
  [[nodiscard]] bool keep_for_itself(Turn* turn);
  void spawn_locked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// True if a sleeping thread is to be woken, by the caller, for what is queued.
  [[nodiscard]] bool claim_wake_locked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void work(const std::shared_ptr<Seat>& seat);
  Turn* next(DeferredWakeups& wakeups) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool look_out() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool sleep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void join(const Seats& left);

  static constinit thread_local Here here;

  const Options options_;
  std::weak_ptr<void> keep_alive_;  ///< Constant after `start`.
  std::atomic<int> alive_{0};

  Mutex mutex_;
  CondVar work_;
  CondVar ended_;
  TurnQueue queue_;  ///< Guarded by mutex_, but for its size.
  Sleepers sleepers_ ABSL_GUARDED_BY(mutex_);
  int wanted_ ABSL_GUARDED_BY(mutex_) = 0;  ///< Threads that there may be now: `threads` and two for each blocked one.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Seats seats_ ABSL_GUARDED_BY(mutex_);
  Seats left_ ABSL_GUARDED_BY(mutex_);  ///< Of threads that have ended and were not joined yet.
};

}  // namespace reki
