#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "reki/bench/figures.hpp"
#include "reki/bench/latencies.hpp"
#include "reki/core/base/cond_var.hpp"
#include "reki/core/base/error.hpp"

namespace reki::bench {

/// What came of many requests. Latencies are of those that were served.
struct Tally {
  Latencies latencies;
  std::map<ErrorCode, std::uint64_t> refused;
  double seconds = 0;

  void add(ErrorCode code, Duration took) {
    if (code == ErrorCode::ok) latencies.add(took);
    else ++refused[code];
  }
  [[nodiscard]] double rate() const { return seconds > 0 ? static_cast<double>(latencies.count()) / seconds : 0; }
};

/// One question after the other, each when the one before has been answered. `ask()` blocks and returns an ErrorCode.
template <class Ask>
Tally one_at_a_time(Ask ask, Duration length) {
  Tally out;
  const Stopwatch all;
  while (all.elapsed() < length) {
    const Stopwatch one;
    const ErrorCode code = ask();
    out.add(code, one.elapsed());
  }
  out.seconds = all.seconds();
  return out;
}

/// `callers` questions are under way at any time: each answer is followed by the next question, on the thread that brings the
/// answers, of which there must be one. `ask(caller, done)` calls `done(code)` once, later.
template <class Ask>
class ClosedLoop {
 public:
  ClosedLoop(Ask ask, std::size_t callers, Duration length) : ask_(std::move(ask)), begun_(callers), active_(callers), length_(length) {}

  Tally run() {
    for (std::size_t caller = 0; caller < begun_.size(); ++caller) begin(caller);
    const MutexLock lock(mutex_);
    while (!over_) finished_.wait(mutex_);
    tally_.seconds = all_.seconds();
    return std::move(tally_);
  }

 private:
  void begin(std::size_t caller) {
    begun_[caller] = all_.elapsed();
    ask_(caller, [this, caller](ErrorCode code) { answered(caller, code); });
  }
  void answered(std::size_t caller, ErrorCode code) {
    const Duration now = all_.elapsed();
    tally_.add(code, now - begun_[caller]);
    if (now < length_) return begin(caller);
    if (--active_ > 0) return;
    const MutexLock lock(mutex_);  // notified under it: run() goes on, and all of this ends, once `over_` is seen
    over_ = true;
    finished_.notify_one();
  }

  Ask ask_;
  std::vector<Duration> begun_;
  std::size_t active_;  // the answering thread only
  const Duration length_;
  Tally tally_;
  const Stopwatch all_;
  Mutex mutex_;
  CondVar finished_;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

/// Questions at a fixed rate, whether or not the ones before have been answered. A latency counts from when its question was
/// due. `ask(done)` calls `done(code)` once, perhaps before it returns, on this thread or on the one that brings the answers.
template <class Ask>
class OpenLoop {
 public:
  OpenLoop(Ask ask, double per_second, Duration length) : ask_(std::move(ask)), per_second_(per_second), length_(length) {}

  /// `each_tick(asked, elapsed)` is called about once a millisecond. Returns once all is answered.
  template <class Tick>
  Tally run(Tick each_tick) {
    std::uint64_t asked = 0;
    for (Duration now{0}; now < length_; now = all_.elapsed()) {
      const auto due = static_cast<std::uint64_t>(per_second_ * static_cast<double>(now.count()) / 1e9);
      for (; asked < due; ++asked) begin(Duration{static_cast<std::int64_t>(static_cast<double>(asked) / per_second_ * 1e9)});
      each_tick(asked, now);
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    const double seconds = all_.seconds();
    const MutexLock lock(mutex_);
    expected_ = asked;
    while (answers_ != expected_) answered_all_.wait(mutex_);
    tally_.seconds = seconds;
    return std::move(tally_);
  }
  /// Answers that were refused later than this after they were due. Before run().
  void watch_deadline(Duration deadline) { deadline_ = deadline; }
  [[nodiscard]] std::uint64_t late() const { return late_; }
  [[nodiscard]] Duration refused_at_most() const { return refused_at_most_; }

 private:
  void begin(Duration due) {
    ask_([this, due](ErrorCode code) {
      const Duration took = all_.elapsed() - due;
      const MutexLock lock(mutex_);
      tally_.add(code, took);
      if (took > deadline_) ++late_;
      if (code != ErrorCode::ok) refused_at_most_ = std::max(refused_at_most_, took);
      if (++answers_ == expected_) answered_all_.notify_one();
    });
  }

  Ask ask_;
  const double per_second_;
  const Duration length_;
  const Stopwatch all_;
  Duration deadline_ = Duration::max();
  Mutex mutex_;
  CondVar answered_all_;
  Tally tally_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t answers_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t expected_ ABSL_GUARDED_BY(mutex_) = UINT64_MAX;
  // After run() they are constant.
  std::uint64_t late_ = 0;
  Duration refused_at_most_{0};
};

}  // namespace reki::bench
