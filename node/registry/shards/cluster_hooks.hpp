#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "reki/actor/envelope.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/node/guard/lease_page.hpp"

namespace reki {

/// Whether this registry may start and run actors of a slot.
enum class SlotState : std::uint8_t {
  foreign,   ///< Another node's, or nobody's.
  arriving,  ///< This node's by the view, but its last owner may not have let go yet: requests wait.
  held,
};

/// The state of an actor on its way to its key's next owner.
struct HandedOver {
  std::string type;
  std::string key;
  Bytes args;   ///< Of its first start.
  Bytes state;  ///< What `save` gave.
};

/// How a registry that is part of a cluster is tied to it. Called on any thread, without a lock held; must not block.
struct ClusterHooks {
  /// Has the end of the node's lease: from then on nothing of an actor runs, and nothing leaves.
  const LeasePage* page = nullptr;
  /// A request for a key of a slot that is not here: it goes on elsewhere.
  std::function<void(std::string_view type, std::string_view key, EnvelopePtr request)> reroute;
  /// To be brought to the key's new owner, if it can be; counts as not yet stopped until then.
  std::function<void(HandedOver)> hand_over;
  /// The last actor of a slot that was lost is gone.
  std::function<void()> slot_emptied;
  /// Something is held until this renewal of the node's lease is granted.
  std::function<void(std::uint64_t renewal)> want_granted{};
};

}  // namespace reki
