#include "reki/node/actors/confirmations.hpp"

#include "reki/node/actors/actor_cell.hpp"

namespace reki {

bool Confirmations::tell(ActorCell& cell, std::uint64_t renewal, bool waits, const Gate& gate) {
  {
    const MutexLock lock(mutex_);
    if (is_granted(renewal) || cell.is_revoked() || gate.is_abandoned()) return false;
    cells_.insert_or_assign(&cell, Entry{renewal, waits});
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
  std::vector<ActorCell*> out;
  const MutexLock lock(mutex_);
  absl::erase_if(cells_, [&](const auto& each) {
    const auto& [cell, entry] = each;
    if (!all && !is_granted(entry.renewal)) return false;
    if (entry.waits || cell->push_wake()) out.push_back(cell);
    return true;
  });
  return out;
}

}  // namespace reki
