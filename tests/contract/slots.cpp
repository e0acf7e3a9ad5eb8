#include "slots.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/hash.hpp"

namespace reki::contract {

Slots::Slots(std::uint32_t keys, Oracle& oracle) : oracle_(oracle) {
  SlotSet all;
  for (std::uint32_t key = 0; key < keys; ++key) {
    const std::string name = name_of_key(key);
    Slot& slot = keys_.emplace_back();
    slot.name = name;
    slot.slot = slot_of(hash_key(name, hash_type(type_names[type_of_key(key)], 0)));
    all.insert(keys_.back().slot);
  }
  REKI_ASSERT(all.size() == keys);  // so that each moves by itself
}

SlotSet Slots::only(SlotId slot) {
  SlotSet out;
  out.insert(slot);
  return out;
}

SlotSet Slots::owned() const {
  SlotSet out;
  for (const Slot& key : keys_) {
    if (key.place == Place::held || key.place == Place::arriving) out.insert(key.slot);
  }
  return out;
}

void Slots::enter(std::uint32_t key, Place place) {
  keys_[key].place = place;
  oracle_.slot(key, place);
}

void Slots::begin(HostedRegistry& registry) {
  registry.expect(owned());
  SlotSet all;
  for (const Slot& key : keys_) all.insert(key.slot);
  registry.gain(all, Epoch{++epoch_});
}

void Slots::go_on(HostedRegistry& registry, std::uint32_t number) {
  Slot& key = keys_[number];
  const SlotSet slot = only(key.slot);
  switch (key.place) {
    case Place::held:
      enter(number, Place::lost);
      key.revoked = false;
      registry.lose(slot);
      return release_watches(registry, key.slot);
    case Place::lost:
      if (key.revoked || registry.is_empty(slot)) return enter(number, Place::emptied);
      if (!oracle_.has_actor(number) && oracle_.was_long_ago(number)) {
        oracle_.break_rule(Rule::nothing_left,
                           "the slot of " + name_of_key(number) + " was lost long ago, and is not empty");
      }
      return;
    case Place::emptied:
      enter(number, Place::arriving);
      registry.expect(owned());
      if (key.state) (void)registry.arrive(std::move(*std::exchange(key.state, std::nullopt)));
      return;
    case Place::arriving:
      enter(number, Place::held);
      key.comes = true;
      registry.gain(slot, Epoch{++epoch_});
      key.comes = false;
      return;
  }
}

/// As a node does whose view says that they are another's (RequestServer::set_view).
void Slots::release_watches(HostedRegistry& registry, SlotId slot) {
  registry.release_watches([slot](std::uint64_t hash) { return slot_of(hash) == slot; });
}

const Slots::Slot& Slots::find(std::string_view key) const {
  return *std::ranges::find(keys_, key, [](const Slot& each) { return std::string_view(each.name); });
}

bool Slots::is_elsewhere(std::string_view key) const {
  const Place place = find(key).place;
  return place == Place::lost || place == Place::emptied;
}

bool Slots::revoke(HostedRegistry& registry, std::uint32_t number) {
  Slot& key = keys_[number];
  if (key.place != Place::lost) return false;
  key.revoked = true;
  oracle_.revoked(number);
  registry.revoke(only(key.slot));
  return true;
}

bool Slots::turn_back(HostedRegistry& registry, std::uint32_t number) {
  if (keys_[number].place != Place::arriving) return false;
  enter(number, Place::emptied);
  registry.expect_only(owned());
  release_watches(registry, keys_[number].slot);
  return true;
}

void Slots::lose_all(HostedRegistry& registry) {
  for (std::uint32_t number = 0; number < keys_.size(); ++number) {
    (void)turn_back(registry, number);
    if (is_held(number)) go_on(registry, number);
  }
}

void Slots::revoke_all(HostedRegistry& registry) {
  for (std::uint32_t number = 0; number < keys_.size(); ++number) {
    if (!registry.is_empty(only(keys_[number].slot))) (void)revoke(registry, number);
  }
}

void Slots::start_over() {
  for (Slot& key : keys_) key.place = Place::emptied;
}

bool Slots::is_any_stuck(HostedRegistry& registry, bool without_actor) const {
  for (std::uint32_t number = 0; number < keys_.size(); ++number) {
    const Slot& key = keys_[number];
    if (key.place != Place::lost || (without_actor && oracle_.has_actor(number))) continue;
    if (!registry.is_empty(only(key.slot))) return true;
  }
  return false;
}

void Slots::keep(HandedOver state) {
  std::uint64_t number = 0;
  std::from_chars(state.state.data(), state.state.data() + state.state.size(), number);
  oracle_.state_handed_over(number);
  for (Slot& key : keys_) {
    if (key.name != state.key) continue;
    key.state = std::move(state);
    return;
  }
}

}  // namespace reki::contract
