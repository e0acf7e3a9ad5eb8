#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "reki/core/base/random.hpp"
#include "reki/node/actors/executor.hpp"

namespace reki::sim {

class SeededExecutor;

/// Virtual time, and the order in which registries on it run what they have to run: one thing after the other, on the
/// thread that calls, as the seed decides. No thread, no lock that is waited for, and no real time.
///
/// A turn is an event of its own, as on a worker; which of those that wait comes next is drawn, and so is how long each takes.
/// Time stands still while one runs, but for `pass`. Turns and upkeep that are due take part in one draw, so that any order
/// of them comes up which threads could bring about between two turns; what threads do to each other inside of a turn does not.
///
/// All calls on one thread. Outlives the registries on it.
class SeededSchedule {
 public:
  /// Time begins at an hour: no machine's clock shows less when a node starts.
  explicit SeededSchedule(std::uint64_t seed) : random_(seed) {}
  ~SeededSchedule();
  SeededSchedule(const SeededSchedule&) = delete;
  SeededSchedule& operator=(const SeededSchedule&) = delete;

  [[nodiscard]] Instant now() const { return Instant{now_ns_}; }
  /// Its time, for who goes by it and must not change it.
  [[nodiscard]] Clock clock() const { return Clock(now_ns_); }
  /// Executor::wait_until of a caller for whom more goes on than this schedule.
  using Wait = std::function<bool(const std::function<bool()>& done, Instant until)>;
  /// RuntimeOptions::executor of any number of registries. While `*stands_still`, if there is one, nothing of theirs runs,
  /// and time goes on: it must outlive them. `wait`: how turns wait for answers; by this schedule, if there is none.
  [[nodiscard]] std::function<std::unique_ptr<Executor>()> executors(const bool* stands_still = nullptr, Wait wait = {});

  /// Runs what comes next, and moves time on to it if nothing waits, but not beyond `until`. False: nothing comes before.
  bool step(Instant until = Instant::never());
  void run_for(Duration time);
  /// True once `done()`, false after `at_most`.
  bool run_until(const std::function<bool()>& done, Duration at_most);
  /// For code that is run: it takes so long.
  void pass(Duration time) { now_ns_ += time.count(); }
  /// The thread that drives all this may do something of its own between two steps, at a moment that the seed decides.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

  [[nodiscard]] std::uint64_t turns() const { return turns_; }
  /// A hash of what was run, when and out of how many: equal for equal histories.
  [[nodiscard]] std::uint64_t trace() const { return trace_; }

 private:
  friend class SeededExecutor;
  struct Ready {
    Turn* turn;
    SeededExecutor* executor;
    Executor::Pool pool;
  };

  void run(const Ready& ready);
  void remember(std::uint64_t what);
  /// The executors whose upkeep is due, in `due_`; returns when the next one of the others is.
  Instant collect_due();
  /// Brings the turns that can be run to the front; returns how many they are.
  std::size_t collect_ready();

  std::int64_t now_ns_ = 3'600'000'000'000;
  SplitMix random_;
  std::vector<SeededExecutor*> executors_;
  std::vector<Ready> ready_;
  std::vector<SeededExecutor*> due_;  ///< Of one step.
  std::uint64_t turns_ = 0;
  std::uint64_t trace_ = 0;
};

}  // namespace reki::sim
