#pragma once

#include <vector>

#include "reki/node/registry/registry_watches.hpp"
#include "reki/node/registry/shards/shards.hpp"

namespace reki {

/// What the membership of a node tells its registry: slots that come and go, and how it is with the lease. Calls on one thread,
/// but for `arrive`.
///
/// All shards hear of it, one after the other; what each does with it stands in shard_slots.cpp.
class SlotMoves {
 public:
  SlotMoves(Shards& shards, RegistryWatches& watches) : shards_(shards), watches_(watches) {}

  /// A new view gives this node these slots: those that it did not have are arriving now. Call it before the view can
  /// bring requests here.
  void expect(const SlotSet& owned);
  /// And no others: what was arriving and is not among them is foreign now, and requests that wait for it are rerouted.
  /// REQUIRES: `ClusterHooks::reroute` goes by the new view already, or requests would come back here for ever.
  void expect_only(const SlotSet& owned);
  /// These slots are held from now on; starts in them have fences of this epoch.
  void gain(const SlotSet& slots, Epoch epoch);
  /// Their actors stop, and hand over what they have; new requests go elsewhere.
  void lose(const SlotSet& slots);
  /// What still runs in them has no effect from now on.
  void revoke(const SlotSet& slots);
  [[nodiscard]] bool is_empty(const SlotSet& slots);
  /// The lease has been extended after its end: suspended actors go on.
  void resume();
  /// A renewal of the lease has been granted: what was held for it leaves.
  void granted();
  /// A view has dropped this incarnation: nothing of the actors here runs or takes effect any more.
  void abandon();

  /// Keeps a state for the start of its key: `unavailable` if its slot is not on its way here. Any thread.
  [[nodiscard]] Result<void> arrive(HandedOver&& state);

 private:
  void schedule(const std::vector<ActorCell*>& cells);

  Shards& shards_;
  RegistryWatches& watches_;
};

}  // namespace reki
