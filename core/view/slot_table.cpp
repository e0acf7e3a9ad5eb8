#include "reki/core/view/slot_table.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/hash.hpp"

namespace reki {
namespace {

std::vector<SlotMember> sorted_by_id(std::span<const SlotMember> members) {
  std::vector<SlotMember> sorted(members.begin(), members.end());
  std::ranges::sort(sorted, {}, &SlotMember::id);
  REKI_ASSERT(sorted.size() < nobody);
  REKI_ASSERT(std::ranges::adjacent_find(sorted, {}, &SlotMember::id) == sorted.end());
  return sorted;
}

/// The weight that counts: that of a member which may own slots.
std::uint64_t owning_weight(const SlotMember& m) { return m.up ? m.weight : 0; }

/// Per entry of the old list, its place in the new one, or nobody.
std::vector<MemberIndex> places_in(std::span<const SlotMember> sorted, std::span<const NodeId> old_ids) {
  std::vector<MemberIndex> places;
  places.reserve(old_ids.size());
  for (const NodeId& id : old_ids) {
    const auto it = std::ranges::lower_bound(sorted, id, {}, &SlotMember::id);
    const bool stays = it != sorted.end() && it->id == id;
    places.push_back(stays ? static_cast<MemberIndex>(it - sorted.begin()) : nobody);
  }
  return places;
}

/// `table` with its indices changed from the old list's to the new one's.
SlotTable remapped(const SlotTable& table, std::span<const MemberIndex> places) {
  SlotTable out;
  for (std::uint32_t s = 0; s < slot_count; ++s) {
    const SlotId slot{static_cast<std::uint16_t>(s)};
    const MemberIndex old = table.owner(slot);
    if (old < places.size()) out.assign(slot, places[old]);
  }
  return out;
}

std::vector<std::uint32_t> counts_of(const SlotTable& table, std::size_t members) {
  std::vector<std::uint32_t> counts(members, 0);
  for (const MemberIndex m : table.entries()) {
    if (m != nobody) ++counts[m];
  }
  return counts;
}

/// Takes from each member what it holds above its target: the slots with the lowest rendezvous score for it.
void release_surplus(SlotTable& table, std::span<const std::uint64_t> hashes, std::span<const std::uint32_t> held,
                     std::span<const std::uint32_t> targets) {
  struct Held {
    RendezvousScore score;
    SlotId slot;
    auto operator<=>(const Held&) const = default;
  };
  std::vector<std::vector<Held>> above(held.size());
  for (std::uint32_t s = 0; s < slot_count; ++s) {
    const SlotId slot{static_cast<std::uint16_t>(s)};
    const MemberIndex m = table.owner(slot);
    if (m != nobody && held[m] > targets[m]) above[m].push_back({rendezvous_score(slot, hashes[m]), slot});
  }
  for (std::size_t m = 0; m < held.size(); ++m) {
    if (held[m] <= targets[m]) continue;
    const auto surplus = above[m].begin() + (held[m] - targets[m]);
    std::ranges::nth_element(above[m], surplus);
    for (auto it = above[m].begin(); it != surplus; ++it) table.assign(it->slot, nobody);
  }
}

/// The members below their target, by rendezvous group; a member leaves when it has reached it.
class Takers {
 public:
  Takers(std::span<const std::uint64_t> hashes, std::span<const std::uint32_t> held,
         std::span<const std::uint32_t> targets)
      : hashes_(hashes), missing_(targets.begin(), targets.end()) {
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      missing_[i] -= std::min(missing_[i], held[i]);
      if (missing_[i] == 0) continue;
      const std::uint32_t group = rendezvous_group(hashes[i]);
      if (groups_[group].empty()) open_.push_back(group);
      groups_[group].push_back(static_cast<MemberIndex>(i));
    }
  }

  /// The member that gets `slot`; nobody when all have what they should.
  MemberIndex take(SlotId slot) {
    if (open_.empty()) return nobody;
    const auto score_of = [&](std::uint32_t g) { return rendezvous_group_score(slot, g); };
    const auto best_group = std::ranges::max_element(open_, {}, score_of);  // a bijection of (slot, group): never equal
    std::vector<MemberIndex>& group = groups_[*best_group];
    auto best = group.begin();
    std::uint64_t best_score = rendezvous_member_score(slot, hashes_[*best]);
    for (auto it = best + 1; it != group.end(); ++it) {  // ascending ids: of equal scores the first stays
      const std::uint64_t score = rendezvous_member_score(slot, hashes_[*it]);
      if (score > best_score) best = it, best_score = score;
    }
    const MemberIndex member = *best;
    if (--missing_[member] > 0) return member;
    group.erase(best);
    if (group.empty()) open_.erase(best_group);
    return member;
  }

 private:
  std::span<const std::uint64_t> hashes_;
  std::vector<std::uint32_t> missing_;
  std::array<std::vector<MemberIndex>, rendezvous_groups> groups_;
  std::vector<std::uint32_t> open_;  ///< Groups that have somebody.
};

}  // namespace

void SlotTable::assign(SlotId slot, MemberIndex member) {
  REKI_ASSERT(slot.value < slot_count);
  owners_[slot.value] = member;
}

std::vector<std::uint32_t> slot_targets(std::span<const SlotMember> members, std::span<const std::uint32_t> held) {
  REKI_ASSERT(members.size() == held.size());
  std::uint64_t total = 0;  // at most 65534 * 2^32
  for (const SlotMember& m : members) total += owning_weight(m);
  std::vector<std::uint32_t> targets(members.size(), 0);
  if (total == 0) return targets;

  std::vector<std::uint64_t> fraction(members.size());  // in units of 1 / total
  std::vector<std::size_t> order;                       // those whose share has a fraction
  std::uint32_t left = slot_count;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::uint64_t share = slot_count * owning_weight(members[i]);
    targets[i] = static_cast<std::uint32_t>(share / total);
    fraction[i] = share % total;
    left -= targets[i];
    if (fraction[i] > 0) order.push_back(i);
  }
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const bool a_has = held[a] > targets[a];
    const bool b_has = held[b] > targets[b];
    if (a_has != b_has) return a_has;
    if (fraction[a] != fraction[b]) return fraction[a] > fraction[b];
    return members[a].id < members[b].id;
  });
  REKI_ASSERT(left <= order.size());  // the fractions sum to `left`, each below 1
  for (std::uint32_t k = 0; k < left; ++k) ++targets[order[k]];
  return targets;
}

SlotTable next_table(const SlotTable& current, std::span<const NodeId> current_ids,
                     std::span<const SlotMember> members) {
  const std::vector<SlotMember> sorted = sorted_by_id(members);
  std::vector<std::uint64_t> hashes;
  hashes.reserve(sorted.size());
  for (const SlotMember& m : sorted) hashes.push_back(hash_node(m.id.value));

  SlotTable table = remapped(current, places_in(sorted, current_ids));
  const std::vector<std::uint32_t> held = counts_of(table, sorted.size());
  const std::vector<std::uint32_t> targets = slot_targets(sorted, held);
  release_surplus(table, hashes, held, targets);

  Takers takers(hashes, held, targets);
  for (std::uint32_t s = 0; s < slot_count; ++s) {
    const SlotId slot{static_cast<std::uint16_t>(s)};
    if (table.owner(slot) == nobody) table.assign(slot, takers.take(slot));
  }
  return table;
}

}  // namespace reki
