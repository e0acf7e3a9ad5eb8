#include "reki/core/view/view.hpp"

#include <algorithm>
#include <initializer_list>

#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/limits.hpp"

namespace reki {
namespace {

tl::unexpected<Error> invalid(std::string text) { return fail(ErrorCode::invalid_argument, std::move(text)); }

bool may_own(const Member& m) { return m.state == MemberState::up && m.weight > 0; }

std::size_t names_bytes(const Member& m) {
  return m.node_id.value.size() + m.addr.size() + m.zone.size() + m.control.size();
}
static_assert(limits::member_names_bytes_max == 190 && limits::node_weight_max == 1'000'000);  // as the texts below say

/// Why nobody can connect to it; empty when one can.
std::string fault_of_address(const std::string& address) {
  const auto endpoint = parse_endpoint(address);
  if (!endpoint) return endpoint.error().text;
  return is_wildcard(*endpoint) ? "others cannot connect to " + address : std::string{};
}

/// Why the member cannot be in a view; empty when it can.
std::string fault_of(const Member& m) {
  if (m.node_id.value.empty() || m.node_id.value.size() > limits::node_id_bytes_max) {
    return "a view has a node id that is empty or longer than 64 bytes";
  }
  const auto of = [&](std::string_view what) { return "view: node '" + m.node_id.value + "': " + std::string(what); };
  if (m.zone.size() > limits::node_id_bytes_max) return of("the zone is longer than 64 bytes");
  if (names_bytes(m) > limits::member_names_bytes_max) {
    return of("id, addresses and zone together are longer than 190 bytes; shorten them");
  }
  if (m.state > MemberState::leaving) return of("unknown state");
  if (m.weight > limits::node_weight_max) return of("the weight is above 1000000");
  if (!is_sound(m.levels)) return of("there are no such levels");
  if (const std::string fault = fault_of_address(m.addr); !fault.empty()) return of(fault);
  if (m.control.empty()) return {};
  const std::string fault = fault_of_address(m.control);
  return fault.empty() ? fault : of(fault);
}

/// Why they cannot be the voters of a view; empty when they can.
std::string fault_of(std::span<const Voter> voters) {
  if (voters.size() > limits::voters_max) return "a view has more than 5 voters";
  for (const Voter& v : voters) {
    if (v.node.value.empty() || v.node.value.size() > limits::node_id_bytes_max || v.store == 0) {
      return "a view has a voter without a node id or a store";
    }
    if (const std::string fault = fault_of_address(v.control); !fault.empty()) return "view: voter: " + fault;
    if (std::ranges::count(voters, v.node, &Voter::node) != 1) return "a view has two voters on one node";
    if (std::ranges::count(voters, v.store, &Voter::store) != 1) return "a view has two voters with one store";
  }
  const auto not_ascending = std::ranges::adjacent_find(voters, std::ranges::greater_equal{}, &Voter::number);
  return not_ascending == voters.end() ? "" : "a view's voters are not sorted by number, each once";
}

bool owners_are_right(std::span<const Member> members, const SlotTable& table) {
  const bool somebody = std::ranges::any_of(members, may_own);
  return std::ranges::all_of(table.entries(), [&](MemberIndex index) {
    if (index == nobody) return !somebody;
    return index < members.size() && may_own(members[index]);
  });
}

}  // namespace

std::string_view name_of(MemberState state) {
  switch (state) {
    case MemberState::joining:
      return "joining";
    case MemberState::up:
      return "up";
    case MemberState::leaving:
      return "leaving";
  }
  return "unknown";
}

Result<void> validate(const Member& member) {
  if (std::string fault = fault_of(member); !fault.empty()) return invalid(std::move(fault));
  return {};
}

View::View(ViewHead head, std::vector<Member> members, const SlotTable& table)
    : head_(std::move(head)), members_(std::move(members)), table_(table) {}

Result<View> View::make(ViewHead head, std::vector<Member> members, const SlotTable& table) {
  if (head.cluster_id.empty() || head.cluster_id.size() > limits::cluster_id_bytes_max) {
    return invalid("a view's cluster id is empty or longer than 64 bytes");
  }
  if (head.epoch == Epoch{}) return invalid("a view's epoch is 0; the first one is 1");
  if (head.coordinator.value.size() > limits::node_id_bytes_max) return invalid("a view's coordinator is too long");
  if (members.empty() && head.voters.empty() && head.term == Term{}) return invalid("a view has no member");
  if (members.size() > limits::nodes_max) return invalid("a view has more than 1000 members");
  for (const Member& m : members) {
    if (auto fine = validate(m); !fine) return tl::make_unexpected(std::move(fine).error());
  }
  const auto not_ascending = std::ranges::adjacent_find(members, std::ranges::greater_equal{}, &Member::node_id);
  if (not_ascending != members.end()) {
    return invalid("a view's members are not sorted by id, each once: '" + not_ascending->node_id.value + "'");
  }
  for (const auto* voters : {&head.voters, &head.old_voters}) {
    if (std::string fault = fault_of(*voters); !fault.empty()) return invalid(std::move(fault));
  }
  if (!is_sound(head.settings)) return invalid("a view's settings cannot be: leases too long for how long their ends are waited for");
  if (!head.voters.empty() && head.settings.engine != EngineKind::embedded) return invalid("a view has voters, and another engine");
  if (head.voters.empty() && !head.old_voters.empty()) return invalid("a view has old voters and no voters");
  for (const Voter& v : head.old_voters) {
    const auto same = std::ranges::find(head.voters, v.store, &Voter::store);
    if (same != head.voters.end() && same->node != v.node) return invalid("a view has one store on two nodes");
  }
  if (head.level < first_level) return invalid("a view's level is 0; the first one is 1");
  const auto unable = std::ranges::find_if(members, [&](const Member& m) { return !m.levels.has(head.level); });
  if (unable != members.end()) {
    return invalid("a view has level " + std::to_string(head.level) + ", and '" + unable->node_id.value + "' supports " + text_of(unable->levels));
  }
  if (!owners_are_right(members, table)) {
    return invalid("a view's table names an owner that is no member, or may not own slots");
  }
  return View{std::move(head), std::move(members), table};
}

MemberIndex View::index_of(std::string_view node_id) const {
  const auto id_of = [](const Member& m) -> std::string_view { return m.node_id.value; };
  const auto it = std::ranges::lower_bound(members_, node_id, {}, id_of);
  const bool found = it != members_.end() && it->node_id.value == node_id;
  return found ? static_cast<MemberIndex>(it - members_.begin()) : nobody;
}

const Member* View::find(std::string_view node_id) const {
  const MemberIndex index = index_of(node_id);
  return index == nobody ? nullptr : &members_[index];
}

const Member* View::find(const NodeId& node_id, Incarnation incarnation) const {
  const Member* const m = find(node_id);
  return m != nullptr && m->incarnation == incarnation ? m : nullptr;
}

std::uint32_t View::slots_of(MemberIndex index) const {
  return static_cast<std::uint32_t>(std::ranges::count(table_.entries(), index));
}

std::vector<SlotMember> slot_members(std::span<const Member> members) {
  std::vector<SlotMember> out;
  out.reserve(members.size());
  for (const Member& m : members) out.push_back({m.node_id, m.weight, m.state == MemberState::up});
  return out;
}

Result<View> fixed_view(std::string cluster_id, std::uint64_t hash_seed, std::vector<Member> members) {
  std::ranges::sort(members, {}, &Member::node_id);
  const auto same = std::ranges::adjacent_find(members, {}, &Member::node_id);
  if (same != members.end()) return invalid("two members have the id '" + same->node_id.value + "'");
  if (members.size() > limits::nodes_max) return invalid("a view has more than 1000 members");
  const SlotTable table = next_table({}, {}, slot_members(members));
  ViewHead head{std::move(cluster_id), Epoch{1}, Term{}, NodeId{}, hash_seed, {}, {}};
  return View::make(std::move(head), std::move(members), table);
}

}  // namespace reki
