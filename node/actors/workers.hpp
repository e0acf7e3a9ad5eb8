#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "reki/core/base/time.hpp"
#include "reki/net/deferred_wakeups.hpp"

namespace reki {

/// What a worker runs: a turn of one actor.
class Turn {
 public:
  virtual ~Turn() = default;
  /// Runs user code. May delete the object; afterwards the worker does not touch it.
  virtual void run() = 0;

 private:
  friend class Workers;
  Turn* next_turn_ = nullptr;
};

/// A pool of threads that run actors, first come, first served.
///
/// Handlers should not block, but people write ones that do, and factories that open databases. So the pool looks at
/// itself: a thread that has been in one turn for longer than `blocked_after` no longer counts, and others take its
/// place, so that a slow start never delays other keys by more than that.
///
/// To wake a thread costs more than most turns. So one is woken at a time, which wakes the next if there is more to do;
/// and for the one turn that a thread of the pool makes itself nobody is woken at all: the thread takes it when its own is
/// over, or `watch` gives it to the others. And where the next turn has come soon lately, one thread looks out for it before it
/// sleeps, for no longer than to be woken would take. Thread-safe.
class Workers {
 public:
  struct Options {
    int threads = 1;      ///< Kept running; 0: only as many as have something to do.
    int threads_max = 1;  ///< With those that stand in for blocked ones.
    Duration blocked_after = std::chrono::milliseconds(5);
    Duration idle_exit = std::chrono::seconds(5);  ///< A thread above `threads` ends after this long without work.
  };
  /// `keep_alive` is held by each thread, so that one that never comes back does not find its surroundings gone.
  Workers(Options options, std::weak_ptr<void> keep_alive) : options_(options), keep_alive_(std::move(keep_alive)) {}
  ~Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start();
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

  void enqueue(std::span<Turn* const> turns);
  [[nodiscard]] bool keep_for_itself(Turn* turn);
  void spawn_locked();
  void enqueue_locked(Turn* turn);
  /// True if a sleeping thread is to be woken, by the caller, for what is queued.
  [[nodiscard]] bool claim_wake_locked();
  void work(const std::shared_ptr<Seat>& seat);
  Turn* next(std::unique_lock<std::mutex>& lock, DeferredWakeups& wakeups);
  bool look_out(std::unique_lock<std::mutex>& lock);
  std::cv_status sleep(std::unique_lock<std::mutex>& lock);
  static void join(const Seats& left);

  static constinit thread_local Here here;

  const Options options_;
  const std::weak_ptr<void> keep_alive_;
  std::atomic<int> alive_{0};
  std::atomic<std::size_t> queued_{0};  ///< Changed with the lock.

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable ended_;
  // Guarded by mutex_.
  Turn* first_ = nullptr;
  Turn* last_ = nullptr;
  int sleeping_ = 0;
  bool waking_ = false;  ///< One of the sleeping was woken and has not come to the lock yet.
  bool looking_out_ = false;  ///< One does.
  bool comes_soon_ = false;   ///< The last turn that somebody had to wait for.
  Instant sleeps_since_;
  int wanted_ = 0;  ///< Threads that there may be now: `threads` and two for each blocked one.
  bool stopping_ = false;
  Seats seats_;
  Seats left_;  ///< Of threads that have ended and were not joined yet.
};

}  // namespace reki
