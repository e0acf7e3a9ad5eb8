#pragma once

#include <optional>
#include <span>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/watch/watch.hpp"

/// Between the args and payloads of `watch` and their values, by docs/protocol.md, section 8.
///
/// Pure. Decoding is total: any bytes give a value or `malformed_message`.
namespace reki::wire {

[[nodiscard]] Bytes encode_watch_args(const WatchPosition& position);
/// Without args: nowhere yet.
[[nodiscard]] Result<WatchPosition> decode_watch_args(std::optional<BytesView> args);

/// What a node answers. Of its events `type` and `other` are empty: the wire has neither, since both are known to the
/// one who asks.
struct WatchReply {
  WatchPosition position;  ///< To go on from.
  std::vector<WatchEvent> events;
};
/// Builds the payload of a reply event by event.
class WatchReplyWriter {
 public:
  void add(const WatchEvent& event);
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// The writer is empty after it.
  [[nodiscard]] Bytes take(const WatchPosition& position);

 private:
  Bytes events_;
  std::uint32_t count_ = 0;
};
/// `too_large` if there are more events than any node keeps.
[[nodiscard]] Result<WatchReply> decode_watch_reply(BytesView payload);

/// At least as many bytes as the event takes in a payload.
[[nodiscard]] std::size_t watch_event_bytes_max(const WatchEvent& event);

}  // namespace reki::wire
