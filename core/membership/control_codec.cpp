#include "reki/core/membership/control_codec.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/membership/control_fields.hpp"
#include "reki/core/view/view_delta.hpp"
#include "reki/core/view/view_elements.hpp"
#include "reki/core/wire/codec_elements.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

namespace reki::membership {
namespace {

using control::fields;
using wire::Elements;

constexpr std::string_view magic = "rekc";

struct Counter {
  void operator()(const char*, const auto&) { ++required; }
  void address(const char*, const std::string&) { ++required; }
  void cluster(const char*, const std::string&) { ++required; }
  void text(const char*, const std::string&) { ++required; }
  void last(const char*, const auto&) { ++optional; }
  void added(const char*, const auto&) { ++optional; }
  std::uint32_t required = 0;
  std::uint32_t optional = 0;
};

template <class Encoded>
class FieldWriter {
 public:
  /// `encoded(view)` gives a view's bytes.
  FieldWriter(Bytes& out, Encoded encoded) : out_(out), encoded_(encoded) {}

  void operator()(const char*, std::uint64_t value) { out_.write_uint(value); }
  void operator()(const char*, std::uint32_t value) { out_.write_uint(value); }
  void operator()(const char*, std::uint16_t value) { out_.write_uint(value); }
  void operator()(const char*, bool value) { out_.write_bool(value); }
  void operator()(const char*, const NodeId& node) { out_.write_str(node.value); }
  void operator()(const char*, const std::vector<NodeId>& nodes) {
    out_.write_array(static_cast<std::uint32_t>(nodes.size()));
    for (const NodeId& node : nodes) out_.write_str(node.value);
  }
  void operator()(const char*, ChangeState state) { out_.write_uint(static_cast<std::uint64_t>(state)); }
  void operator()(const char*, Profile profile) { out_.write_uint(static_cast<std::uint64_t>(profile)); }
  template <class Tag, std::unsigned_integral Rep>
  void operator()(const char*, const StrongId<Tag, Rep>& id) {
    out_.write_uint(id.value);
  }
  void operator()(const char*, const Member& member) { write_member(out_, member); }
  void operator()(const char*, const Settings& settings) { write_settings(out_, settings); }
  void operator()(const char*, const ViewPtr& view) {
    REKI_ASSERT(view != nullptr);
    out_.write_bin(encoded_(view));
  }
  void address(const char*, const std::string& text) { out_.write_str(text); }
  void cluster(const char*, const std::string& text) { out_.write_str(text); }
  void text(const char*, const std::string& text) { out_.write_str(std::string_view{text}.substr(0, limits::error_text_bytes_max)); }
  void last(const char*, const std::optional<Duration>& d) {
    d ? out_.write_uint(static_cast<std::uint64_t>(std::max<std::int64_t>(d->count(), 0))) : out_.write_nil();
  }
  void added(const char*, const LevelRange& levels) { write_levels(out_, levels); }
  void last(const char* name, const ViewPtr& view) {
    if (view == nullptr) return out_.write_nil();
    (*this)(name, view);
  }

 private:
  MsgpackWriter out_;
  Encoded encoded_;
};

/// A text of at most `max` bytes; a longer one is a fault.
void read_text(Elements& e, const char* name, std::size_t max, std::string& out) {
  BytesView text;
  e.bytes(name, text);
  if (text.size() > max) return e.fault(name, "is too long");
  out = text;
}

void read_address(Elements& e, const char* name, std::string& out) {
  read_text(e, name, limits::endpoint_bytes_max, out);
  if (e.ok() && !out.empty() && !parse_endpoint(out)) e.fault(name, "is not tcp://host:port");
}

class FieldReader {
 public:
  FieldReader(Elements& elements, std::string_view cluster) : e_(elements), cluster_(cluster) {}

  void operator()(const char* name, std::uint64_t& value) { e_.number(name, value); }
  void operator()(const char* name, std::uint32_t& value) { e_.number(name, value); }
  void operator()(const char* name, std::uint16_t& value) { e_.number(name, value); }
  void operator()(const char* name, bool& value) { e_.boolean(name, value); }
  void operator()(const char* name, NodeId& node) { read_text(e_, name, limits::node_id_bytes_max, node.value); }
  template <class Tag, std::unsigned_integral Rep>
  void operator()(const char* name, StrongId<Tag, Rep>& id) {
    e_.number(name, id.value);
  }
  void operator()(const char* name, Member& member) {
    BytesView bytes;
    e_.value(name, bytes);
    if (!e_.ok()) return;
    MsgpackReader in{bytes};
    if (!read_member(in, member)) return e_.fault(name, "is missing an element or has a wrong one");
    if (auto fine = validate(member); !fine) return give_up(name, "could not be in a view: ", fine.error());
    if (member.incarnation == Incarnation{}) return e_.fault(name, "has no incarnation");
    if (member.control.empty()) e_.fault(name, "has no control address");
  }
  void operator()(const char* name, Settings& settings) {
    BytesView bytes;
    e_.value(name, bytes);
    if (!e_.ok()) return;
    MsgpackReader in{bytes};
    if (!read_settings(in, settings)) e_.fault(name, "is missing an element or has a wrong one");
  }
  void operator()(const char* name, ViewPtr& view) {
    BytesView bytes;
    e_.bytes(name, bytes);
    if (e_.ok()) read_view(name, bytes, view);
  }
  void operator()(const char* name, std::vector<NodeId>& nodes) {
    BytesView bytes;
    e_.value(name, bytes);
    if (!e_.ok()) return;
    MsgpackReader in{bytes};
    std::uint32_t count = 0;
    if (!in.read_array(count)) return e_.fault(name, "is not an array");
    if (count > limits::voters_max) return e_.fault(name, "has more nodes than there can be voters");
    for (std::uint32_t i = 0; i < count; ++i) {
      BytesView id;
      if (!in.read_bytes(id) || id.size() > limits::node_id_bytes_max) return e_.fault(name, "has what is no node's id");
      nodes.emplace_back(std::string{id});
    }
  }
  void operator()(const char* name, ChangeState& state) { one_of(name, state, ChangeState::refused); }
  void operator()(const char* name, Profile& profile) { one_of(name, profile, Profile::cloud); }
  void address(const char* name, std::string& text) { read_address(e_, name, text); }
  void text(const char* name, std::string& text) { read_text(e_, name, limits::error_text_bytes_max, text); }
  void cluster(const char* name, std::string& text) { read_text(e_, name, limits::cluster_id_bytes_max, text); }
  void last(const char* name, std::optional<Duration>& out) {
    constexpr auto absent = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t ns = absent;
    e_.number(name, ns);
    if (ns == absent) return;
    if (ns > static_cast<std::uint64_t>(Duration::max().count())) return e_.fault(name, "is too large a number");
    out = Duration{static_cast<std::int64_t>(ns)};
  }
  void added(const char* name, LevelRange& levels) {
    BytesView bytes;
    e_.value(name, bytes);
    if (!e_.ok() || bytes.empty()) return;
    if (!read_levels(bytes, levels) || !is_sound(levels)) e_.fault(name, "are none");
  }
  void last(const char* name, ViewPtr& view) {
    std::optional<BytesView> bytes;
    e_.bytes(name, bytes);
    if (e_.ok() && bytes) read_view(name, *bytes, view);
  }

  /// More about the fault; may be empty.
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  template <class Enum>
  void one_of(const char* name, Enum& out, Enum last) {
    std::uint8_t number = 0;
    e_.number(name, number);
    if (number > static_cast<std::uint8_t>(last)) return e_.fault(name, "is none that this version knows");
    out = static_cast<Enum>(number);
  }
  void read_view(const char* name, BytesView bytes, ViewPtr& view) {
    auto decoded = decode_view(bytes);
    if (!decoded) return give_up(name, "is ", decoded.error());
    if (decoded->cluster_id() != cluster_) return e_.fault(name, "is of another cluster than the frame");
    view = std::make_shared<const View>(std::move(*decoded));
  }
  void give_up(const char* name, const char* what, const Error& why) {
    e_.fault(name, what);
    why_ = why.text;
  }

  Elements& e_;
  std::string_view cluster_;
  std::string why_;
};

// --- kinds

/// In the order of `Body`, and what is not in it.
constexpr std::array kinds{
    NamedControlKind{ControlKind::renew, "renew"},
    NamedControlKind{ControlKind::grant, "grant"},
    NamedControlKind{ControlKind::news, "news"},
    NamedControlKind{ControlKind::join, "join"},
    NamedControlKind{ControlKind::stopped, "stopped"},
    NamedControlKind{ControlKind::stopped_ack, "stopped_ack"},
    NamedControlKind{ControlKind::view_fetch, "view_fetch"},
    NamedControlKind{ControlKind::view_push, "view_push"},
    NamedControlKind{ControlKind::hint, "hint"},
    NamedControlKind{ControlKind::pre_vote, "pre_vote"},
    NamedControlKind{ControlKind::pre_vote_reply, "pre_vote_reply"},
    NamedControlKind{ControlKind::prepare, "prepare"},
    NamedControlKind{ControlKind::promise, "promise"},
    NamedControlKind{ControlKind::accept, "accept"},
    NamedControlKind{ControlKind::accepted, "accepted"},
    NamedControlKind{ControlKind::heartbeat, "heartbeat"},
    NamedControlKind{ControlKind::heartbeat_ack, "heartbeat_ack"},
    NamedControlKind{ControlKind::nack, "nack"},
    NamedControlKind{ControlKind::resign, "resign"},
    NamedControlKind{ControlKind::init_probe, "init_probe"},
    NamedControlKind{ControlKind::init_state, "init_state"},
    NamedControlKind{ControlKind::init, "init"},
    NamedControlKind{ControlKind::refused, "refused"},
    NamedControlKind{ControlKind::set_voters, "set_voters"},
    NamedControlKind{ControlKind::set_voters_reply, "set_voters_reply"},
    NamedControlKind{ControlKind::set_profile, "set_profile"},
    NamedControlKind{ControlKind::set_profile_reply, "set_profile_reply"},
    NamedControlKind{ControlKind::config_said, "config_said"},
    NamedControlKind{ControlKind::set_level, "set_level"},
    NamedControlKind{ControlKind::set_level_reply, "set_level_reply"},
    NamedControlKind{ControlKind::lineage_ask, "lineage_ask"},
    NamedControlKind{ControlKind::lineage_is, "lineage_is"},
    NamedControlKind{ControlKind::rescue_probe, "rescue_probe"},
    NamedControlKind{ControlKind::rescue_state, "rescue_state"},
    NamedControlKind{ControlKind::rescue, "rescue"},
    NamedControlKind{ControlKind::view_delta, "view_delta"},
};
constexpr std::size_t bodies = std::variant_size_v<Body>;
static_assert(kinds.size() == bodies + 1);

template <std::size_t... I>
Body blank(std::size_t index, std::index_sequence<I...>) {
  Body out;
  ((index == I ? static_cast<void>(out.emplace<I>()) : static_cast<void>(0)), ...);
  return out;
}

tl::unexpected<Error> malformed(std::string_view where, const Elements& e) {
  return fail(ErrorCode::malformed_frame, std::string{where} + ": " + e.fault_text());
}

/// The element that every message has more from `next_level` on, in programs for tests: the level once more.
void read_next(Elements& e, Level level) {
  if (level < next_level) return;
  Level said = level;
  e.number("level", said);
  if (said != level) e.fault("level", "is not that of the frame");
}

Result<Body> decode_body(BytesView bytes, const NamedControlKind& kind, std::string_view cluster, Level level) {
  Body body = blank(static_cast<std::size_t>(&kind - kinds.data()), std::make_index_sequence<bodies>{});
  Counter count;
  std::visit([&](const auto& m) { fields(count, m); }, body);
  MsgpackReader in{bytes};
  Elements e{in, count.required};
  FieldReader reader{e, cluster};
  std::visit([&](auto& m) { fields(reader, m); }, body);
  read_next(e, level);
  e.skip_rest();
  if (!e.ok()) {
    auto error = malformed(kind.name, e);
    error.value().text += reader.why();
    return error;
  }
  return body;
}

/// Makes the view that the delta leads to, or finds out what to ask for.
Result<void> read_delta(BytesView bytes, const View* have, ControlFrame& out) {
  MsgpackReader in{bytes};
  Elements e{in, 1};
  BytesView inner;
  e.bytes("delta", inner);
  read_next(e, out.level);
  e.skip_rest();
  if (!e.ok()) return malformed("view_delta", e);
  auto delta = decode_view_delta(inner);
  if (!delta) return tl::make_unexpected(std::move(delta).error());
  const Epoch mine = have == nullptr ? Epoch{} : have->epoch();
  if (delta->head.epoch <= mine) return {};  // old
  out.answer = ViewFetch{mine};
  if (have == nullptr || delta->base != mine) return {};
  auto view = apply(*have, *delta);
  // Mine is another view of this number, so that no delta to it is of use.
  out.answer = view ? std::nullopt : std::optional<ViewFetch>{ViewFetch{}};
  if (view) out.body = ViewPush{std::make_shared<const View>(std::move(*view))};
  return {};
}

/// What frames of all levels begin with.
struct Head {
  Level level = 0;
  ControlSender sender;
  std::uint64_t kind = 0;
  BytesView body;
  Lineage lineage;
};

Result<Head> read_head(BytesView frame, const LevelRange& own) {
  if (frame.size() > limits::control_frame_bytes_max) {
    return fail(ErrorCode::too_large, "a frame of the control plane has " + std::to_string(frame.size()) + " bytes");
  }
  MsgpackReader in{frame};
  Elements e{in, 7};
  BytesView word;
  Head out;
  e.bytes("\"rekc\"", word);
  if (e.ok() && word != magic) e.fault("\"rekc\"", "is something else");
  e.number("level", out.level);
  const bool is_other = e.ok() && !own.has(out.level);
  read_text(e, "cluster", limits::cluster_id_bytes_max, out.sender.cluster);
  read_text(e, "from", limits::control_name_bytes_max, out.sender.name.value);
  read_address(e, "control", out.sender.control);
  e.number("kind", out.kind);
  e.value("body", out.body);
  e.number("lineage", out.lineage.value);
  e.skip_rest();
  if (e.ok() && out.sender.name.value.empty()) e.fault("from", "is empty");
  if (!e.ok() && is_other) return fail(ErrorCode::version_mismatch, "somebody speaks level " + std::to_string(out.level) + " of the control plane");
  if (!e.ok()) return malformed("frame of the control plane", e);
  if (!in.at_end()) return fail(ErrorCode::malformed_frame, "frame of the control plane: more bytes follow its end");
  return out;
}

}  // namespace

std::span<const NamedControlKind> control_kinds() { return kinds; }

ControlKind kind_of(const Body& body) { return kinds[body.index()].kind; }

std::optional<Epoch> view_of_sender(const Body& body) {
  if (const auto* m = std::get_if<Renew>(&body)) return m->installed;
  if (const auto* m = std::get_if<Join>(&body)) return m->base;
  if (const auto* m = std::get_if<ViewFetch>(&body)) return m->have;
  return std::nullopt;
}

std::optional<Joiner> who_joins(BytesView frame) {
  auto head = read_head(frame, {});
  const bool joins = head && head->kind == static_cast<std::uint64_t>(ControlKind::join) && !head->sender.control.empty();
  return joins ? std::optional(Joiner{std::move(head->sender), head->level}) : std::nullopt;
}

Result<ControlFrame> decode_control(BytesView frame, std::string_view cluster, const View* have, const LevelRange& own) {
  auto head = read_head(frame, own);
  if (!head) return tl::make_unexpected(std::move(head).error());
  ControlFrame out{std::move(head->sender), head->level, head->lineage, {}, {}};
  const std::string who = "'" + out.sender.name.value + "'" + (out.sender.control.empty() ? "" : " at " + out.sender.control);
  if (!own.has(head->level)) {
    return fail(ErrorCode::version_mismatch, who + " speaks level " + std::to_string(head->level) + " of the control plane");
  }
  const bool anybody = out.sender.cluster.empty() && head->kind == static_cast<std::uint64_t>(ControlKind::init_probe);
  if (!cluster.empty() && out.sender.cluster != cluster && !anybody) {
    return fail(ErrorCode::wrong_cluster, who + " is of cluster '" + out.sender.cluster + "'");
  }
  const auto kind = std::ranges::find(kinds, head->kind, [](const auto& k) { return static_cast<std::uint64_t>(k.kind); });
  if (kind == kinds.end()) return fail(ErrorCode::unsupported, "control message " + std::to_string(head->kind));
  Result<void> read;
  if (kind->kind == ControlKind::view_delta) {
    read = read_delta(head->body, have, out);
  } else {
    read = decode_body(head->body, *kind, out.sender.cluster, head->level).map([&](Body&& body) { out.body = std::move(body); });
  }
  if (!read) return tl::make_unexpected(std::move(read).error());
  return out;
}

ControlWriter::ControlWriter(const ControlSender& sender) {
  REKI_ASSERT(!sender.name.value.empty() && sender.name.value.size() <= limits::control_name_bytes_max);
  REKI_ASSERT(sender.cluster.size() <= limits::cluster_id_bytes_max && sender.control.size() <= limits::endpoint_bytes_max);
  MsgpackWriter out{sender_};
  out.write_str(sender.cluster);
  out.write_str(sender.name.value);
  out.write_str(sender.control);
}

void ControlWriter::remember(const ViewPtr& view) {
  REKI_ASSERT(view != nullptr);
  history_.add(view);
}

void ControlWriter::begin(ControlKind kind, Level level) {
  frame_.clear();
  MsgpackWriter out{frame_};
  out.write_array(lineage_ == Lineage{} ? 7 : 8);
  out.write_str(magic);
  out.write_uint(level);
  frame_ += sender_;
  out.write_uint(static_cast<std::uint64_t>(kind));
}

void ControlWriter::begin_body(std::uint32_t elements, Level level) {
  MsgpackWriter{frame_}.write_array(elements + (level >= next_level ? 1 : 0));
}

void ControlWriter::end_body(Level level) {
  if (level >= next_level) MsgpackWriter{frame_}.write_uint(level);
}

BytesView ControlWriter::write(const Body& body, Epoch receiver_has, Level level) {
  MsgpackWriter out{frame_};
  const auto* const push = std::get_if<ViewPush>(&body);
  if (push != nullptr) remember(push->view);  // it was chosen
  if (push != nullptr && push->view == history_.newest()) {
    if (const BytesView delta = history_.delta_from(receiver_has); !delta.empty()) {
      begin(ControlKind::view_delta, level);
      begin_body(1, level);
      out.write_bin(delta);
      end_body(level);
      return finish();
    }
  }
  begin(kind_of(body), level);
  Counter count;
  FieldWriter writer{frame_, [this](const ViewPtr& view) { return encoded(view); }};
  std::visit(
      [&](const auto& m) {
        fields(count, m);
        begin_body(count.required + count.optional, level);
        fields(writer, m);
      },
      body);
  end_body(level);
  return finish();
}

BytesView ControlWriter::finish() {
  if (lineage_ != Lineage{}) MsgpackWriter{frame_}.write_uint(lineage_.value);
  REKI_ASSERT(frame_.size() <= limits::control_frame_bytes_max);
  return frame_;
}

BytesView ControlWriter::encoded(const ViewPtr& view) {
  if (view == history_.newest()) return history_.whole();
  if (view_ == view) return view_bytes_;
  view_bytes_ = encode(*view);
  view_ = view;
  return view_bytes_;
}

}  // namespace reki::membership
