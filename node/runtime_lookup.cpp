// Look-ups of live actors by callers that block for the answer: the one path on which nothing may cost anything. It is all
// in one file, so that the compiler sees it as a whole.
#include "reki/core/hash.hpp"
#include "reki/net/clock.hpp"
#include "reki/node/outputs.hpp"
#include "reki/node/runtime.hpp"

namespace reki {

// Into its one caller below; the compiler thinks it too long, and the call costs a tenth of the look-up.
[[gnu::always_inline]] inline Fence Runtime::find_live(std::string_view type_name, std::string_view key, const ReadSection& section) {
  const TypeEntry* type = find_type(type_name);
  if (type == nullptr || closing()) return {};
  // A lease is asked about by the clock itself. Without one the time is only for `used`, and a tick may be late.
  const Instant at = page_ != nullptr ? boot_time() : Instant{lately_.load(std::memory_order_relaxed)};
  if (!gate(at)) return {};
  const auto hash = hash_key(key, type->hash);
  Shard& shard = shard_of(hash);
  Activation* a = shard.table->find(hash, type->index, key);
  if (a == nullptr) return {};
  const Fence fence = a->live_fence();
  if (fence.value == 0) return {};
  // After the fence: of a slot that is let go, first the state changes, then its actors are closed.
  if (options_.tenancy && state_of(shard, slot_of(hash)) != SlotState::held) return {};
  lookups_.add(section);
  // Mostly it stands there already, and a cache line that is not written can be in every core's cache.
  if (type->keeps_use && a->used.load(std::memory_order_relaxed) < at.ns) a->used.store(at.ns, std::memory_order_relaxed);
  return fence;
}

Registry::Live LocalRegistry::find_live(std::string_view type, std::string_view key) {
  Outputs::release_before_blocking();
  const ReadSection section;
  return {runtime_.read(section).find_live(type, key, section), &node_};
}

}  // namespace reki
