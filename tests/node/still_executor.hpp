#pragma once

#include <vector>

#include "reki/node/actors/executor.hpp"

namespace test {

/// An executor that runs nothing by itself: a test looks at what it was given, and takes the turns.
struct StillExecutor final : reki::Executor {
  StillExecutor() : Executor(reki::Clock(now_ns)) {}
  void start(Upkeep, std::weak_ptr<void>) override {}
  void schedule(std::span<reki::Turn* const> turns, Pool) override { waiting.insert(waiting.end(), turns.begin(), turns.end()); }
  void schedule_last(reki::Turn* turn, Pool) override { waiting.push_back(turn); }
  void hurry() override { ++hurried; }
  bool watch(reki::Instant) override { return !waiting.empty(); }
  bool stop(reki::Instant) override { return waiting.empty(); }
  bool wait_until(const std::function<bool()>& done, reki::Instant) override { return done(); }

  std::int64_t now_ns = 3'600'000'000'000;
  std::vector<reki::Turn*> waiting;
  int hurried = 0;
};

}  // namespace test
