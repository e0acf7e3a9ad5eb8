#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "reki/core/base/mutex.hpp"
#include "reki/core/membership/lease_ends.hpp"

namespace reki {

class ActorCell;
class Gate;

/// Which cells hold back what they have done until a renewal is granted that was sent after it began, and who tells them.
///
/// A cell waits here or goes on meanwhile: one that `waits` keeps its mark of being scheduled, as one that is suspended at
/// the gate does; another is idle, or runs on, and is sent a message to look again. It has to `forget` before it ends.
///
/// Any thread.
class Confirmations {
 public:
  /// `renewals`: null outside of a cluster.
  explicit Confirmations(const LeaseEnds* renewals) : renewals_(renewals) {}
  /// Whom to ask for a renewal that is to be granted soon. Before any cell runs.
  void ask_by(std::function<void(std::uint64_t renewal)> ask) { ask_ = std::move(ask); }

  /// The renewal whose grant confirms what begins now.
  [[nodiscard]] std::uint64_t next() const { return renewals_->sent.load(std::memory_order_seq_cst) + 1; }
  [[nodiscard]] bool is_granted(std::uint64_t renewal) const {
    return renewal == 0 || renewals_->granted.load(std::memory_order_acquire) >= renewal;
  }
  /// Has the cell told once this renewal is granted. False: it is already, or it is over with the cell.
  [[nodiscard]] bool tell(ActorCell& cell, std::uint64_t renewal, bool waits, const Gate& gate);
  void forget(ActorCell& cell);
  /// Those that are to be scheduled, since they were told: who has waited longest is the first. Call it after each grant; `all`:
  /// after what may end cells.
  [[nodiscard]] std::vector<ActorCell*> take(bool all);

 private:
  struct Entry {
    std::uint64_t renewal = 0;
    bool waits = false;
    std::uint64_t order = 0;
  };

  const LeaseEnds* const renewals_;
  std::function<void(std::uint64_t)> ask_;
  Mutex mutex_;
  absl::flat_hash_map<ActorCell*, Entry> cells_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t asked_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t told_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace reki
