// The runtime as a node's slots: slots that come and go, and a lease without which nothing runs.
#include <algorithm>

#include "reki/core/base/hash.hpp"
#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {

using State = Activation::State;

// Requests

bool Runtime::is_here_locked(Shard& shard, Request& request, Instant at, Effects& effects) {
  const auto refuse = [&](ErrorCode code, std::string text) {
    effects.answer(std::move(request.envelope ? request.envelope->done : request.done), Answer{Error{code, std::move(text)}});
    return false;
  };
  const bool is_the_end = gate.is_closing() && request.op == wire::Op::stop;  // stop_everything()
  if (is_the_end) return true;
  if (gate.is_abandoned()) return refuse(ErrorCode::unavailable, "the node was replaced, and joins anew");
  if (gate.is_closing()) return true;
  const SlotId slot = slot_of(request.hash);
  const SlotState state = state_of(shard, slot);
  if (state == SlotState::held) {
    // What nobody waits for, a timer's message or a plain send, waits itself until the lease goes on.
    const bool is_waited_for = request.envelope ? static_cast<bool>(request.envelope->done) : true;
    if (gate.is_open(at) || !is_waited_for) return true;
    return refuse(ErrorCode::unavailable, "no quorum: the node's lease is over and no coordinator extends it");
  }
  KeyName key{request.hash, request.type->index, std::string{request.key}};
  if (state == SlotState::foreign) {
    effects.reroute(std::move(key), envelope_of(std::move(request)));
    return false;
  }
  if (parked_.load(std::memory_order_relaxed) >= limits::parked_max) {
    return refuse(ErrorCode::overloaded, "too many requests wait for slots that are moving here");
  }
  parked_.fetch_add(1, std::memory_order_relaxed);
  shard.parked.push_back({std::move(key), envelope_of(std::move(request))});
  timers.hurry();
  return false;
}

void Runtime::reroute(const KeyName& key, EnvelopePtr request) const {
  options_.cluster_hooks->reroute(types_[key.type.value].type.name, key.key, std::move(request));
}

void Runtime::readmit(std::string_view type_name, std::string_view key, EnvelopePtr request) {
  TypeEntry* const type = find_type(type_name);
  if (auto error = check(type, type_name, key)) {
    if (request->done) request->done(Answer{std::move(*error)});
    return;
  }
  const KeyName name{hash_key(key, type->hash), type->index, std::string{key}};
  Shard& shard = shard_of(name.hash);
  Effects effects;
  {
    const std::lock_guard lock(shard.mutex);
    readmit_locked(shard, name, std::move(request), clock.now(), effects);
  }
  effects.run(*this);
}

template <class Chosen>
void Runtime::reroute_parked_locked(Shard& shard, Chosen chosen, Effects& effects) {
  for (std::size_t left = shard.parked.size(); left > 0; --left) {
    Shard::Parked parked = std::move(shard.parked.front());
    shard.parked.pop_front();
    if (chosen(parked)) {
      parked_.fetch_sub(1, std::memory_order_relaxed);
      effects.reroute(std::move(parked.key), std::move(parked.request));
    } else {
      shard.parked.push_back(std::move(parked));
    }
  }
}

void Runtime::expire_parked_locked(Shard& shard, Instant at, ErrorCode code, Effects& effects) {
  if (shard.parked.empty()) return;
  std::erase_if(shard.parked, [&](Shard::Parked& parked) {
    if (parked.request->deadline > at) return false;
    parked_.fetch_sub(1, std::memory_order_relaxed);
    effects.answer(std::move(parked.request->done), Answer{Error{code, "the key's slot was moving here"}});
    return true;
  });
}

// Slots

template <class Use>
void Runtime::for_each_slot(const SlotSet& slots, Use use) {
  for (std::uint32_t i = 0; i < shard_count; ++i) {
    Shard& shard = shards_[i];
    Effects effects;
    {
      const std::lock_guard lock(shard.mutex);
      for (std::uint32_t s = i; s < slot_count; s += shard_count) {
        const SlotId slot{static_cast<std::uint16_t>(s)};
        if (slots.contains(slot)) use(shard, slot, effects);
      }
    }
    effects.run(*this);
  }
}

void Runtime::expect(const SlotSet& owned) {
  for_each_slot(owned, [this](Shard& shard, SlotId slot, Effects&) {
    auto& state = state_of(shard, slot);
    if (state == SlotState::foreign) state = SlotState::arriving;
  });
}

void Runtime::expect_only(const SlotSet& owned) {
  for (std::uint32_t i = 0; i < shard_count; ++i) {
    Shard& shard = shards_[i];
    Effects effects;
    {
      const std::lock_guard lock(shard.mutex);
      for (std::uint32_t s = i; s < slot_count; s += shard_count) {
        const SlotId slot{static_cast<std::uint16_t>(s)};
        auto& state = state_of(shard, slot);
        if (state == SlotState::arriving && !owned.contains(slot)) state = SlotState::foreign;
      }
      const auto is_foreign = [&](const auto& at) { return state_of(shard, slot_of(at.key.hash)) == SlotState::foreign; };
      reroute_parked_locked(shard, is_foreign, effects);
      std::erase_if(shard.arrivals, is_foreign);
    }
    effects.run(*this);
  }
}

void Runtime::gain(const SlotSet& slots, Epoch epoch) {
  gain_watches(slots);  // before anybody can see that they are here
  for (std::uint32_t i = 0; i < shard_count; ++i) {
    Shard& shard = shards_[i];
    Effects effects;
    {
      const std::lock_guard lock(shard.mutex);
      for (std::uint32_t s = i; s < slot_count; s += shard_count) {
        const SlotId slot{static_cast<std::uint16_t>(s)};
        if (!slots.contains(slot)) continue;
        state_of(shard, slot) = SlotState::held;
        shard.table->acquire(slot, epoch);
      }
      // States first, so that the requests find the actors on their way.
      start_arrivals_locked(shard, effects);
      unpark_locked(shard, effects);
    }
    effects.run(*this);
  }
}

void Runtime::start_arrivals_locked(Shard& shard, Effects& effects) {
  std::erase_if(shard.arrivals, [&](Shard::Arrival& arrival) {
    if (state_of(shard, slot_of(arrival.key.hash)) != SlotState::held) return false;
    EnvelopePtr start{new LookupEnvelope};
    start->op = wire::Op::start;
    start->starts = true;
    start->args = std::move(arrival.args);
    readmit_locked(shard, arrival.key, std::move(start), clock.now(), effects);
    Activation* const a = shard.table->find(arrival.key.hash, arrival.key.type, arrival.key.key);
    if (a != nullptr && a->cell != nullptr) cell_of(*a).set_state(std::move(arrival.state));
    return true;
  });
}

void Runtime::unpark_locked(Shard& shard, Effects& effects) {
  auto parked = std::exchange(shard.parked, {});
  for (Shard::Parked& each : parked) {
    if (state_of(shard, slot_of(each.key.hash)) != SlotState::held) {
      shard.parked.push_back(std::move(each));
      continue;
    }
    parked_.fetch_sub(1, std::memory_order_relaxed);
    readmit_locked(shard, each.key, std::move(each.request), clock.now(), effects);
  }
}

void Runtime::lose(const SlotSet& slots) {
  for_each_slot(slots, [&](Shard& shard, SlotId slot, Effects& effects) { stop_slot_locked(shard, slot, effects); });
  resume();  // a start that stands still at the gate has to be told
}

void Runtime::stop_slot_locked(Shard& shard, SlotId slot, Effects& effects) {
  state_of(shard, slot) = SlotState::foreign;
  std::vector<KeyName> keys;
  for (Activation* a = shard.table->first_in(slot); a != nullptr; a = shard.table->next_in_slot(*a)) keys.push_back(name_of(*a));
  for (const KeyName& key : keys) {
    Request stop;
    stop.op = wire::Op::stop;
    stop.type = &types_[key.type.value];
    stop.hash = key.hash;
    stop.key = key.key;
    const auto verdict = shard.table->request(key.hash, key.type, key.key, stop, clock.now());
    using What = ActivationTable::Verdict::What;
    if (verdict.what == What::stop || verdict.what == What::wait) keep_locked(shard, verdict, std::move(stop), effects);
    else if (verdict.code == ErrorCode::overloaded) shard.table->stop_when_started(*verdict.activation);
  }
}

void Runtime::revoke(const SlotSet& slots) {
  for_each_slot(slots, [&](Shard& shard, SlotId slot, Effects&) {
    for (Activation* a = shard.table->first_in(slot); a != nullptr; a = shard.table->next_in_slot(*a)) {
      if (a->cell != nullptr) cell_of(*a).revoke();
    }
  });
  release_watches([&](std::uint64_t hash) { return slots.contains(slot_of(hash)); });
}

bool Runtime::is_empty(const SlotSet& slots) {
  for (std::uint32_t i = 0; i < shard_count; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    for (std::uint32_t s = i; s < slot_count; s += shard_count) {
      const SlotId slot{static_cast<std::uint16_t>(s)};
      if (slots.contains(slot) && shards_[i].table->first_in(slot) != nullptr) return false;
    }
  }
  return true;
}

StopReason Runtime::stop_reason_locked(const Shard& shard, SlotId slot) const {
  if (gate.is_closing()) return StopReason::closing;
  const bool moves = options_.cluster_hooks && shard.slots[slot.value / shard_count] != SlotState::held;
  return moves ? StopReason::moved : StopReason::stopped;
}

// Hand-over

Result<void> Runtime::arrive(HandedOver&& state) {
  TypeEntry* const type = find_type(state.type);
  if (auto error = check(type, state.type, state.key)) return tl::make_unexpected(std::move(*error));
  KeyName key{hash_key(state.key, type->hash), type->index, std::move(state.key)};
  Shard& shard = shard_of(key.hash);
  const std::lock_guard lock(shard.mutex);
  if (state_of(shard, slot_of(key.hash)) != SlotState::arriving) {
    return fail(ErrorCode::unavailable, "the key's slot is not on its way to this node");
  }
  shard.arrivals.push_back({std::move(key), std::move(state.args), std::move(state.state)});
  return {};
}

// The lease

void Runtime::probe_workers(SignOfLife& sign) {
  Turn* const turn = &sign;
  executor->schedule(std::span(&turn, 1), Executor::Pool::workers);
}

Duration Runtime::delay(Instant now, Duration step_max) {
  if (sign_of_life_.probe.ask(now)) probe_workers(sign_of_life_);
  return sign_of_life_.probe.owed(now, step_max);
}

Duration Runtime::backlog(Instant now, Duration step_max) {
  if (backlog_.probe.ask(now)) probe_workers(backlog_);
  return backlog_.probe.owed(now, step_max);
}

void Runtime::resume() {
  for (ActorCell* cell : gate.take_suspended()) schedule(*cell);
}

void Runtime::abandon() {
  gate.abandon();
  abandon_watches();
  for (Shard& shard : shards_) {
    Effects effects;
    {
      const std::lock_guard lock(shard.mutex);
      expire_parked_locked(shard, Instant::never(), ErrorCode::unavailable, effects);
      for (std::uint32_t slot = 0; slot < slot_count; ++slot) {
        if (&shard_of(slot) != &shard) continue;
        for (Activation* a = shard.table->first_in(SlotId{static_cast<std::uint16_t>(slot)}); a != nullptr; a = shard.table->next_in_slot(*a)) {
          if (a->cell != nullptr) cell_of(*a).revoke();
        }
      }
    }
    effects.run(*this);
  }
  resume();
}

}  // namespace reki
