#include "reki/node/registry/slot_moves.hpp"

#include <algorithm>
#include <utility>

namespace reki {

void SlotMoves::expect(const SlotSet& owned) {
  shards_.each([&](Shard& shard, Effects&) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) { shard.expect(owned); });
}

void SlotMoves::expect_only(const SlotSet& owned) {
  shards_.each([&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    shard.expect_only(owned, effects);
  });
}

void SlotMoves::gain(const SlotSet& slots, Epoch epoch) {
  watches_.gain(slots);  // before anybody can see that they are here
  shards_.each([&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    shard.gain(slots, epoch, effects);
  });
}

void SlotMoves::lose(const SlotSet& slots) {
  shards_.each([&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) { shard.lose(slots, effects); });
  resume();  // a start that stands still at the gate has to be told
}

void SlotMoves::revoke(const SlotSet& slots) {
  shards_.each([&](Shard& shard, Effects&) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) { shard.revoke(slots); });
  watches_.release([&](std::uint64_t hash) { return slots.contains(slot_of(hash)); });
  schedule(shards_.host().confirmations.take(true));  // what they hold is dropped
}

bool SlotMoves::is_empty(const SlotSet& slots) {
  return std::all_of(shards_.begin(), shards_.end(), [&](Shard& shard) {
    const MutexLock lock(shard.mutex());
    return shard.is_empty(slots);
  });
}

void SlotMoves::resume() {
  schedule(shards_.host().gate.take_suspended());
  schedule(shards_.host().confirmations.take(true));
}

void SlotMoves::granted() { schedule(shards_.host().confirmations.take(false)); }

void SlotMoves::schedule(const std::vector<ActorCell*>& cells) {
  if (!cells.empty()) shards_.host().schedule(cells);
}

void SlotMoves::abandon() {
  shards_.host().gate.abandon();
  watches_.abandon();
  shards_.each([](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) { shard.abandon(effects); });
  resume();
}

Result<void> SlotMoves::arrive(HandedOver&& state) {
  const TypeEntry* const type = shards_.types().find(state.type);
  if (auto error = check(shards_.host(), type, state.type)) return tl::make_unexpected(std::move(*error));
  KeyName key{hash_key(state.key, type->hash), type->index, std::move(state.key)};
  const std::uint64_t hash = key.hash;
  return shards_.with(hash, [&](Shard& shard, Effects&) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    return shard.arrive({std::move(key), std::move(state.args), std::move(state.state)});
  });
}

}  // namespace reki
