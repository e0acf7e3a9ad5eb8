#include "reki/core/watch/watch_codec.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/wire/codec_elements.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

namespace reki::wire {
namespace {

constexpr std::size_t event_elements = 9;
/// All that a node keeps, and the members of a view.
constexpr std::size_t reply_events_max = 2 * (limits::watch_events_kept_max + limits::nodes_max);

Error malformed(std::string_view what, const std::string& why) {
  return Error{ErrorCode::malformed_message, std::string{what} + ": " + why};
}

/// Those kinds whose `number` is the epoch of a view.
bool has_epoch(WatchKind kind) {
  return kind == WatchKind::moved || kind == WatchKind::view ||
         (kind >= WatchKind::joined && kind <= WatchKind::coordinator);
}

std::uint64_t number_of(const WatchEvent& event) { return has_epoch(event.kind) ? event.epoch.value : event.number; }

std::uint64_t milliseconds_up(Duration d) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(d).count()));
}

/// All up to the last that differs from its default.
std::uint32_t elements_of(const WatchEvent& e) {
  if (number_of(e) != 0) return 9;
  if (!e.node.value.empty()) return 8;
  if (e.retry_after > Duration{0}) return 7;
  if (!e.text.empty()) return 6;
  if (e.fence.value != 0) return 5;
  return e.key.empty() ? 3 : 4;
}

bool read_event(MsgpackReader& in, WatchEvent& out, std::string& fault) {
  Elements e{in, 3};
  std::uint8_t kind = 0;
  std::uint8_t reason = 0;
  std::uint64_t time_ms = 0;
  std::uint32_t retry_after_ms = 0;
  BytesView key;
  BytesView text;
  BytesView node;
  e.number("kind", kind);
  e.number("reason", reason);
  e.number("time_ms", time_ms);
  e.bytes("key", key);
  e.number("fence", out.fence.value);
  e.bytes("text", text);
  e.number("retry_after_ms", retry_after_ms);
  e.bytes("node", node);
  e.number("number", out.number);
  e.skip_rest();
  if (!e.ok()) {
    fault = e.fault_text();
    return false;
  }
  out.kind = WatchKind{kind};
  out.reason = WatchReason{reason};
  out.time_ms = static_cast<std::int64_t>(time_ms & INT64_MAX);
  out.key = key;
  out.text = text;
  out.retry_after = std::chrono::milliseconds(retry_after_ms);
  out.node.value = node;
  if (has_epoch(out.kind)) out.epoch = Epoch{static_cast<std::uint32_t>(std::exchange(out.number, 0))};
  return true;
}

}  // namespace

Bytes encode_watch_args(const WatchPosition& position) {
  Bytes out;
  MsgpackWriter writer{out};
  writer.write_array(2);
  writer.write_uint(position.incarnation.value);
  writer.write_uint(position.sequence);
  return out;
}

Result<WatchPosition> decode_watch_args(std::optional<BytesView> args) {
  WatchPosition out;
  if (!args || args->empty()) return out;
  MsgpackReader in{*args};
  Elements e{in, 0};
  e.number("incarnation", out.incarnation.value);
  e.number("sequence", out.sequence);
  e.skip_rest();
  if (!e.ok()) return tl::make_unexpected(malformed("args of watch", e.fault_text()));
  if (!in.at_end()) return tl::make_unexpected(malformed("args of watch", "more bytes follow their end"));
  return out;
}

std::size_t watch_event_bytes_max(const WatchEvent& event) {
  return (event_elements + 1) * msgpack_head_bytes_max + event.key.size() + event.text.size() +
         event.node.value.size();
}

void WatchReplyWriter::add(const WatchEvent& event) {
  const std::uint32_t elements = elements_of(event);
  MsgpackWriter writer{events_};
  writer.write_array(elements);
  writer.write_uint(static_cast<std::uint64_t>(event.kind));
  writer.write_uint(static_cast<std::uint64_t>(event.reason));
  writer.write_uint(static_cast<std::uint64_t>(std::max<std::int64_t>(0, event.time_ms)));
  if (elements > 3) writer.write_bin(event.key);
  if (elements > 4) writer.write_uint(event.fence.value);
  if (elements > 5) writer.write_str(event.text);
  if (elements > 6) writer.write_uint(std::min<std::uint64_t>(milliseconds_up(event.retry_after), UINT32_MAX));
  if (elements > 7) writer.write_str(event.node.value);
  if (elements > 8) writer.write_uint(number_of(event));
  ++count_;
}

Bytes WatchReplyWriter::take(const WatchPosition& position) {
  Bytes out;
  out.reserve(events_.size() + 4 * msgpack_head_bytes_max);
  MsgpackWriter writer{out};
  writer.write_array(3);
  writer.write_uint(position.incarnation.value);
  writer.write_uint(position.sequence);
  writer.write_array(std::exchange(count_, 0));
  writer.write_value(events_);
  events_.clear();
  return out;
}

Result<WatchReply> decode_watch_reply(BytesView payload) {
  WatchReply out;
  MsgpackReader in{payload};
  Elements e{in, 3};
  std::uint32_t count = 0;
  e.number("incarnation", out.position.incarnation.value);
  e.number("sequence", out.position.sequence);
  e.array("events", count);
  if (e.ok() && count > reply_events_max) {
    return fail(ErrorCode::too_large, "reply to watch: " + std::to_string(count) + " events at once");
  }
  for (std::string fault; e.ok() && count > 0; --count) {
    if (!read_event(in, out.events.emplace_back(), fault)) {
      return tl::make_unexpected(malformed("reply to watch: an event", fault));
    }
  }
  e.skip_rest();
  if (!e.ok()) return tl::make_unexpected(malformed("reply to watch", e.fault_text()));
  if (!in.at_end()) return tl::make_unexpected(malformed("reply to watch", "more bytes follow its end"));
  return out;
}

}  // namespace reki::wire
