#pragma once

#include <memory>
#include <vector>

#include "reki/core/activation/activation_index.hpp"
#include "reki/core/base/mutex.hpp"
#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/support/rcu/read_section.hpp"

namespace reki {

/// What can be found no more and waits for its RCU grace period: until nobody can still be reading it.
///
/// Two generations: what has been collected, and what was collected before the period that is running. So each thing waits for
/// one or two calls of `reclaim`, and one period at a time is enough.
class Reclaimer {
 public:
  /// Any thread.
  void retire(std::vector<std::unique_ptr<ActorCell>> cells);

  // The thread of the upkeep.
  void retire(RetiredActivations&& entries) { collected_.entries.append(std::move(entries)); }
  /// Destroys what has waited long enough, and has the rest wait.
  void reclaim();

 private:
  struct Generation {
    RetiredActivations entries;
    std::vector<std::unique_ptr<ActorCell>> cells;
    [[nodiscard]] bool empty() const { return entries.empty() && cells.empty(); }
  };

  Mutex mutex_;
  std::vector<std::unique_ptr<ActorCell>> cells_ ABSL_GUARDED_BY(mutex_);
  Generation collected_;
  Generation waiting_;
  RcuGracePeriod until_ = RcuGracePeriod::begin();  ///< `waiting_` is destroyed once it is over.
};

}  // namespace reki
