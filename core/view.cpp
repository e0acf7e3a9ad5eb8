#include "reki/core/view.hpp"

#include <algorithm>
#include <exception>
#include <initializer_list>
#include <limits>
#include <msgpack.hpp>
#include <optional>

#include "reki/core/assert.hpp"
#include "reki/core/endpoint.hpp"
#include "reki/core/limits.hpp"

namespace reki {
namespace {

tl::unexpected<Error> invalid(std::string text) { return fail(ErrorCode::invalid_argument, std::move(text)); }

bool may_own(const Member& m) { return m.state == MemberState::up && m.weight > 0; }

/// Why the member cannot be in a view; empty when it can.
std::string fault_of(const Member& m) {
  if (m.node_id.value.empty() || m.node_id.value.size() > limits::node_id_bytes_max) {
    return "a view has a node id that is empty or longer than 64 bytes";
  }
  const auto of = [&](std::string_view what) { return "view: node '" + m.node_id.value + "': " + std::string(what); };
  if (m.zone.size() > limits::node_id_bytes_max) return of("the zone is longer than 64 bytes");
  if (m.state > MemberState::leaving) return of("unknown state");
  if (const auto endpoint = parse_endpoint(m.addr); !endpoint) return of(endpoint.error().text);
  if (m.control.empty()) return {};
  if (const auto endpoint = parse_endpoint(m.control); !endpoint) return of(endpoint.error().text);
  return {};
}

/// Why they cannot be the voters of a view; empty when they can.
std::string fault_of(std::span<const Voter> voters) {
  if (voters.size() > limits::voters_max) return "a view has more than 5 voters";
  for (const Voter& v : voters) {
    if (v.node.value.empty() || v.node.value.size() > limits::node_id_bytes_max || v.store == 0) {
      return "a view has a voter without a node id or a store";
    }
    if (const auto endpoint = parse_endpoint(v.control); !endpoint) return "view: voter: " + endpoint.error().text;
    if (std::ranges::count(voters, v.node, &Voter::node) != 1) return "a view has two voters on one node";
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
    if (std::string fault = fault_of(m); !fault.empty()) return invalid(std::move(fault));
  }
  const auto not_ascending = std::ranges::adjacent_find(members, std::ranges::greater_equal{}, &Member::node_id);
  if (not_ascending != members.end()) {
    return invalid("a view's members are not sorted by id, each once: '" + not_ascending->node_id.value + "'");
  }
  for (const auto* voters : {&head.voters, &head.old_voters}) {
    if (std::string fault = fault_of(*voters); !fault.empty()) return invalid(std::move(fault));
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

// --- msgpack

namespace {

constexpr std::size_t table_bytes = std::size_t{slot_count} * 2;

/// What msgpack::packer writes to.
struct Sink {
  Bytes& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};
using Packer = msgpack::packer<Sink>;

void pack_str(Packer& p, std::string_view s) {
  p.pack_str(static_cast<std::uint32_t>(s.size()));
  p.pack_str_body(s.data(), static_cast<std::uint32_t>(s.size()));
}

void pack_table(Packer& p, const SlotTable& table) {
  Bytes bytes;
  bytes.reserve(table_bytes);
  for (const MemberIndex m : table.entries()) {
    bytes.push_back(static_cast<char>(m >> 8));
    bytes.push_back(static_cast<char>(m & 0xff));
  }
  p.pack_bin(table_bytes);
  p.pack_bin_body(bytes.data(), table_bytes);
}

void pack_voters(Packer& p, std::span<const Voter> voters) {
  p.pack_array(static_cast<std::uint32_t>(voters.size()));
  for (const Voter& v : voters) {
    p.pack_array(4);
    p.pack(v.number);
    p.pack(v.store);
    pack_str(p, v.node.value);
    pack_str(p, v.control);
  }
}

/// Reads the elements of one msgpack array in turn. A wrong type or a missing element makes it `bad` for good.
class Fields {
 public:
  explicit Fields(const msgpack::object& o) {
    if (o.type == msgpack::type::ARRAY) {
      next_ = o.via.array.ptr;
      left_ = o.via.array.size;
    } else {
      bad_ = true;
    }
  }
  template <class Int>
  Int number() {
    const msgpack::object* o = next(msgpack::type::POSITIVE_INTEGER);
    if (o == nullptr) return 0;
    bad_ = bad_ || o->via.u64 > std::numeric_limits<Int>::max();
    return static_cast<Int>(o->via.u64);
  }
  std::string_view str() {
    const msgpack::object* o = next(msgpack::type::STR);
    return o == nullptr ? std::string_view{} : std::string_view{o->via.str.ptr, o->via.str.size};
  }
  std::string_view bin() {
    const msgpack::object* o = next(msgpack::type::BIN);
    return o == nullptr ? std::string_view{} : std::string_view{o->via.bin.ptr, o->via.bin.size};
  }
  std::span<const msgpack::object> array() {
    const msgpack::object* o = next(msgpack::type::ARRAY);
    if (o == nullptr) return {};
    return {o->via.array.ptr, o->via.array.size};
  }
  [[nodiscard]] bool bad() const { return bad_; }
  /// Of elements that may be left out.
  [[nodiscard]] bool more() const { return !bad_ && left_ > 0; }

 private:
  const msgpack::object* next(msgpack::type::object_type type) {
    if (bad_ || left_ == 0 || next_->type != type) {
      bad_ = true;
      return nullptr;
    }
    --left_;
    return next_++;
  }
  const msgpack::object* next_ = nullptr;
  std::uint32_t left_ = 0;
  bool bad_ = false;
};

std::optional<Member> read_member(const msgpack::object& o) {
  Fields f(o);
  Member m;
  m.node_id = NodeId{std::string(f.str())};
  m.incarnation = Incarnation{f.number<std::uint64_t>()};
  m.addr = f.str();
  m.weight = f.number<std::uint32_t>();
  m.zone = f.str();
  m.state = MemberState{f.number<std::uint8_t>()};
  if (f.more()) m.control = f.str();
  if (f.bad()) return std::nullopt;
  return m;
}

/// False if one of them is none.
bool read_voters(std::span<const msgpack::object> listed, std::vector<Voter>& out) {
  for (const msgpack::object& each : listed) {
    Fields f(each);
    Voter v;
    v.number = f.number<std::uint16_t>();
    v.store = f.number<std::uint64_t>();
    v.node = NodeId{std::string(f.str())};
    v.control = f.str();
    if (f.bad()) return false;
    out.push_back(std::move(v));
  }
  return true;
}

std::optional<SlotTable> read_table(std::string_view bytes) {
  if (bytes.size() != table_bytes) return std::nullopt;
  SlotTable table;
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    const auto high = static_cast<unsigned char>(bytes[std::size_t{2} * s]);
    const auto low = static_cast<unsigned char>(bytes[std::size_t{2} * s + 1]);
    table.assign(SlotId{s}, static_cast<MemberIndex>(high << 8 | low));
  }
  return table;
}

tl::unexpected<Error> malformed(const std::string& text) {
  return fail(ErrorCode::malformed_frame, "not a view: " + text);
}

Result<View> read_view(const msgpack::object& o) {
  Fields f(o);
  ViewHead head;
  head.epoch = Epoch{f.number<std::uint32_t>()};
  head.term = Term{f.number<std::uint64_t>()};
  head.cluster_id = f.str();
  head.hash_seed = f.number<std::uint64_t>();
  head.coordinator = NodeId{std::string(f.str())};
  const std::span<const msgpack::object> listed = f.array();
  const std::optional<SlotTable> table = read_table(f.bin());
  for (auto* voters : {&head.voters, &head.old_voters}) {
    if (f.more() && !read_voters(f.array(), *voters)) return malformed("an element of a voter is missing or wrong");
  }
  if (f.bad()) return malformed("an element is missing or of the wrong type");
  if (!table) return malformed("the table has not 32768 bytes");

  std::vector<Member> members;
  members.reserve(listed.size());
  for (const msgpack::object& each : listed) {
    std::optional<Member> m = read_member(each);
    if (!m) return malformed("an element of a member is missing or of the wrong type");
    members.push_back(std::move(*m));
  }
  return View::make(std::move(head), std::move(members), *table).map_error([](const Error& e) {
    return Error{ErrorCode::malformed_frame, "not a view: " + e.text};
  });
}

}  // namespace

Bytes encode(const View& view) {
  Bytes out;
  out.reserve(table_bytes + 128 + 128 * view.members().size());
  Sink sink{out};
  Packer p(sink);
  p.pack_array(view.voters().empty() ? 7 : 9);
  p.pack(view.epoch().value);
  p.pack(view.term().value);
  pack_str(p, view.cluster_id());
  p.pack(view.hash_seed());
  pack_str(p, view.coordinator().value);
  p.pack_array(static_cast<std::uint32_t>(view.members().size()));
  for (const Member& m : view.members()) {
    p.pack_array(m.control.empty() ? 6 : 7);
    pack_str(p, m.node_id.value);
    p.pack(m.incarnation.value);
    pack_str(p, m.addr);
    p.pack(m.weight);
    pack_str(p, m.zone);
    p.pack(static_cast<std::uint8_t>(m.state));
    if (!m.control.empty()) pack_str(p, m.control);
  }
  pack_table(p, view.table());
  if (view.voters().empty()) return out;
  pack_voters(p, view.voters());
  pack_voters(p, view.old_voters());
  return out;
}

Result<View> decode_view(BytesView bytes) {
  // Strings stay in `bytes`, so only arrays allocate: 16 bytes an element, and an element is at least a byte of input.
  const msgpack::unpack_limit limit(limits::nodes_max, 16, endpoint_bytes_max, table_bytes, 0, 8);
  const auto refer = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  try {
    msgpack::zone zone;
    std::size_t read = 0;
    bool referenced = false;
    const msgpack::object o =
        msgpack::unpack(zone, bytes.data(), bytes.size(), read, referenced, refer, nullptr, limit);
    if (read != bytes.size()) return malformed("bytes follow it");
    return read_view(o);
  } catch (const std::exception& e) {  // msgpack's own: truncated, over a limit, not msgpack
    return malformed(e.what());
  }
}

}  // namespace reki
