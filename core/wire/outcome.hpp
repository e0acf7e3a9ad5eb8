#pragma once

#include <string>
#include <utility>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/shared_node_id.hpp"
#include "reki/core/wire/wire.hpp"

namespace reki {

/// What came of one request. The owning shape of a wire::Reply, and the base of an Answer.
struct Outcome {
  ErrorCode code = ErrorCode::ok;
  bool started = false;     ///< The actor was started by (or for) this request.
  Fence fence{};            ///< Of the start that answered, or is `already_started`; 0 if none did.
  Duration retry_after{0};
  SharedNodeId node{};      ///< Who answered; null if nobody did, or inside one process without a cluster.
  std::string text{};       ///< The error's.
  Bytes payload{};          ///< The result as msgpack.

  [[nodiscard]] bool ok() const { return code == ErrorCode::ok; }
  [[nodiscard]] Error error() && { return Error{code, std::move(text), retry_after}; }
};

namespace wire {

/// As the codec takes it; points into `outcome`. Without the node, which the connection says.
[[nodiscard]] Reply reply_of(RequestId id, const Outcome& outcome);
[[nodiscard]] Reply reply_of(RequestId id, const Error& error);
/// `node`: whom it came from.
[[nodiscard]] Outcome outcome_of(const Reply& reply, SharedNodeId node);

}  // namespace wire
}  // namespace reki
