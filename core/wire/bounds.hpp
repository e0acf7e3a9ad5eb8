#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "reki/core/base/limits.hpp"
#include "reki/core/wire/request_body.hpp"

/// The bounds of limits.hpp that requests keep, and what a caller is told who exceeds one. Pure.
namespace reki::wire {

/// "key has 1025 bytes, at most 1024 may be"
[[nodiscard]] std::string size_text(std::string_view name, std::size_t size, std::size_t max);
/// `too_large` if `value` is.
[[nodiscard]] std::optional<Error> check_size(std::string_view name, BytesView value, std::size_t max);

template <class Text, class Blob>
[[nodiscard]] bool keeps_bounds(const BasicRequestBody<Text, Blob>& body) {
  const auto& [op, flags, type, key, args, fence] = body;
  return type.size() <= limits::type_bytes_max && key.size() <= limits::key_bytes_max &&
         (!args || args->size() <= limits::args_bytes_max) && (!key.empty() || !about_a_key(op));
}
[[nodiscard]] inline bool keeps_bounds(const Request& request) {
  return keeps_bounds(static_cast<const RequestBodyView&>(request)) &&
         request.message.size() <= limits::message_name_bytes_max && request.payload.size() <= limits::message_bytes_max;
}
/// The bound that a request exceeds, or its empty key; nothing if it may be sent. What the reader of a frame asks.
[[nodiscard]] std::optional<Error> check(const Request& request);

/// Whether `check_submission` finds nothing. Asked for each message, so without a call.
[[nodiscard]] inline bool is_sound(const RequestBody& body, std::optional<std::string_view> message, Duration timeout) {
  const bool has_what_it_needs = message ? message->size() <= limits::message_name_bytes_max : !is_message(body.op);
  return body.op <= Op::view && timeout > Duration{0} && timeout <= limits::timeout_max && keeps_bounds(body) && has_what_it_needs;
}
/// What is wrong with a submission, whichever registry it is given to; nothing if it may go its way. Asked once, before
/// anything is done with it. `message`: the name of its message, if it has one; how large that is shows when it is
/// encoded (`check_payload`).
///
/// `invalid_argument` for a time-out out of bounds, an empty key, a call without a message; `too_large`; `unsupported` for
/// what is not a caller's to ask, as `watch`.
[[nodiscard]] std::optional<Error> check_submission(const RequestBody& body, std::optional<std::string_view> message,
                                                    Duration timeout);
/// `unsupported`: the cluster's level is below that of the operation.
[[nodiscard]] Error needs_level(Op op, Level level);
[[nodiscard]] std::optional<Error> check_payload(BytesView payload);

}  // namespace reki::wire
