#include "reki/core/wire/codec.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/text.hpp"
#include "reki/core/wire/bounds.hpp"
#include "reki/core/wire/codec_elements.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

namespace reki::wire {
namespace {

constexpr std::string_view magic = "reki";
constexpr char nil = '\xc0';
/// What programs of the next level have more in HELLO, WELCOME, REQUEST and REPLY. Those before read past it, so that it needs no
/// agreement.
std::uint32_t elements_more() { return supported_levels.max >= next_level ? 1 : 0; }

constexpr auto op_last = static_cast<std::uint64_t>(Op::watch);

// Heads of one request or reply: its array, ten elements, and the eight bytes that a cursor may write past its last.
constexpr std::size_t entry_heads_bytes_max = 12 * msgpack_head_bytes_max;
static_assert(limits::message_bytes_max + limits::args_bytes_max + limits::key_bytes_max + limits::type_bytes_max +
                      limits::message_name_bytes_max + entry_heads_bytes_max + 64 <=
                  limits::frame_bytes_max,
              "a frame holds one largest request");
static_assert(limits::requests_per_frame_max <= 0xffff, "the head of a frame has a 16-bit count");

constexpr std::string_view name_of(FrameKind kind) {
  constexpr std::string_view names[] = {"", "HELLO", "WELCOME", "REJECT", "REQUEST", "REPLY", "PING", "PONG", "GOODBYE"};
  return names[static_cast<std::size_t>(kind)];
}

Error malformed(std::string_view where, const Elements& elements) {
  return Error{ErrorCode::malformed_frame, std::string{where} + ": " + elements.fault_text()};
}

Error other_kind(std::uint8_t number, FrameKind wanted) {
  return Error{ErrorCode::malformed_frame,
               "a frame of kind " + std::to_string(number) + " instead of a " + std::string{name_of(wanted)}};
}

/// Reads a frame's kind and then, with `read(elements)`, what is particular to the kind.
template <class Read>
std::optional<Error> read_frame(BytesView frame, FrameKind kind, std::uint32_t required, Read read) {
  if (auto error = check_size("frame", frame, limits::frame_bytes_max)) return error;
  MsgpackReader in{frame};
  Elements elements{in, required};
  std::uint8_t number = 0;
  elements.number("kind", number);
  if (elements.ok() && number != static_cast<std::uint8_t>(kind)) {
    return other_kind(number, kind);
  }
  read(elements);
  elements.skip_rest();
  if (!elements.ok()) return malformed(name_of(kind), elements);
  if (!in.at_end())
    return Error{ErrorCode::malformed_frame, std::string{name_of(kind)} + ": more bytes follow its end"};
  return std::nullopt;
}

struct BatchHead {
  MsgpackReader in;  ///< At the first entry.
  Epoch epoch;
  Incarnation incarnation;
  std::uint32_t count = 0;
  std::uint32_t extra = 0;
};

/// Reads a REQUEST or REPLY up to its first entry.
Result<BatchHead> read_batch_head(BytesView frame, FrameKind kind) {
  if (auto error = check_size("frame", frame, limits::frame_bytes_max)) return tl::make_unexpected(*std::move(error));
  BatchHead head{MsgpackReader{frame}, {}, {}};
  Elements elements{head.in, 4};
  std::uint8_t number = 0;
  elements.number("kind", number);
  elements.number("epoch", head.epoch.value);
  elements.number("incarnation", head.incarnation.value);
  elements.array("batch", head.count);
  if (!elements.ok()) return tl::make_unexpected(malformed(name_of(kind), elements));
  if (number != static_cast<std::uint8_t>(kind)) return tl::make_unexpected(other_kind(number, kind));
  if (head.count > limits::requests_per_frame_max) {
    return fail(ErrorCode::too_large, std::string{name_of(kind)} + ": a batch of " + std::to_string(head.count) +
                                          ", at most " + std::to_string(limits::requests_per_frame_max) + " may be");
  }
  head.extra = elements.left();
  return head;
}

template <class Write>
Bytes encode_frame(FrameKind kind, std::uint32_t elements, Write write) {
  Bytes out;
  MsgpackWriter writer{out};
  writer.write_array(elements);
  writer.write_uint(static_cast<std::uint64_t>(kind));
  write(writer);
  return out;
}

bool keeps_bounds(const Reply& r) {
  return r.payload.size() <= limits::message_bytes_max && r.text.size() <= limits::error_text_bytes_max &&
         r.owner.size() <= limits::node_id_bytes_max;
}

std::optional<Error> bounds_fault(const Reply& r) {
  auto error = check_size("payload", r.payload, limits::message_bytes_max);
  if (!error) error = check_size("text", r.text, limits::error_text_bytes_max);
  if (!error) error = check_size("owner", r.owner, limits::node_id_bytes_max);
  return error;
}

/// The number of elements that must be written: all up to the last that differs from its default.
std::uint32_t elements_of(const Request& r) {
  if (r.fence.value != 0) return 10;
  if (!r.payload.empty()) return 9;
  if (!r.message.empty()) return 8;
  if (r.args) return 7;
  if (!r.key.empty()) return 6;
  if (!r.type.empty()) return 5;
  return r.flags != 0 ? 4 : 3;
}

std::uint32_t elements_of(const Reply& r) {
  if (r.code == ErrorCode::ok) return !r.payload.empty() ? 5 : r.started ? 4 : r.fence.value != 0 ? 3 : 2;
  return r.fence.value != 0 ? 6 : !r.owner.empty() ? 5 : r.retry_after_ms != 0 ? 4 : !r.text.empty() ? 3 : 2;
}

}  // namespace

Result<FrameKind> kind_of(BytesView frame) {
  if (auto error = check_size("frame", frame, limits::frame_bytes_max)) return tl::make_unexpected(*std::move(error));
  MsgpackReader in{frame};
  std::uint32_t count = 0;
  std::uint64_t kind = 0;
  if (!in.read_array(count) || count == 0 || !in.read_uint(kind)) {
    return fail(ErrorCode::malformed_frame, "not an array that starts with a kind");
  }
  if (kind < 1 || kind > static_cast<std::uint64_t>(FrameKind::goodbye)) {
    return fail(ErrorCode::malformed_frame, "no frame has kind " + std::to_string(kind));
  }
  return static_cast<FrameKind>(kind);
}

Result<Hello> decode_hello(BytesView frame) {
  Hello hello;
  std::string_view word;
  std::uint8_t role = 0;
  auto error = read_frame(frame, FrameKind::hello, 8, [&](Elements& e) {
    e.bytes("\"reki\"", word);
    e.number("version_min", hello.version_min);
    e.number("version_max", hello.version_max);
    e.bytes("cluster", hello.cluster);
    e.number("role", role);
    e.bytes("name", hello.name);
    e.number("incarnation", hello.incarnation.value);
  });
  if (!error) error = check_size("HELLO: cluster", hello.cluster, limits::cluster_id_bytes_max);
  if (!error) error = check_size("HELLO: name", hello.name, limits::node_id_bytes_max);
  if (error) return tl::make_unexpected(*std::move(error));
  if (word != magic) return fail(ErrorCode::malformed_frame, "HELLO: its second element is not \"reki\"");
  if (hello.version_min > hello.version_max) {
    return fail(ErrorCode::malformed_frame, "HELLO: version_min is above version_max");
  }
  if (role != static_cast<std::uint8_t>(Role::client) && role != static_cast<std::uint8_t>(Role::node)) {
    return fail(ErrorCode::malformed_frame, "HELLO: role " + std::to_string(role) + " is neither client nor node");
  }
  hello.role = static_cast<Role>(role);
  return hello;
}

Result<Welcome> decode_welcome(BytesView frame) {
  Welcome welcome;
  auto error = read_frame(frame, FrameKind::welcome, 6, [&](Elements& e) {
    e.number("version", welcome.version);
    e.bytes("cluster", welcome.cluster);
    e.bytes("node", welcome.node);
    e.number("incarnation", welcome.incarnation.value);
    e.number("epoch", welcome.epoch.value);
  });
  if (!error) error = check_size("WELCOME: cluster", welcome.cluster, limits::cluster_id_bytes_max);
  if (!error) error = check_size("WELCOME: node", welcome.node, limits::node_id_bytes_max);
  if (error) return tl::make_unexpected(*std::move(error));
  return welcome;
}

Result<Reject> decode_reject(BytesView frame) {
  Reject reject;
  std::uint16_t code = 0;
  auto error = read_frame(frame, FrameKind::reject, 3, [&](Elements& e) {
    e.number("code", code);
    e.bytes("text", reject.text);
  });
  if (!error) error = check_size("REJECT: text", reject.text, limits::error_text_bytes_max);
  if (error) return tl::make_unexpected(*std::move(error));
  if (code == 0) return fail(ErrorCode::malformed_frame, "REJECT: code 0 is no error");
  reject.code = ErrorCode{code};
  return reject;
}

Result<Ping> decode_ping(BytesView frame) {
  Ping ping;
  auto error = read_frame(frame, FrameKind::ping, 2, [&](Elements& e) { e.number("nonce", ping.nonce); });
  if (error) return tl::make_unexpected(*std::move(error));
  return ping;
}

Result<Pong> decode_pong(BytesView frame) {
  Pong pong;
  auto error = read_frame(frame, FrameKind::pong, 3, [&](Elements& e) {
    e.number("nonce", pong.nonce);
    e.number("epoch", pong.epoch.value);
  });
  if (error) return tl::make_unexpected(*std::move(error));
  return pong;
}

Result<Goodbye> decode_goodbye(BytesView frame) {
  Goodbye goodbye;
  auto error = read_frame(frame, FrameKind::goodbye, 2, [&](Elements& e) { e.number("frames", goodbye.frames); });
  if (error) return tl::make_unexpected(*std::move(error));
  return goodbye;
}

Bytes encode_hello(const Hello& hello) {
  return encode_frame(FrameKind::hello, 8 + elements_more(), [&](MsgpackWriter& w) {
    w.write_str(magic);
    w.write_uint(hello.version_min);
    w.write_uint(hello.version_max);
    w.write_str(hello.cluster);
    w.write_uint(static_cast<std::uint64_t>(hello.role));
    w.write_str(hello.name);
    w.write_uint(hello.incarnation.value);
    if (elements_more() > 0) w.write_nil();
  });
}

Bytes encode_welcome(const Welcome& welcome) {
  return encode_frame(FrameKind::welcome, 6 + elements_more(), [&](MsgpackWriter& w) {
    w.write_uint(welcome.version);
    w.write_str(welcome.cluster);
    w.write_str(welcome.node);
    w.write_uint(welcome.incarnation.value);
    w.write_uint(welcome.epoch.value);
    if (elements_more() > 0) w.write_nil();
  });
}

Bytes encode_reject(const Reject& reject) {
  return encode_frame(FrameKind::reject, 3, [&](MsgpackWriter& w) {
    w.write_uint(static_cast<std::uint64_t>(reject.code));
    w.write_str(cut(reject.text, limits::error_text_bytes_max));
  });
}

Bytes encode_ping(const Ping& ping) {
  return encode_frame(FrameKind::ping, 2, [&](MsgpackWriter& w) { w.write_uint(ping.nonce); });
}

Bytes encode_pong(const Pong& pong) {
  return encode_frame(FrameKind::pong, 3, [&](MsgpackWriter& w) {
    w.write_uint(pong.nonce);
    w.write_uint(pong.epoch.value);
  });
}

Bytes encode_goodbye(const Goodbye& goodbye) {
  return encode_frame(FrameKind::goodbye, 2, [&](MsgpackWriter& w) { w.write_uint(goodbye.frames); });
}

Result<Next> BatchReader::finish() {
  for (; extra_ > 0; --extra_) {
    if (!in_.skip()) return fail(ErrorCode::malformed_frame, "an element after the batch is not msgpack");
  }
  if (!in_.at_end()) return fail(ErrorCode::malformed_frame, "more bytes follow the frame's end");
  return Next::end;
}

std::string BatchReader::place(std::string_view what) const {
  return std::string{noun_} + " " + std::to_string(index_) + ": " + std::string{what};
}

Result<Next> BatchReader::lost(std::string_view why) {
  left_ = 0;
  return fail(ErrorCode::malformed_frame, place(why));
}

Result<Next> BatchReader::give_up(MsgpackReader start, Error why, Next as) {
  in_ = start;
  if (!in_.skip()) return lost("is not msgpack, or is cut short");
  why.text = place(why.text);
  bad_ = std::move(why);
  return as;
}

Result<RequestReader> RequestReader::open(BytesView frame) {
  auto head = read_batch_head(frame, FrameKind::request);
  if (!head) return tl::make_unexpected(std::move(head).error());
  return RequestReader{head->in, RequestHeader{head->epoch, head->incarnation, head->count}, head->extra};
}

Result<Next> RequestReader::next(Request& out) {
  if (left_ == 0) return finish();
  --left_;
  ++index_;
  out = Request{};
  const MsgpackReader start = in_;
  Elements e{in_, 3};
  e.number("id", out.id.value);
  if (!e.ok()) return give_up(start, Error{ErrorCode::malformed_frame, e.fault_text()}, Next::no_id);
  std::uint64_t op = 0;
  e.number("op", op);
  const bool op_known = (op >= 1 && op <= op_last) || op == static_cast<std::uint64_t>(Op::hand_over) ||
                        op == static_cast<std::uint64_t>(Op::next);
  auto& [out_op, flags, type, key, args, fence] = static_cast<RequestBodyView&>(out);
  if (op_known) out_op = static_cast<Op>(op);
  e.number("remaining_ms", out.remaining_ms);
  e.number("flags", flags);
  if (e.ok() && !op_known) {
    return give_up(start, Error{ErrorCode::unsupported, "operation " + std::to_string(op) + " is unknown here"});
  }
  e.bytes("type", type);
  e.bytes("key", key);
  e.bytes("args", args);
  e.bytes("message", out.message);
  e.bytes("payload", out.payload);
  e.number("fence", fence.value);
  e.skip_rest();
  if (!e.ok()) return give_up(start, Error{ErrorCode::malformed_frame, e.fault_text()});
  if (!keeps_bounds(out)) return give_up(start, *check(out));
  return Next::good;
}

Result<ReplyReader> ReplyReader::open(BytesView frame) {
  auto head = read_batch_head(frame, FrameKind::reply);
  if (!head) return tl::make_unexpected(std::move(head).error());
  return ReplyReader{head->in, ReplyHeader{head->epoch, head->incarnation, head->count}, head->extra};
}

Result<Next> ReplyReader::next(Reply& out) {
  if (left_ == 0) return finish();
  --left_;
  ++index_;
  out = Reply{};
  auto& [id, code, fence, started, payload, text, retry_after_ms, owner] = out;
  const MsgpackReader start = in_;
  Elements e{in_, 2};
  e.number("id", id.value);
  if (!e.ok()) return give_up(start, Error{ErrorCode::malformed_frame, e.fault_text()}, Next::no_id);
  std::uint16_t code_number = 0;
  e.number("code", code_number);
  code = ErrorCode{code_number};
  if (code == ErrorCode::ok) {
    e.number("fence", fence.value);
    e.boolean("started", started);
    e.bytes("payload", payload);
  } else {
    e.bytes("text", text);
    e.number("retry_after_ms", retry_after_ms);
    e.bytes("owner", owner);
    e.number("fence", fence.value);
  }
  e.skip_rest();
  if (!e.ok()) return give_up(start, Error{ErrorCode::malformed_frame, e.fault_text()});
  if (!keeps_bounds(out)) return give_up(start, *bounds_fault(out));
  return Next::good;
}

char* BatchWriter::room_for(std::size_t bytes) {
  const std::size_t need = size_ + bytes + elements_more();
  if (need > limits::frame_bytes_max || count_ == limits::requests_per_frame_max) {
    REKI_ASSERT(count_ > 0);  // else the caller would try for ever
    return nullptr;
  }
  if (need > buffer_.size()) buffer_.resize(std::max({need, 2 * buffer_.size(), std::size_t{256}}));
  return buffer_.data() + size_;
}

void BatchWriter::write_head(FrameKind kind, Epoch epoch, Incarnation incarnation) {
  if (buffer_.size() < size_ + elements_more()) buffer_.resize(size_ + elements_more());
  if (elements_more() > 0) buffer_[size_] = nil;
  MsgpackCursor to{buffer_.data()};
  to.array(4 + elements_more());
  to.uint(static_cast<std::uint64_t>(kind));
  to.put(0xce);
  to.put_big_endian(epoch.value, 4);
  to.put(0xcf);
  to.put_big_endian(incarnation.value, 8);
  to.put(0xdc);
  to.put(static_cast<std::uint8_t>(count_ >> 8));
  to.put(static_cast<std::uint8_t>(count_));
}

bool RequestWriter::add(const Request& r) {
  const auto& [op, flags, type, key, args, fence] = static_cast<const RequestBodyView&>(r);
  const std::size_t bytes = type.size() + key.size() + (args ? args->size() : 0) + r.message.size() + r.payload.size();
  char* room = room_for(bytes + entry_heads_bytes_max);
  if (room == nullptr) return false;
  const std::uint32_t elements = elements_of(r);
  MsgpackCursor to{room};
  to.array(elements);
  to.uint(r.id.value);
  to.uint(static_cast<std::uint64_t>(op));
  to.uint(r.remaining_ms);
  if (elements > 3) to.uint(flags);
  if (elements > 4) to.str(type);
  if (elements > 5) to.bin(key);
  if (elements > 6) args ? to.bin(*args) : to.nil();
  if (elements > 7) to.str(r.message);
  if (elements > 8) to.bin(r.payload);
  if (elements > 9) to.uint(fence.value);
  added(to.at());
  return true;
}

BytesView RequestWriter::finish(Epoch epoch, Incarnation target) {
  write_head(FrameKind::request, epoch, target);
  return {finished().data(), finished().size() + elements_more()};
}

bool ReplyWriter::add(const Reply& r) {
  const auto& [id, code, fence, started, payload, whole_text, retry_after_ms, owner] = r;
  const bool ok = code == ErrorCode::ok;
  if (ok && payload.size() > limits::message_bytes_max) {
    const std::string why = size_text("reply", payload.size(), limits::message_bytes_max);
    return add({.id = id, .code = ErrorCode::too_large, .text = why});
  }
  const std::string_view text = cut(whole_text, limits::error_text_bytes_max);
  const std::size_t bytes = ok ? payload.size() : text.size() + owner.size();
  char* room = room_for(bytes + entry_heads_bytes_max);
  if (room == nullptr) return false;
  const std::uint32_t elements = elements_of(r);
  MsgpackCursor to{room};
  to.array(elements);
  to.uint(id.value);
  to.uint(static_cast<std::uint64_t>(code));
  if (elements > 2) ok ? to.uint(fence.value) : to.str(text);
  if (elements > 3) ok ? to.boolean(started) : to.uint(retry_after_ms);
  if (elements > 4) ok ? to.bin(payload) : to.str(owner);
  if (elements > 5) to.uint(fence.value);
  added(to.at());
  return true;
}

BytesView ReplyWriter::finish(Epoch epoch, Incarnation incarnation) {
  write_head(FrameKind::reply, epoch, incarnation);
  return {finished().data(), finished().size() + elements_more()};
}

}  // namespace reki::wire
