#include <utility>

#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/view/view_elements.hpp"
#include "reki/core/wire/codec_elements.hpp"

namespace reki {
namespace {

using wire::Elements;

constexpr std::size_t table_bytes = std::size_t{slot_count} * 2;

// The longest of each part, heads included; what 5 bytes hold is a number of 32 bits or the head of a str.
constexpr std::size_t levels_bytes_max = 7;
constexpr std::size_t member_bytes_max = limits::member_names_bytes_max + 24 + levels_bytes_max;
constexpr std::size_t voter_bytes_max = 13 + (limits::node_id_bytes_max + 2) + (limits::endpoint_bytes_max + 3);
constexpr std::size_t settings_bytes_max = 12;
constexpr std::size_t head_bytes_max = settings_bytes_max + 3 + 27 + 2 * (limits::cluster_id_bytes_max + 2);
static_assert(head_bytes_max + limits::nodes_max * member_bytes_max + table_bytes + 3 +
                      2 * (1 + limits::voters_max * voter_bytes_max) <
                  limits::control_frame_bytes_max - 4096,
              "the largest view fits into a frame of the control plane and into a slot on a voter's disk");

void write_table(MsgpackWriter& w, const SlotTable& table) {
  Bytes bytes;
  bytes.reserve(table_bytes);
  for (const MemberIndex m : table.entries()) {
    bytes.push_back(static_cast<char>(m >> 8));
    bytes.push_back(static_cast<char>(m & 0xff));
  }
  w.write_bin(bytes);
}

bool read_table(BytesView bytes, SlotTable& table) {
  if (bytes.size() != table_bytes) return false;
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    const auto high = static_cast<unsigned char>(bytes[std::size_t{2} * s]);
    const auto low = static_cast<unsigned char>(bytes[std::size_t{2} * s + 1]);
    table.assign(SlotId{s}, static_cast<MemberIndex>(high << 8 | low));
  }
  return true;
}

tl::unexpected<Error> malformed(const std::string& text) {
  return fail(ErrorCode::malformed_frame, "not a view: " + text);
}

void read_head(Elements& e, ViewHead& head) {
  BytesView cluster;
  BytesView coordinator;
  e.number("epoch", head.epoch.value);
  e.number("term", head.term.value);
  e.bytes("cluster", cluster);
  e.number("hash_seed", head.hash_seed);
  e.bytes("coordinator", coordinator);
  head.cluster_id = cluster.substr(0, limits::cluster_id_bytes_max + 1);
  head.coordinator.value = coordinator.substr(0, limits::node_id_bytes_max + 1);
}

void write_voters(MsgpackWriter& out, std::span<const Voter> voters) {
  out.write_array(static_cast<std::uint32_t>(voters.size()));
  for (const Voter& v : voters) {
    out.write_array(4);
    out.write_uint(v.number);
    out.write_uint(v.store);
    out.write_str(v.node.value);
    out.write_str(v.control);
  }
}

/// False, and the cursor is anywhere, if what comes next are no voters.
bool read_voters(MsgpackReader& in, std::uint32_t count, std::vector<Voter>& out) {
  if (count > limits::voters_max) return false;
  for (; count > 0; --count) {
    Voter& v = out.emplace_back();
    BytesView node;
    BytesView control;
    Elements e{in, 4};
    e.number("number", v.number);
    e.number("store", v.store);
    e.bytes("node", node);
    e.bytes("control", control);
    e.skip_rest();
    if (!e.ok()) return false;
    v.node.value = node;
    v.control = control;
  }
  return true;
}

}  // namespace

void write_member(MsgpackWriter& out, const Member& member) {
  const bool has_levels = member.levels != LevelRange{};
  const bool has_control = has_levels || !member.control.empty();
  out.write_array(6 + (has_control ? 1 : 0) + (has_levels ? 1 : 0));
  out.write_str(member.node_id.value);
  out.write_uint(member.incarnation.value);
  out.write_str(member.addr);
  out.write_uint(member.weight);
  out.write_str(member.zone);
  out.write_uint(static_cast<std::uint64_t>(member.state));
  if (has_control) out.write_str(member.control);
  if (has_levels) write_levels(out, member.levels);
}

void write_levels(MsgpackWriter& out, const LevelRange& levels) {
  out.write_array(2);
  out.write_uint(levels.min);
  out.write_uint(levels.max);
}

void write_settings(MsgpackWriter& out, const Settings& settings) {
  out.write_array(3);
  out.write_uint(static_cast<std::uint64_t>(settings.lease / std::chrono::milliseconds(1)));
  out.write_uint(static_cast<std::uint64_t>(settings.wait / std::chrono::milliseconds(1)));
  out.write_uint(static_cast<std::uint64_t>(settings.engine));
}

std::uint32_t tail_elements(const ViewHead& head) {
  if (head.level != first_level) return 4;
  if (head.settings != Settings{}) return 3;
  return head.voters.empty() ? 0 : 2;
}

void write_tail(MsgpackWriter& out, const ViewHead& head) {
  const std::uint32_t elements = tail_elements(head);
  if (elements == 0) return;
  write_voters(out, head.voters);
  write_voters(out, head.old_voters);
  if (elements > 2) write_settings(out, head.settings);
  if (elements > 3) out.write_uint(head.level);
}

bool read_levels(BytesView bytes, LevelRange& out) {
  MsgpackReader in{bytes};
  Elements e{in, 2};
  e.number("lowest", out.min);
  e.number("highest", out.max);
  e.skip_rest();
  return e.ok();
}

bool read_member(MsgpackReader& in, Member& out) {
  Elements e{in, 6};
  BytesView node;
  BytesView addr;
  BytesView zone;
  BytesView control;
  BytesView levels;
  std::uint8_t state = 0;
  e.bytes("node", node);
  e.number("incarnation", out.incarnation.value);
  e.bytes("address", addr);
  e.number("weight", out.weight);
  e.bytes("zone", zone);
  e.number("state", state);
  e.bytes("control", control);
  e.value("levels", levels);
  e.skip_rest();
  if (!e.ok() || (!levels.empty() && !read_levels(levels, out.levels))) return false;
  out.node_id.value = node;
  out.addr = addr;
  out.zone = zone;
  out.control = control;
  out.state = MemberState{state};
  return true;
}

bool read_members(MsgpackReader& in, std::uint32_t count, std::vector<Member>& out) {
  if (count > limits::nodes_max) return false;
  out.reserve(out.size() + count);
  for (; count > 0; --count) {
    if (!read_member(in, out.emplace_back())) return false;
  }
  return true;
}

bool read_settings(MsgpackReader& in, Settings& out) {
  std::uint32_t lease = 0;
  std::uint32_t wait = 0;
  std::uint8_t engine = 0;
  Elements e{in, 3};
  e.number("lease", lease);
  e.number("wait", wait);
  e.number("engine", engine);
  e.skip_rest();
  if (!e.ok()) return false;
  out = {std::chrono::milliseconds(lease), std::chrono::milliseconds(wait), EngineKind{engine}};
  return true;
}

void read_tail(Elements& e, MsgpackReader& in, ViewHead& head) {
  for (auto* voters : {&head.voters, &head.old_voters}) {
    std::uint32_t count = 0;
    e.array("voters", count);
    if (e.ok() && !read_voters(in, count, *voters)) e.fault("a voter", "is missing an element or has a wrong one");
  }
  BytesView settings;
  e.value("settings", settings);
  e.number("level", head.level);
  if (!e.ok() || settings.empty()) return;
  MsgpackReader of_settings{settings};
  if (!read_settings(of_settings, head.settings)) e.fault("settings", "is missing an element or has a wrong one");
}

Bytes encode(const View& view) {
  Bytes out;
  out.reserve(table_bytes + 512 + 128 * view.members().size());
  MsgpackWriter w{out};
  w.write_array(7 + tail_elements(view.head()));
  w.write_uint(view.epoch().value);
  w.write_uint(view.term().value);
  w.write_str(view.cluster_id());
  w.write_uint(view.hash_seed());
  w.write_str(view.coordinator().value);
  w.write_array(static_cast<std::uint32_t>(view.members().size()));
  for (const Member& m : view.members()) write_member(w, m);
  write_table(w, view.table());
  write_tail(w, view.head());
  return out;
}

Result<View> decode_view(BytesView bytes) {
  MsgpackReader in{bytes};
  Elements e{in, 7};
  ViewHead head;
  std::uint32_t listed = 0;
  std::vector<Member> members;
  BytesView owners;
  read_head(e, head);
  e.array("members", listed);
  if (listed > limits::nodes_max) return malformed("it has more than 1000 members");
  if (e.ok() && !read_members(in, listed, members)) e.fault("a member", "is missing an element or has a wrong one");
  e.bytes("table", owners);
  read_tail(e, in, head);
  e.skip_rest();
  if (!e.ok()) return malformed(e.fault_text());
  if (!in.at_end()) return malformed("bytes follow it");
  SlotTable table;
  if (!read_table(owners, table)) return malformed("the table has not 32768 bytes");
  return View::make(std::move(head), std::move(members), table).map_error([](const Error& error) {
    return Error{ErrorCode::malformed_frame, "not a view: " + error.text};
  });
}

}  // namespace reki
