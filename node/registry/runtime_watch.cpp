// What watchers of keys and types are told by the runtime.
#include <algorithm>
#include <utility>

#include "reki/core/activation/activation_events.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {

// One type

template <class Decide>
void TypeWatches::decide(Effects& effects, Decide decide) {
  std::vector<WatchHub::Answered> answers;
  {
    const std::lock_guard lock(mutex_);
    decide(hub_, answers);
    wanted_.store(hub_.recording(), std::memory_order_relaxed);
  }
  for (auto& answered : answers) {
    Answer answer;
    if (answered.payload) {
      answer.payload = std::move(*answered.payload);
    } else {
      answer = Answer{std::move(answered.payload.error())};
    }
    effects.answer(std::move(static_cast<Question&>(*answered.question).done), std::move(answer));
  }
}

void TypeWatches::publish(WatchEvent event, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.publish(std::move(event), answers); });
}

void TypeWatches::ask(std::unique_ptr<Question> question, const WatchHub::Present& present, Instant now,
                      Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.ask(std::move(question), present, now, answers); });
}

void TypeWatches::tick(Instant now, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.tick(now, answers); });
}

void TypeWatches::release(const std::function<bool(std::uint64_t)>& chosen, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.release(chosen, answers); });
}

void TypeWatches::gain(const SlotSet& slots, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.gain(slots, answers); });
}

void TypeWatches::abandon(Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.abandon(answers); });
}

void TypeWatches::hold_back(Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto&) { hub.hold_back(); });
}

void TypeWatches::close(WatchEvent ended, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.close(std::move(ended), answers); });
}

// All of them

WatchReason watch_reason(StopReason reason) {
  switch (reason) {
    case StopReason::stopped:
      return WatchReason::stopped;
    case StopReason::stopped_self:
      return WatchReason::stopped_self;
    case StopReason::passivated:
      return WatchReason::passivated;
    case StopReason::closing:
      return WatchReason::closing;
    case StopReason::moved:
      return WatchReason::moved;
  }
  return WatchReason::none;
}

void Runtime::tell_start_locked(const Activation& a, bool again, Effects& effects) {
  TypeWatches& watches = types_[a.type.value].watches;
  if (!watches.wanted()) return;
  WatchEvent event = event_of_start(a, again);
  event.time_ms = clock.wall_ms();
  watches.publish(std::move(event), effects);
}

void Runtime::tell_end_locked(const Activation& a, WatchReason reason, std::string_view text, Effects& effects) {
  TypeWatches& watches = types_[a.type.value].watches;
  if (!watches.wanted()) return;
  WatchEvent event = event_of_end(a, reason, text, clock.now());
  event.time_ms = clock.wall_ms();
  watches.publish(std::move(event), effects);
}

void Runtime::watch(const WatchRequest& request, Completion done) {
  TypeEntry* const type = find_type(request.type);
  if (type == nullptr) {
    return done(Answer{Error{ErrorCode::unknown_type, "no factory of type '" + std::string{request.type} + "' here"}});
  }
  const Instant at = clock.now();
  auto question = std::make_unique<TypeWatches::Question>();
  question->key = request.key;
  question->hash = hash_key(request.key, type->hash);
  question->position = request.position;
  question->deadline = at + std::min<Duration>(request.wait, limits::watch_wait_max);
  question->done = std::move(done);
  Effects effects;
  if (request.key.empty()) {
    WatchHub::Present present;
    present.event.time_ms = clock.wall_ms();
    type->watches.ask(std::move(question), present, at, effects);
  } else {
    // Under the shard's lock nothing happens to the key, so that what is found is what the next event follows on.
    Shard& shard = shard_of(question->hash);
    const std::lock_guard lock(shard.mutex);
    const Activation* a = shard.table->find(question->hash, type->index, request.key);
    if (a != nullptr && is_revoked(*a)) a = nullptr;
    if (auto error = why_unknown_locked(shard, slot_of(question->hash), request, a, at)) {
      effects.answer(std::move(question->done), Answer{std::move(*error)});
    } else {
      type->watches.ask(std::move(question), present_of(request, a, at), at, effects);
    }
  }
  effects.run(*this);
}

bool Runtime::is_revoked(const Activation& a) { return a.cell != nullptr && cell_of(a).is_revoked(); }

/// Why this node cannot say how it is with a key: nothing if it can.
std::optional<Error> Runtime::why_unknown_locked(Shard& shard, SlotId slot, const WatchRequest& request, const Activation* a,
                                                 Instant at) const {
  if (!options_.cluster_hooks || request.other) return std::nullopt;
  if (a == nullptr && state_of(shard, slot) != SlotState::held) {
    return Error{ErrorCode::unavailable, "the key's slot is not here yet, or not any more"};
  }
  // Who has been told how it was may wait here for what comes.
  if (gate.is_open(at) || request.position.incarnation == options_.incarnation) return std::nullopt;
  return Error{ErrorCode::unavailable, "no quorum: the node's lease is over and no coordinator extends it"};
}

WatchHub::Present Runtime::present_of(const WatchRequest& request, const Activation* a, Instant at) const {
  WatchHub::Present out;
  if (request.other && !request.other->node.value.empty() && a == nullptr) {
    out.at_once = true;
    out.event.kind = WatchKind::moved;
    out.event.node = request.other->node;
    out.event.epoch = request.other->epoch;
  } else {
    out.event = present(a, request.key, at);
  }
  out.event.time_ms = clock.wall_ms();
  return out;
}

void Runtime::tick_watches(Instant at) {
  Effects effects;
  for (TypeEntry& type : types_) {
    if (type.watches.wanted()) type.watches.tick(at, effects);
  }
  effects.run(*this);
}

void Runtime::release_watches(const std::function<bool(std::uint64_t)>& chosen) {
  Effects effects;
  for (TypeEntry& type : types_) {
    if (type.watches.wanted()) type.watches.release(chosen, effects);
  }
  effects.run(*this);
}

void Runtime::gain_watches(const SlotSet& slots) {
  Effects effects;
  for (TypeEntry& type : types_) {
    if (type.watches.wanted()) type.watches.gain(slots, effects);
  }
  effects.run(*this);
}

void Runtime::abandon_watches() {
  Effects effects;
  for (TypeEntry& type : types_) type.watches.abandon(effects);
  effects.run(*this);
}

void Runtime::hold_back_watches() {
  Effects effects;
  for (TypeEntry& type : types_) type.watches.hold_back(effects);
}

void Runtime::end_watches_if_vacated() {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    if (std::ranges::any_of(shard.slots, [](SlotState s) { return s != SlotState::foreign; })) return;
    for (const TypeEntry& type : types_) {
      if (shard.table->count(type.index) != 0) return;
    }
  }
  close_watches();
}

void Runtime::close_watches() {
  Effects effects;
  WatchEvent ended;
  ended.kind = WatchKind::ended;
  ended.reason = WatchReason::closing;
  ended.time_ms = clock.wall_ms();
  for (TypeEntry& type : types_) type.watches.close(ended, effects);
  effects.run(*this);
}

}  // namespace reki
