#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "operations.hpp"
#include "oracle.hpp"
#include "reki/actor/registry.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "seeded_schedule.hpp"
#include "slots.hpp"

namespace reki::contract {

/// One node's registry as it is in production, on virtual time; the callers around it, and the oracle that sees both.
class World {
 public:
  World(const Story& story, bool prints);
  ~World();

  sim::SeededSchedule schedule;
  LeasePage page;
  Oracle oracle;
  std::unique_ptr<HostedRegistry> registry;
  Slots slots;
  std::function<void(Duration)> meanwhile;  ///< What else goes on while a function runs that takes so long.

  /// Time passes in the function that runs.
  void pass(std::uint32_t us);

  // Requests of this process. What they ask is known to the oracle before.
  /// The arguments of a start for `ask`, which may be a repeat.
  [[nodiscard]] static Args args_of(const Ask& ask, const Operation& o);
  [[nodiscard]] static Work work_of(const Ask& ask, const Operation& o);
  [[nodiscard]] static Submission submission_of(const Ask& ask, const Operation& o);
  /// Where its answer goes. `then_start`: a start of the same key is asked for at once.
  [[nodiscard]] Completion answer_to(Ask& ask, bool then_start = false);
  void answered(std::uint32_t ask, Answer&& answer);
  /// One that is made by the registry's typed calls.
  template <class T>
  void answered(std::uint32_t ask, const Result<T>& result, Fence fence, bool started);
  void start_at_once(std::uint32_t key);

 private:
  [[nodiscard]] Factories factories(const Story& story);
  [[nodiscard]] HostedOptions options();
};

template <class T>
void World::answered(std::uint32_t ask, const Result<T>& result, Fence fence, bool started) {
  Outcome outcome;
  std::optional<Done> done;
  if (!result) {
    outcome.code = result.error().code;
    outcome.text = result.error().text;
  }
  outcome.fence = fence;
  outcome.started = started;
  if constexpr (std::is_same_v<T, Done>) {
    if (result) done = *result;
  }
  oracle.answered(ask, outcome, done);
}

}  // namespace reki::contract
