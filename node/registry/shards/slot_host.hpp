#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "reki/core/base/hash.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/view/slot_set.hpp"
#include "reki/node/registry/shards/cluster_hooks.hpp"
#include "reki/node/registry/shards/request.hpp"

namespace reki {

/// What one shard knows of its slots: which are held, which are on their way here; the requests that wait for one that is on
/// its way, and the states that another node has handed over ahead of it.
///
/// A slot is foreign, then arriving, then held, and foreign again once it is lost; one that is not owned after all goes from
/// arriving to foreign. Its shard's lock is held, but for `holds`, which look-ups ask without. Without a cluster all slots are
/// held for ever.
class SlotHost {
 public:
  /// A state for the start of its key.
  struct Arrival {
    KeyName key;
    Bytes args;
    Bytes state;
  };

  /// How many shards the slots are shared out to; a constant, so that no look-up has to divide by it.
  static constexpr std::uint32_t shards = 64;

  /// Of the slots s with s mod shards == shard. `parked_in_all`: requests that wait in all shards of the registry.
  SlotHost(std::uint32_t shard, bool in_cluster, std::atomic<std::size_t>& parked_in_all);
  ~SlotHost();

  [[nodiscard]] bool holds(SlotId slot) const { return states_ == nullptr || state(slot) == SlotState::held; }
  /// REQUIRES: in a cluster.
  [[nodiscard]] SlotState state(SlotId slot) const { return states_[slot.value / shards].load(); }
  [[nodiscard]] bool are_all_foreign() const;

  // Slots. REQUIRES: in a cluster; the slots are this shard's.
  /// Those of them that are foreign are arriving.
  void expect(const SlotSet& owned);
  /// What is arriving and not among them is foreign, and its states are dropped.
  void expect_only(const SlotSet& owned);
  void hold(SlotId slot) { states_[slot.value / shards] = SlotState::held; }
  void lose(SlotId slot) { states_[slot.value / shards] = SlotState::foreign; }
  /// Calls `use(slot)` for those of `slots` that are this shard's.
  template <class Use>
  void each_of(const SlotSet& slots, Use use) const {
    for (std::uint32_t s = shard_; s < slot_count; s += shards) {
      const SlotId slot{static_cast<std::uint16_t>(s)};
      if (slots.contains(slot)) use(slot);
    }
  }

  // Requests

  /// Has it wait for its slot. False: too many wait (limits::parked_max), and it is still the caller's.
  [[nodiscard]] bool park(KeyName&& key, Request& request);
  [[nodiscard]] bool has_parked() const { return !parked_.empty(); }
  [[nodiscard]] std::size_t parked() const { return parked_.size(); }
  /// So many of those parked last are moved before all others, in their order: they were sent before the others of their key.
  void put_first(std::size_t last);
  /// In their order: those whose slots are held now; are foreign now; whose deadlines have passed.
  [[nodiscard]] std::vector<KeyedRequest> take_held();
  [[nodiscard]] std::vector<KeyedRequest> take_foreign();
  [[nodiscard]] std::vector<KeyedRequest> take_late(Instant now);

  // States

  /// False unless its slot is arriving.
  [[nodiscard]] bool keep(Arrival arrival);
  [[nodiscard]] std::vector<Arrival> take_arrived();

 private:
  [[nodiscard]] SlotState state_of(const KeyName& key) const { return state(slot_of(key.hash)); }
  template <class Chosen>
  std::vector<KeyedRequest> take(Chosen chosen);

  const std::uint32_t shard_;
  const std::unique_ptr<std::atomic<SlotState>[]> states_;  ///< Of slot s at s / shards; null: all are held.
  std::atomic<std::size_t>& parked_in_all_;
  std::deque<KeyedRequest> parked_;  ///< For slots that are arriving.
  std::vector<Arrival> arrivals_;    ///< Likewise.
};

}  // namespace reki
