// Slots that come and go, in one shard.
#include <vector>

#include "reki/node/registry/shards/shard.hpp"

namespace reki {

void Shard::expect(const SlotSet& owned) {
  slots_.expect(owned);
}

void Shard::expect_only(const SlotSet& owned, Effects& effects) {
  slots_.expect_only(owned);
  for (KeyedRequest& parked : slots_.take_foreign()) effects.reroute(std::move(parked.key), std::move(parked.request));
}

void Shard::gain(const SlotSet& slots, Epoch epoch, Effects& effects) {
  slots_.each_of(slots, [&](SlotId slot) {
    slots_.hold(slot);
    table_->acquire(slot, epoch);
  });
  const Clock clock = context_.host.clock;
  // States first, so that the requests find the actors on their way.
  for (SlotHost::Arrival& arrival : slots_.take_arrived()) {
    EnvelopePtr start{new LookupEnvelope};
    start->op = wire::Op::start;
    start->starts = true;
    start->args = std::move(arrival.args);
    readmit(arrival.key, std::move(start), clock.now(), effects);
    const Activation* const a = find(arrival.key.hash, arrival.key.type, arrival.key.key);
    if (a != nullptr && a->cell != nullptr) cell_of(*a).set_state(std::move(arrival.state));
  }
  for (KeyedRequest& parked : slots_.take_held()) readmit(parked.key, std::move(parked.request), clock.now(), effects);
}

void Shard::lose(const SlotSet& slots, Effects& effects) {
  slots_.each_of(slots, [&](SlotId slot) {
    mutex_.assert_held();
    slots_.lose(slot);
    stop_slot(slot, effects);
  });
}

void Shard::stop_slot(SlotId slot, Effects& effects) {
  using What = ActivationTable::Verdict::What;
  std::vector<KeyName> keys;
  for (Activation* a = first_in(slot); a != nullptr; a = next_in_slot(*a)) keys.push_back(name_of(*a));
  for (const KeyName& key : keys) {
    Request stop;
    stop.op = wire::Op::stop;
    stop.type = &context_.types[key.type];
    stop.hash = key.hash;
    stop.key = key.key;
    const auto verdict = table_->request(key.hash, key.type, key.key, stop, context_.host.clock.now());
    if (verdict.what == What::stop || verdict.what == What::wait) keep(verdict, std::move(stop), effects);
    else if (verdict.code == ErrorCode::overloaded) table_->stop_when_started(*verdict.activation);
  }
}

void Shard::revoke(const SlotSet& slots) {
  slots_.each_of(slots, [this](SlotId slot) {
    mutex_.assert_held();
    for (Activation* a = first_in(slot); a != nullptr; a = next_in_slot(*a)) {
      if (a->cell == nullptr) continue;
      cell_of(*a).revoke();
      may_have_revoked_ = true;
    }
  });
}

void Shard::abandon(Effects& effects) {
  expire_parked(Instant::never(), ErrorCode::unavailable, effects);
  each_entry([](const Activation& a) {
    if (a.cell != nullptr) cell_of(a).revoke();
  });
}

Result<void> Shard::arrive(SlotHost::Arrival arrival) {
  if (slots_.keep(std::move(arrival))) return {};
  return fail(ErrorCode::unavailable, "the key's slot is not on its way to this node");
}

bool Shard::is_empty(const SlotSet& slots) const {
  bool out = true;
  slots_.each_of(slots, [&](SlotId slot) { out = out && table_->first_in(slot) == nullptr; });
  return out;
}

bool Shard::is_vacated() const { return slots_.are_all_foreign() && size() == 0; }

}  // namespace reki
