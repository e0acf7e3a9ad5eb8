#include "reki/node/registry/registry_watches.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/activation/activation_events.hpp"
#include "reki/node/registry/shards/request.hpp"

namespace reki {

void RegistryWatches::ask(const WatchRequest& request, Completion done) {
  TypeEntry* const type = shards_.types().find(request.type);
  if (type == nullptr) {
    return done(Answer{unknown_type(shards_.host(), request.type)});
  }
  const Instant at = shards_.host().clock.now();
  auto question = std::make_unique<TypeWatches::Question>();
  question->key = request.key;
  question->hash = hash_key(request.key, type->hash);
  question->position = request.position;
  question->deadline = at + std::min<Duration>(request.wait, limits::watch_wait_max);
  question->done = std::move(done);
  if (request.key.empty()) {
    Effects effects;
    WatchHub::Present present;
    present.event.time_ms = shards_.host().clock.wall_ms();
    type->watches.ask(std::move(question), present, at, effects);
    return effects.run(shards_);
  }
  // Under the shard's lock nothing happens to the key, so that what is found is what the next event follows on.
  shards_.with(question->hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    const Activation* a = shard.find(question->hash, type->index, request.key);
    const bool is_revoked = a != nullptr && a->cell != nullptr && cell_of(*a).is_revoked();
    if (is_revoked) a = nullptr;
    if (auto error = why_unknown(shard, slot_of(question->hash), request, a, at)) {
      return effects.answer(std::move(question->done), Answer{std::move(*error)});
    }
    type->watches.ask(std::move(question), present_of(request, a, at), at, effects);
  });
}

/// Why this node cannot say how it is with a key: nothing if it can.
std::optional<Error> RegistryWatches::why_unknown(const Shard& shard, SlotId slot, const WatchRequest& request,
                                                  const Activation* a, Instant at) const {
  if (request.other) return std::nullopt;
  if (a == nullptr && !shard.holds(slot)) {
    return Error{ErrorCode::unavailable, "the key's slot is not here yet, or not any more"};
  }
  // Who has been told how it was may wait here for what comes.
  if (shards_.host().gate.lasts(at) || request.position.incarnation == incarnation_) return std::nullopt;
  return without_lease(shards_.host().gate);
}

WatchHub::Present RegistryWatches::present_of(const WatchRequest& request, const Activation* a, Instant at) const {
  WatchHub::Present out;
  if (request.other && !request.other->node.value.empty() && a == nullptr) {
    out.at_once = true;
    out.event.kind = WatchKind::moved;
    out.event.node = request.other->node;
    out.event.epoch = request.other->epoch;
  } else {
    out.event = present(a, request.key, at);
  }
  out.event.time_ms = shards_.host().clock.wall_ms();
  return out;
}

template <class Tell>
void RegistryWatches::tell_wanted(Tell tell) {
  Effects effects;
  for (TypeEntry& type : shards_.types()) {
    if (type.watches.wanted()) tell(type.watches, effects);
  }
  effects.run(shards_);
}

void RegistryWatches::tick(Instant at) {
  tell_wanted([at](TypeWatches& watches, Effects& effects) { watches.tick(at, effects); });
}

void RegistryWatches::release(const std::function<bool(std::uint64_t)>& chosen) {
  tell_wanted([&](TypeWatches& watches, Effects& effects) { watches.release(chosen, effects); });
}

void RegistryWatches::gain(const SlotSet& slots) {
  tell_wanted([&](TypeWatches& watches, Effects& effects) { watches.gain(slots, effects); });
}

void RegistryWatches::abandon() {
  Effects effects;
  for (TypeEntry& type : shards_.types()) type.watches.abandon(effects);
  effects.run(shards_);
}

void RegistryWatches::hold_back() {
  Effects effects;
  for (TypeEntry& type : shards_.types()) type.watches.hold_back(effects);
}

void RegistryWatches::close_if_vacated() {
  const auto is_vacated = [](Shard& shard) {
    const MutexLock lock(shard.mutex());
    return shard.is_vacated();
  };
  if (std::all_of(shards_.begin(), shards_.end(), is_vacated)) close();
}

void RegistryWatches::close() {
  Effects effects;
  WatchEvent ended;
  ended.kind = WatchKind::ended;
  ended.reason = WatchReason::closing;
  ended.time_ms = shards_.host().clock.wall_ms();
  for (TypeEntry& type : shards_.types()) type.watches.close(ended, effects);
  effects.run(shards_);
}

}  // namespace reki
