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
    keys_.emplace_back().slot = slot_of(hash_key(name_of_key(key), hash_type(type_names[type_of_key(key)], 0)));
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
  for (const Key& key : keys_) {
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
  for (const Key& key : keys_) all.insert(key.slot);
  registry.gain(all, Epoch{++epoch_});
}

void Slots::go_on(HostedRegistry& registry, std::uint32_t number) {
  Key& key = keys_[number];
  const SlotSet slot = only(key.slot);
  switch (key.place) {
    case Place::held:
      enter(number, Place::lost);
      key.revoked = false;
      return registry.lose(slot);
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
      return registry.gain(slot, Epoch{++epoch_});
  }
}

void Slots::revoke(HostedRegistry& registry, std::uint32_t number) {
  Key& key = keys_[number];
  if (key.place != Place::lost) return;
  key.revoked = true;
  oracle_.revoked(number);
  registry.revoke(only(key.slot));
}

void Slots::turn_back(HostedRegistry& registry, std::uint32_t number) {
  if (keys_[number].place != Place::arriving) return;
  enter(number, Place::emptied);
  registry.expect_only(owned());
}

void Slots::start_over() {
  for (Key& key : keys_) key.place = Place::emptied;
}

bool Slots::is_any_stuck(HostedRegistry& registry, bool without_actor) const {
  for (std::uint32_t number = 0; number < keys_.size(); ++number) {
    const Key& key = keys_[number];
    if (key.place != Place::lost || (without_actor && oracle_.has_actor(number))) continue;
    if (!registry.is_empty(only(key.slot))) return true;
  }
  return false;
}

void Slots::keep(HandedOver state) {
  std::uint64_t number = 0;
  std::from_chars(state.state.data(), state.state.data() + state.state.size(), number);
  oracle_.state_handed_over(number);
  for (std::uint32_t key = 0; key < keys_.size(); ++key) {
    if (name_of_key(key) == state.key) keys_[key].state = std::move(state);
  }
}

}  // namespace reki::contract
