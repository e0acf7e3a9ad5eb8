#pragma once

#include "reki/node/actors/executor.hpp"
#include "reki/node/support/progress_probe.hpp"

namespace reki {

/// Whether workers still take what they are given: a turn of its own that they have to run. One thread asks.
class TurnProbe final : private Turn {
 public:
  /// For how long it has been waiting that was queued at an earlier call; a pause between two calls counts as `step_max` at
  /// most. Call it again and again (ProgressProbe).
  [[nodiscard]] Duration owed(Executor& executor, Instant now, Duration step_max) {
    Turn* const turn = this;
    if (probe_.ask(now)) executor.schedule(std::span(&turn, 1), Executor::Pool::workers);
    return probe_.owed(now, step_max);
  }

 private:
  void run() override { probe_.answer(); }

  ProgressProbe probe_;
};

}  // namespace reki
