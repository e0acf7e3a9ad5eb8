#pragma once

#include <string>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/small_string.hpp"
#include "reki/core/wire/wire.hpp"

namespace reki::wire {

/// What a request asks, owned. Moved whole by everyone who carries a request: submission, question, routed request.
using RequestBody = BasicRequestBody<SmallString, Bytes>;

/// A message on its way to another process: the name of its type, and it as msgpack.
struct EncodedMessage {
  std::string message;
  Bytes payload;
};

/// All that one request asks of another process.
struct EncodedRequest : RequestBody, EncodedMessage {};

[[nodiscard]] inline RequestBodyView view_of(const RequestBody& body) {
  const auto& [op, flags, type, key, args, fence] = body;
  return {op, flags, type, key, args ? std::optional<BytesView>{*args} : std::nullopt, fence};
}

/// As the codec takes it; points into `request`.
[[nodiscard]] inline Request view_of(const EncodedRequest& request, RequestId id, std::uint32_t remaining_ms) {
  const EncodedMessage& encoded = request;
  const auto& [message, payload] = encoded;
  return {view_of(static_cast<const RequestBody&>(request)), id, remaining_ms, message, payload};
}

}  // namespace reki::wire
