#include "reki/core/wire/outcome.hpp"

#include <algorithm>
#include <chrono>

namespace reki::wire {
namespace {

/// Up, so that nobody tries again too early.
std::uint32_t milliseconds_up(Duration d) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(d).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 0, UINT32_MAX));
}

}  // namespace

Reply reply_of(RequestId id, const Outcome& outcome) {
  const auto& [code, started, fence, retry_after, node, text, payload] = outcome;
  if (code == ErrorCode::ok) return {id, code, fence, started, payload, {}, 0, {}};
  const Fence there = code == ErrorCode::already_started ? fence : Fence{};
  return {id, code, there, false, {}, text, milliseconds_up(retry_after), {}};
}

Reply reply_of(RequestId id, const Error& error) {
  return {id, error.code, {}, false, {}, error.text, milliseconds_up(error.retry_after), {}};
}

Outcome outcome_of(const Reply& reply, SharedNodeId node) {
  const auto& [id, code, fence, started, payload, text, retry_after_ms, owner] = reply;
  return {code, started, fence, std::chrono::milliseconds(retry_after_ms), std::move(node), std::string{text}, Bytes{payload}};
}

}  // namespace reki::wire
