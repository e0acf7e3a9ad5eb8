#include "reki/core/wire/bounds.hpp"

namespace reki::wire {
namespace {

std::optional<Error> bounds_fault(const RequestBodyView& body) {
  auto error = check_size("type", body.type, limits::type_bytes_max);
  if (!error) error = check_size("key", body.key, limits::key_bytes_max);
  if (!error) error = check_size("args", body.args.value_or(BytesView{}), limits::args_bytes_max);
  if (!error && body.key.empty() && about_a_key(body.op)) error = Error{ErrorCode::invalid_argument, "key is empty"};
  return error;
}

Error not_for_callers(Op op) {
  if (op == Op::watch) return Error{ErrorCode::unsupported, "a watch is not one request: use Registry::watch"};
  return Error{ErrorCode::unsupported, "operation " + std::to_string(static_cast<int>(op)) + " is not one that callers submit"};
}

}  // namespace

std::string size_text(std::string_view name, std::size_t size, std::size_t max) {
  std::string text{name};
  text += " has " + std::to_string(size) + " bytes, at most " + std::to_string(max) + " may be";
  return text;
}

std::optional<Error> check_size(std::string_view name, BytesView value, std::size_t max) {
  if (value.size() <= max) return std::nullopt;
  return Error{ErrorCode::too_large, size_text(name, value.size(), max)};
}

std::optional<Error> check(const Request& request) {
  if (keeps_bounds(request)) return std::nullopt;
  auto error = bounds_fault(request);
  if (!error) error = check_size("message", request.message, limits::message_name_bytes_max);
  if (!error) error = check_payload(request.payload);
  return error;
}

Error needs_level(Op op, Level level) {
  return Error{ErrorCode::unsupported, "operation " + std::to_string(static_cast<int>(op)) + " needs level " + std::to_string(level_of(op)) +
                                           ", and the cluster has level " + std::to_string(level) +
                                           "; once all nodes run a reki that has it, 'reki upgrade finish' raises that"};
}

std::optional<Error> check_payload(BytesView payload) { return check_size("payload", payload, limits::message_bytes_max); }

std::optional<Error> check_submission(const RequestBody& body, std::optional<std::string_view> message, Duration timeout) {
  if (is_sound(body, message, timeout)) return std::nullopt;
  if (body.op > Op::view && body.op != Op::next) return not_for_callers(body.op);
  if (timeout <= Duration{0} || timeout > limits::timeout_max) {
    return Error{ErrorCode::invalid_argument, "the time-out must be more than 0 and at most an hour"};
  }
  if (!keeps_bounds(body)) return bounds_fault(view_of(body));
  if (!message) {
    if (is_message(body.op)) return Error{ErrorCode::invalid_argument, "a call without a message"};
    return std::nullopt;
  }
  return check_size("message", *message, limits::message_name_bytes_max);
}

}  // namespace reki::wire
