#include "seeded_schedule.hpp"

#include <algorithm>
#include <utility>

#include "reki/actor/registry.hpp"
#include "reki/core/base/assert.hpp"

namespace reki::sim {

/// What one registry has on a schedule.
class SeededExecutor final : public Executor {
 public:
  SeededExecutor(SeededSchedule& schedule, const bool* stands_still, SeededSchedule::Wait wait)
      : Executor(Clock(schedule.now_ns_), true), schedule_(schedule), stands_still_(stands_still), wait_(std::move(wait)) {
    schedule_.executors_.push_back(this);
  }
  ~SeededExecutor() override {
    std::erase(schedule_.executors_, this);
    std::erase_if(schedule_.ready_, [this](const auto& ready) { return ready.executor == this; });
  }

  void start(Upkeep upkeep, std::weak_ptr<void>) override {
    upkeep_ = std::move(upkeep);
    next_upkeep_ = schedule_.now();
  }
  void schedule(std::span<Turn* const> turns, Pool pool) override {
    for (Turn* const turn : turns) schedule_.ready_.push_back({turn, this, pool});
  }
  void schedule_last(Turn* turn, Pool pool) override { schedule(std::span(&turn, 1), pool); }
  void hurry() override { next_upkeep_ = schedule_.now(); }
  bool watch(Instant) override { return has_turns(); }
  bool stop(Instant deadline) override {
    const bool all = run_until([this] { return !has_turns(); }, deadline);
    next_upkeep_ = Instant::never();
    return all;
  }
  bool wait_until(const std::function<bool()>& done, Instant until) override {
    return wait_ ? wait_(done, until) : run_until(done, until);
  }
  bool run_until(const std::function<bool()>& done, Instant until) {
    while (!done()) {
      if (schedule_.now() >= until || !schedule_.step(until)) return false;
    }
    return true;
  }

  [[nodiscard]] bool stands_still() const { return stands_still_ != nullptr && *stands_still_; }
  [[nodiscard]] Instant next_upkeep() const { return stands_still() ? Instant::never() : next_upkeep_; }
  void keep_up() {
    next_upkeep_ = Instant::never();  // unless it is hurried meanwhile
    const Duration pause = upkeep_(schedule_.now());
    next_upkeep_ = std::min(next_upkeep_, schedule_.now() + pause);
  }

 private:
  [[nodiscard]] bool has_turns() const {
    return std::ranges::any_of(schedule_.ready_, [this](const auto& ready) { return ready.executor == this; });
  }

  SeededSchedule& schedule_;
  const bool* const stands_still_;
  const SeededSchedule::Wait wait_;
  Upkeep upkeep_;
  Instant next_upkeep_ = Instant::never();
};

SeededSchedule::~SeededSchedule() { REKI_ASSERT(executors_.empty()); }

std::function<std::unique_ptr<Executor>()> SeededSchedule::executors(const bool* stands_still, Wait wait) {
  return [this, stands_still, wait = std::move(wait)]() -> std::unique_ptr<Executor> {
    return std::make_unique<SeededExecutor>(*this, stands_still, wait);
  };
}

bool SeededSchedule::step(Instant until) {
  const Instant next = collect_due();
  const std::size_t can_run = collect_ready();
  const std::size_t all = can_run + due_.size();
  if (all == 0) {
    if (next > until || next == Instant::never()) {
      now_ns_ = std::max(now_ns_, until == Instant::never() ? now_ns_ : until.ns);
      return false;
    }
    now_ns_ = next.ns;
    return true;
  }
  const std::uint64_t chosen = random_.below(all);
  remember(chosen << 32 | all);
  if (chosen >= can_run) {
    due_[chosen - can_run]->keep_up();
    return true;
  }
  const Ready ready = std::exchange(ready_[chosen], ready_.back());
  ready_.pop_back();
  run(ready);
  return true;
}

Instant SeededSchedule::collect_due() {
  due_.clear();
  Instant next = Instant::never();
  for (SeededExecutor* const executor : executors_) {
    if (executor->next_upkeep() <= now()) due_.push_back(executor);
    else next = std::min(next, executor->next_upkeep());
  }
  return next;
}

std::size_t SeededSchedule::collect_ready() {
  if (std::ranges::none_of(executors_, &SeededExecutor::stands_still)) return ready_.size();
  const auto rest = std::partition(ready_.begin(), ready_.end(), [](const Ready& r) { return !r.executor->stands_still(); });
  return static_cast<std::size_t>(rest - ready_.begin());
}

void SeededSchedule::run(const Ready& ready) {
  ++turns_;
  const bool before = std::exchange(detail::on_worker_thread, ready.pool == Executor::Pool::workers);
  ready.turn->run();
  detail::on_worker_thread = before;
  // Mostly some microseconds; now and then as long as a thread can be without a processor.
  const std::uint64_t longest = random_.below(128) == 0 ? 6'000'000 : 10'000;
  now_ns_ += static_cast<std::int64_t>(random_.below(longest));
}

void SeededSchedule::run_for(Duration time) {
  const Instant until = now() + time;
  while (now() < until && step(until)) {
  }
}

bool SeededSchedule::run_until(const std::function<bool()>& done, Duration at_most) {
  const Instant until = now() + at_most;
  while (!done()) {
    if (now() >= until || !step(until)) return false;
  }
  return true;
}

void SeededSchedule::remember(std::uint64_t what) {
  trace_ = SplitMix(trace_ ^ what ^ static_cast<std::uint64_t>(now_ns_) * 0x9e3779b97f4a7c15).next();
}

}  // namespace reki::sim
