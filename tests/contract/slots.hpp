#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "oracle.hpp"
#include "reki/node/registry/hosted_registry.hpp"

namespace reki::contract {

/// The slots of the keys that come and go, in the order in which a node's membership has them do so (MembershipDriver),
/// and the states that go with them. Each view leads to `expect` and `expect_only` there; here only the one that
/// changes something, since each looks at all slots.
class Slots {
 public:
  Slots(std::uint32_t keys, Oracle& oracle);

  /// All slots are here from now on.
  void begin(HostedRegistry& registry);
  [[nodiscard]] bool is_held(std::uint32_t key) const { return keys_[key].place == Place::held; }
  /// Held, lost, emptied (if it is), arriving, held again.
  void go_on(HostedRegistry& registry, std::uint32_t key);
  /// What still runs in a slot that was lost has no effect any more; after that its next owner goes on.
  void revoke(HostedRegistry& registry, std::uint32_t key);
  /// What is arriving is another's after all.
  void turn_back(HostedRegistry& registry, std::uint32_t key);
  /// The registry has begun anew with none.
  void start_over();
  /// Of those that were lost, one is not empty; among all, or among those in which there is no actor.
  [[nodiscard]] bool is_any_stuck(HostedRegistry& registry, bool without_actor) const;
  /// A state that an actor of this node has saved comes back with its slot.
  void keep(HandedOver state);

 private:
  struct Key {
    SlotId slot{};
    Place place = Place::held;
    bool revoked = false;
    std::optional<HandedOver> state;
  };
  [[nodiscard]] SlotSet owned() const;
  void enter(std::uint32_t key, Place place);
  [[nodiscard]] static SlotSet only(SlotId slot);

  Oracle& oracle_;
  std::vector<Key> keys_;
  std::uint32_t epoch_ = 0;
};

}  // namespace reki::contract
