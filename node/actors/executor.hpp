#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "reki/core/base/time.hpp"
#include "reki/net/clock.hpp"

namespace reki {

/// What an executor runs: a turn of one actor.
class Turn {
 public:
  virtual ~Turn() = default;
  /// Runs user code. May delete the object; afterwards the executor does not touch it.
  virtual void run() = 0;

 private:
  friend class TurnQueue;
  Turn* next_turn_ = nullptr;
};

/// The time that a registry and its actors go by: the machine's, or one that a simulation moves on.
///
/// No virtual call, since it is asked for each message: with the machine's clock it costs a branch that is always taken.
class Clock {
 public:
  Clock() = default;  ///< The machine's.
  /// `virtual_now`: Instant::ns. It is read on the simulation's thread alone, and outlives whoever goes by it.
  explicit Clock(const std::int64_t& virtual_now) : virtual_now_(&virtual_now) {}

  [[nodiscard]] Instant now() const {
    if (virtual_now_ == nullptr) [[likely]] return boot_time();
    return Instant{*virtual_now_};
  }
  /// For people who read it (wall_clock_ms). Virtual: since the simulation's time 0.
  [[nodiscard]] std::int64_t wall_ms() const {
    return virtual_now_ == nullptr ? wall_clock_ms() : milliseconds_of(Duration{*virtual_now_});
  }
  [[nodiscard]] std::int64_t wall_ns() const { return virtual_now_ == nullptr ? wall_clock_ns() : *virtual_now_; }

 private:
  const std::int64_t* virtual_now_ = nullptr;
};

/// What the actors of a registry run on, and the time they go by. Chosen when the registry is made: threads and the
/// machine's clock (ThreadExecutor), or one thread that runs one thing after the other on virtual time, in an order that a
/// seed decides.
///
/// All that a registry does later or elsewhere comes from here, and it waits nowhere else. So on an executor without threads
/// it is a function of what it is asked and of the order in which things are run. One indirect call a turn is all it costs.
///
/// Any thread may call what is not said to be otherwise. Outlives its registry's actors, but for turns that never return.
class Executor {
 public:
  enum class Pool : std::uint8_t {
    workers,   ///< For turns that are short. What they run must not wait for an actor.
    blocking,  ///< For those that may block, and wait for other actors.
  };
  /// What is to be done with time. Returns after how long it is to be called again at the latest.
  using Upkeep = std::function<Duration(Instant now)>;

  /// `waits_run_turns`: see below.
  explicit Executor(Clock clock, bool waits_run_turns = false) : clock_(clock), waits_run_turns_(waits_run_turns) {}
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  [[nodiscard]] Clock clock() const { return clock_; }
  /// Begins to run turns, and to call `upkeep`. Once. `keep_alive` is held by whatever may be left in a turn after `stop`.
  virtual void start(Upkeep upkeep, std::weak_ptr<void> keep_alive) = 0;
  /// Takes turns that come together, each to be run once, in whatever order.
  virtual void schedule(std::span<Turn* const> turns, Pool pool) = 0;
  /// Takes one behind all others: it has run just now, and is not through.
  virtual void schedule_last(Turn* turn, Pool pool) = 0;
  /// Has `upkeep` called now.
  virtual void hurry() = 0;
  /// Sees to turns that keep others waiting. From `upkeep`. False: nothing runs or waits, so there is nothing to see to before
  /// the next turn is scheduled.
  virtual bool watch(Instant now) = 0;
  /// Runs what waits, and then nothing more, `upkeep` neither. False if turns were still running at the deadline: they are left
  /// to end by themselves. Not from a turn.
  virtual bool stop(Instant deadline) = 0;

  // Waiting. Threads look at the condition again and again, while others run. An executor may have the thread that waits run
  // turns itself: the one without threads must, or nothing would ever happen. That is the place, too, for a caller who
  // blocks in a start or a call to run the very turn that his request has made, so that nobody is woken for it: submit, then
  // `wait_until` the answer is there. LocalRegistry::exchange does so where `waits_run_turns`; threads would have to let the
  // caller take a turn of their queue, and to say so here.

  [[nodiscard]] bool waits_run_turns() const { return waits_run_turns_; }
  /// True once `done()`, false at `until`. Not from a turn of `Pool::workers`.
  virtual bool wait_until(const std::function<bool()>& done, Instant until) = 0;

 private:
  const Clock clock_;
  const bool waits_run_turns_;
};

}  // namespace reki
