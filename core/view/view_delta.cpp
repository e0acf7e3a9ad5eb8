#include "reki/core/view/view_delta.hpp"

#include <xxhash.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/view/view_elements.hpp"
#include "reki/core/wire/codec_elements.hpp"

namespace reki {
namespace {

using wire::Elements;

constexpr std::string_view word = "delta";
constexpr std::size_t slot_bytes = 4;

/// For each member of `from` its place in `to`, `nobody` if it is gone. Both sorted by id.
std::vector<MemberIndex> places(std::span<const Member> from, std::span<const Member> to) {
  std::vector<MemberIndex> out(from.size(), nobody);
  std::size_t at = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    while (at < to.size() && to[at].node_id < from[i].node_id) ++at;
    if (at < to.size() && to[at].node_id == from[i].node_id) out[i] = static_cast<MemberIndex>(at);
  }
  return out;
}

/// The table of `base` in terms of its members' new places.
SlotTable moved(const View& base, std::span<const MemberIndex> places) {
  SlotTable out;
  const auto owners = base.table().entries();
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    if (owners[s] != nobody) out.assign(SlotId{s}, places[owners[s]]);
  }
  return out;
}

void append_big_endian(Bytes& out, std::uint64_t value, int width) {
  for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

tl::unexpected<Error> unfit(std::string text) {
  return fail(ErrorCode::invalid_argument, "the delta does not fit: " + std::move(text));
}

/// The members of the base without those removed and with those changed, by id.
std::vector<Member> changed_members(std::span<const Member> base, const ViewDelta& delta) {
  std::vector<Member> out = delta.changed;
  const auto is_in = [](const auto& sorted, const NodeId& id) { return std::ranges::binary_search(sorted, id); };
  std::vector<NodeId> others = delta.removed;
  for (const Member& m : delta.changed) others.push_back(m.node_id);
  std::ranges::sort(others);
  for (const Member& m : base) {
    if (!is_in(others, m.node_id)) out.push_back(m);
  }
  std::ranges::sort(out, {}, &Member::node_id);
  return out;
}

}  // namespace

ViewDelta delta_between(const View& from, const View& to) {
  REKI_ASSERT(from.cluster_id() == to.cluster_id() && from.hash_seed() == to.hash_seed());
  REKI_ASSERT(from.epoch() < to.epoch());
  ViewDelta out{from.epoch(), to.head(), {}, {}, {}, view_check(to)};
  const auto place = places(from.members(), to.members());
  for (std::size_t i = 0; i < place.size(); ++i) {
    if (place[i] == nobody) out.removed.push_back(from.members()[i].node_id);
  }
  for (const Member& m : to.members()) {
    const Member* const before = from.find(m.node_id);
    if (before == nullptr || *before != m) out.changed.push_back(m);
  }
  const SlotTable table = moved(from, place);
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    const SlotId slot{s};
    if (table.owner(slot) != to.table().owner(slot)) out.slots.push_back({slot, to.table().owner(slot)});
  }
  return out;
}

Result<View> apply(const View& base, const ViewDelta& delta) {
  if (base.epoch() != delta.base) return unfit("it is for view " + std::to_string(delta.base.value));
  std::vector<Member> members = changed_members(base.members(), delta);
  SlotTable table = moved(base, places(base.members(), members));
  for (const auto& [slot, owner] : delta.slots) {
    if (slot.value >= slot_count) return unfit("it names a slot that is none");
    table.assign(slot, owner);
  }
  ViewHead head = delta.head;
  head.cluster_id = base.cluster_id();
  head.hash_seed = base.hash_seed();
  auto made = View::make(std::move(head), std::move(members), table);
  if (!made) return unfit(made.error().text);
  if (view_check(*made) != delta.check) return unfit("its base is another view of this number");
  return made;
}

std::uint64_t view_check(const View& view) {
  Bytes bytes;
  bytes.reserve(std::size_t{2} * slot_count + 32 * view.members().size());
  for (const Member& m : view.members()) {
    bytes += m.node_id.value;
    append_big_endian(bytes, m.incarnation.value, 8);
    append_big_endian(bytes, m.weight, 4);
    append_big_endian(bytes, static_cast<std::uint64_t>(m.state), 1);
  }
  for (const MemberIndex owner : view.table().entries()) append_big_endian(bytes, owner, 2);
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), view.hash_seed());
}

// --- msgpack

Bytes encode(const ViewDelta& delta) {
  Bytes slots;
  slots.reserve(slot_bytes * delta.slots.size());
  for (const auto& [slot, owner] : delta.slots) {
    append_big_endian(slots, slot.value, 2);
    append_big_endian(slots, owner, 2);
  }
  Bytes out;
  MsgpackWriter w{out};
  w.write_array(9 + tail_elements(delta.head));
  w.write_str(word);
  w.write_uint(delta.base.value);
  w.write_uint(delta.head.epoch.value);
  w.write_uint(delta.head.term.value);
  w.write_str(delta.head.coordinator.value);
  w.write_array(static_cast<std::uint32_t>(delta.removed.size()));
  for (const NodeId& id : delta.removed) w.write_str(id.value);
  w.write_array(static_cast<std::uint32_t>(delta.changed.size()));
  for (const Member& m : delta.changed) write_member(w, m);
  w.write_bin(slots);
  w.write_uint(delta.check);
  write_tail(w, delta.head);
  return out;
}

namespace {

void read_removed(Elements& e, MsgpackReader& in, std::vector<NodeId>& out) {
  std::uint32_t count = 0;
  e.array("removed", count);
  if (count > limits::nodes_max) return e.fault("removed", "has more than 1000 nodes");
  for (; e.ok() && count > 0; --count) {
    BytesView id;
    if (!in.read_bytes(id)) return e.fault("removed", "has something other than a node id");
    out.emplace_back(std::string{id});
  }
}

void read_slots(Elements& e, std::vector<ViewDelta::Slot>& out) {
  BytesView bytes;
  e.bytes("slots", bytes);
  if (bytes.size() % slot_bytes != 0 || bytes.size() / slot_bytes > slot_count) {
    return e.fault("slots", "is not 4 bytes a slot");
  }
  const auto number = [&](std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                      static_cast<unsigned char>(bytes[at + 1]));
  };
  out.reserve(bytes.size() / slot_bytes);
  for (std::size_t at = 0; at < bytes.size(); at += slot_bytes) {
    out.push_back({SlotId{number(at)}, number(at + 2)});
  }
}

}  // namespace

Result<ViewDelta> decode_view_delta(BytesView bytes) {
  MsgpackReader in{bytes};
  Elements e{in, 9};
  ViewDelta out;
  BytesView first;
  BytesView coordinator;
  std::uint32_t count = 0;
  e.bytes("\"delta\"", first);
  if (e.ok() && first != word) e.fault("\"delta\"", "is something else");
  e.number("base", out.base.value);
  e.number("epoch", out.head.epoch.value);
  e.number("term", out.head.term.value);
  e.bytes("coordinator", coordinator);
  out.head.coordinator.value = coordinator;
  read_removed(e, in, out.removed);
  e.array("members", count);
  if (e.ok() && !read_members(in, count, out.changed)) e.fault("a member", "is missing an element or has a wrong one");
  read_slots(e, out.slots);
  e.number("check", out.check);
  read_tail(e, in, out.head);
  e.skip_rest();
  if (!e.ok()) return fail(ErrorCode::malformed_frame, "not a delta of a view: " + e.fault_text());
  if (!in.at_end()) return fail(ErrorCode::malformed_frame, "not a delta of a view: bytes follow it");
  return out;
}

}  // namespace reki
