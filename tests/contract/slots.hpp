#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
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
  /// The view gives it to another node, or it is on its way there.
  [[nodiscard]] bool is_elsewhere(std::string_view key) const;
  [[nodiscard]] bool is_held(std::string_view key) const { return find(key).place == Place::held && !find(key).comes; }
  /// What still runs in a slot that was lost has no effect any more; after that its next owner goes on. False: it is
  /// not.
  bool revoke(HostedRegistry& registry, std::uint32_t key);
  /// What is arriving is another's after all. False: it is not.
  bool turn_back(HostedRegistry& registry, std::uint32_t key);
  /// All are lost; after some time those that are not empty are revoked.
  void lose_all(HostedRegistry& registry);
  void revoke_all(HostedRegistry& registry);
  /// The registry has begun anew with none.
  void start_over();
  /// Of those that were lost, one is not empty; among all, or among those in which there is no actor.
  [[nodiscard]] bool is_any_stuck(HostedRegistry& registry, bool without_actor) const;
  /// A state that an actor of this node has saved comes back with its slot.
  void keep(HandedOver state);

 private:
  struct Slot {
    std::string name;  ///< The key's.
    SlotId slot{};
    Place place = Place::held;
    bool revoked = false;
    bool comes = false;  ///< Just now: the registry does not hold it yet.
    std::optional<HandedOver> state;
  };
  [[nodiscard]] SlotSet owned() const;
  [[nodiscard]] const Slot& find(std::string_view key) const;
  static void release_watches(HostedRegistry& registry, SlotId slot);
  void enter(std::uint32_t key, Place place);
  [[nodiscard]] static SlotSet only(SlotId slot);

  Oracle& oracle_;
  std::vector<Slot> keys_;
  std::uint32_t epoch_ = 0;
};

}  // namespace reki::contract
