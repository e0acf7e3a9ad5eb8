#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "reki/core/base/ids.hpp"

namespace reki {

/// The place of a member in its view's list, which is sorted by node id (bytewise).
using MemberIndex = std::uint16_t;
/// In a table: the slot has no owner (no member may own slots).
inline constexpr MemberIndex nobody = 0xffff;

/// Who owns each of the 16384 slots: a member index per slot. A plain value of 32 KiB.
///
/// Means something only together with the member list that its indices point into; `View` keeps the two together.
class SlotTable {
 public:
  SlotTable() { owners_.fill(nobody); }
  /// `nobody` also for a number that is no slot, so that a slot from the wire needs no check of its own.
  [[nodiscard]] MemberIndex owner(SlotId slot) const { return slot.value < slot_count ? owners_[slot.value] : nobody; }
  /// REQUIRES: `slot` is below `slot_count`.
  void assign(SlotId slot, MemberIndex member);
  [[nodiscard]] std::span<const MemberIndex, slot_count> entries() const { return owners_; }
  friend bool operator==(const SlotTable&, const SlotTable&) = default;

 private:
  std::array<MemberIndex, slot_count> owners_;
};

/// What `next_table` knows of a member of the next view.
struct SlotMember {
  NodeId id;
  std::uint32_t weight = 1;  ///< Relative share of the slots. 0: owns nothing.
  bool up = true;            ///< False (joining, leaving): owns nothing.
};

/// The slots that each member will own, in the order of `members`; `held` is what each has now, in the same order.
///
/// Share of member i = 16384 * weight / sum of weights over those that may own (up, weight > 0). Everyone gets the
/// whole part of the share. The L slots that are left go, one each, to members whose share has a fraction, in this
/// order: those that hold more than the whole part already (the extra slot then moves nothing), then the larger
/// fraction, then the smaller node id. So each target is within one slot of the share, and no other rounding moves
/// less. All 0 when nobody may own. REQUIRES: equal lengths.
[[nodiscard]] std::vector<std::uint32_t> slot_targets(std::span<const SlotMember> members,
                                                      std::span<const std::uint32_t> held);

/// The table of the next view. Pure and deterministic: equal arguments, equal table, on every machine.
///
/// `current` indexes `current_ids`, the node ids of the present view; the result indexes the ids of `members` sorted
/// bytewise. `members` may come in any order; it makes no difference. Precisely:
/// 1. held(i) = the slots that i owns in `current` (by node id). target(i) as `slot_targets` says.
/// 2. The free slots are those without an owner, those whose owner has no target (departed, not up, weight 0), and of
///    each member above its target the held - target slots that have the lowest `rendezvous_score` for that member.
///    Of equal scores, the lower slot goes.
/// 3. The free slots, in ascending order, each go to the member with the highest rendezvous score for it among those
///    still below target. Of equal scores, the smaller node id wins.
///
/// Hence: everyone owns exactly its target; nobody both gains and loses; the slots that change owner are
/// 16384 - sum of min(held, target), which is the least that any table so balanced can do; and an unchanged membership
/// changes nothing. It works on node ids: that a restarted node (same id, new incarnation) takes its slots anew is the
/// membership machine's to know.
///
/// Cost for 1000 nodes: up to 3 ms (from nothing, or 500 joining at once), 0.4 ms for one that joins or leaves.
/// REQUIRES: ids are unique in each list; fewer than 65535 of each.
[[nodiscard]] SlotTable next_table(const SlotTable& current, std::span<const NodeId> current_ids,
                                   std::span<const SlotMember> members);

}  // namespace reki
