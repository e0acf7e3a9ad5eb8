#include "reki/node/actors/confirmations.hpp"

#include <algorithm>

#include "reki/node/actors/actor_cell.hpp"

namespace reki {

bool Confirmations::tell(ActorCell& cell, std::uint64_t renewal, bool waits, const Gate& gate) {
  {
    const MutexLock lock(mutex_);
    if (is_granted(renewal) || cell.is_revoked() || gate.is_abandoned()) return false;
    cells_.insert_or_assign(&cell, Entry{renewal, waits, ++told_});
    if (asked_ >= renewal) return true;
    asked_ = renewal;
  }
  if (ask_) ask_(renewal);
  return true;
}

void Confirmations::forget(ActorCell& cell) {
  const MutexLock lock(mutex_);
  cells_.erase(&cell);
}

/// A cell that does not wait is told under the lock: after `forget` it may be gone.
std::vector<ActorCell*> Confirmations::take(bool all) {
  std::vector<std::pair<std::uint64_t, ActorCell*>> told;
  {
    const MutexLock lock(mutex_);
    absl::erase_if(cells_, [&](const auto& each) {
      const auto& [cell, entry] = each;
      if (!all && !is_granted(entry.renewal)) return false;
      if (entry.waits || cell->push_wake()) told.emplace_back(entry.order, cell);
      return true;
    });
  }
  std::ranges::sort(told);  // the table's own order is by address
  std::vector<ActorCell*> out;
  out.reserve(told.size());
  for (const auto& [order, cell] : told) out.push_back(cell);
  return out;
}

}  // namespace reki
