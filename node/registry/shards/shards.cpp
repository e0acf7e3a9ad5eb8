#include "reki/node/registry/shards/shards.hpp"

namespace reki {

Shards::Shards(CellHost& host, RegistryTypes& types, const ClusterHooks* hooks)
    : context_{.host = host, .types = types, .hooks = hooks}, all_(make(context_, std::make_index_sequence<Shard::count>{})) {}

void Shards::reroute(const KeyName& key, EnvelopePtr request) const {
  hooks()->reroute(types()[key.type].type.name, key.key, std::move(request));
}

void Shards::passivate_oldest(TypeEntry& type) {
  // The oldest of each shard's oldest. Between looking and taking another may have become the oldest; that is as good.
  for (int tries = 0; tries < 4; ++tries) {
    Shard* oldest_shard = nullptr;
    std::int64_t oldest_use = INT64_MAX;
    for (Shard& shard : all_) {
      const MutexLock lock(shard.mutex());
      const Activation* const a = shard.least_recently_used(type);
      if (a == nullptr || a->listed_use >= oldest_use) continue;
      oldest_use = a->listed_use;
      oldest_shard = &shard;
    }
    if (oldest_shard == nullptr) return;
    Effects effects;
    auto passivate = [&](Shard& shard, Effects& out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
      Activation* const a = shard.least_recently_used(type);
      return a != nullptr && shard.passivate(*a, host().clock.now(), out);
    };
    const bool done = decide_locked(*oldest_shard, effects, passivate);
    effects.run(*this);
    if (done) return;
  }
}

std::size_t Shards::size() {
  std::size_t out = 0;
  for (Shard& shard : all_) {
    const MutexLock lock(shard.mutex());
    out += shard.size();
  }
  return out;
}

std::uint64_t Shards::lookups() {
  std::uint64_t out = 0;
  for (Shard& shard : all_) {
    const MutexLock lock(shard.mutex());
    out += shard.lookups();
  }
  return out;
}

}  // namespace reki
