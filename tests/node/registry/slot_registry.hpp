#pragma once

#include <memory>

#include "reki/core/view/slot_set.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/registry/shards/cluster_hooks.hpp"
#include "test_actors.hpp"

namespace test {

/// A registry of puppets whose slots come and go, as a node's do. It begins with none, and with a lease that never ends.
struct SlotRegistry {
  SlotRegistry() { page.set_lease_end(Instant::never()); }

  HostedOptions options() {
    auto cluster_hooks = std::make_shared<ClusterHooks>();
    cluster_hooks->page = &page;
    cluster_hooks->reroute = [](std::string_view, std::string_view, EnvelopePtr request) {
      if (request->done) request->done(Answer{Error{ErrorCode::wrong_node}});
    };
    cluster_hooks->hand_over = [](HandedOver) {};
    cluster_hooks->slot_emptied = [] {};
    HostedOptions out;
    out.node = NodeId{"n1"};
    out.incarnation = Incarnation{7};
    out.cluster_hooks = std::move(cluster_hooks);
    return out;
  }
  void own(const SlotSet& slots) {
    registry.expect(slots);
    registry.expect_only(slots);
  }
  void gain(Epoch epoch) {
    own(all);
    registry.gain(all, epoch);
  }
  void lose() {
    own(SlotSet{});
    registry.lose(all);
  }

  const SlotSet all = SlotSet::of([](std::size_t) { return true; });
  LeasePage page;
  Stage stage;
  HostedRegistry registry{puppets(stage), options()};
};

}  // namespace test
