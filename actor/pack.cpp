#include "reki/actor/pack.hpp"

#include <cstring>

namespace reki::detail {
namespace {

/// As an integer if it is a whole number: that is shorter, and what msgpack-cxx does. Not one that is none, and not a NaN.
bool write_whole(MsgpackWriter& out, double value) {
  constexpr double above_uint = 18446744073709551616.0;  // 2^64
  constexpr double lowest_int = -9223372036854775808.0;  // -2^63
  if (value >= 0 && value < above_uint && value == static_cast<double>(static_cast<std::uint64_t>(value))) {
    out.write_uint(static_cast<std::uint64_t>(value));
    return true;
  }
  if (value < 0 && value >= lowest_int && value == static_cast<double>(static_cast<std::int64_t>(value))) {
    out.write_int(static_cast<std::int64_t>(value));
    return true;
  }
  return false;
}

}  // namespace

void write_double(MsgpackWriter& out, double value) {
  if (!write_whole(out, value)) out.write_double(value);
}

void write_float(MsgpackWriter& out, float value) {
  if (!write_whole(out, static_cast<double>(value))) out.write_float(value);
}

bool Unpacker::begin_array(std::uint32_t& count) {
  if (!in_.read_array(count)) return wrong();
  return begin(count);
}

bool Unpacker::begin_map(std::uint32_t& count) {
  if (!in_.read_map(count)) return wrong();
  return begin(count);
}

bool Unpacker::begin(std::uint32_t count) {
  if (count > limits::decode_items_max) return fail(ErrorCode::too_large, "a container exceeds the decoding limits");
  if (++depth_ > limits::decode_depth_max) return fail(ErrorCode::too_large, "containers in each other exceed the decoding limits");
  return true;
}

bool Unpacker::read_double(double& value) {
  if (in_.read_double(value)) return true;
  std::uint64_t whole = 0;
  std::int64_t negative = 0;
  if (in_.read_uint(whole)) {
    value = static_cast<double>(whole);
  } else if (in_.read_negative(negative)) {
    value = static_cast<double>(negative);
  } else {
    return wrong();
  }
  return true;
}

bool Unpacker::read_bytes(BytesView& value) {
  if (!in_.read_bytes(value)) return wrong();
  if (value.size() > limits::message_bytes_max) return fail(ErrorCode::too_large, "a value exceeds the decoding limits");
  return true;
}

bool Unpacker::skip(std::uint32_t values) {
  for (; values > 0; --values) {
    if (!in_.skip()) return wrong();
  }
  return true;
}

void Unpacker::copy_bytes(BytesView from, void* to) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

bool Unpacker::fail(ErrorCode code, std::string text) {
  code_ = code;
  text_ = std::move(text);
  return false;
}

bool Unpacker::unfit() { return fail(ErrorCode::malformed_message, {}); }

bool Unpacker::wrong() {
  std::uint64_t values = 0;
  std::uint64_t bytes = 0;
  in_.announced(values, bytes);
  if (values > limits::decode_items_max || bytes > limits::message_bytes_max) {
    return fail(ErrorCode::too_large, "a value exceeds the decoding limits");
  }
  MsgpackReader ahead = in_;
  if (!ahead.skip()) return fail(ErrorCode::malformed_message, "the bytes end early, or are no msgpack");
  return unfit();
}

bool Unpacker::no_struct() {
  if (code_ == ErrorCode::malformed_message && text_.empty()) text_ = "expected an array of fields";
  return false;
}

bool Unpacker::too_many_fields(std::uint32_t known, std::uint32_t got) {
  return fail(ErrorCode::malformed_message,
              "expected at most " + std::to_string(known) + " fields, got " + std::to_string(got));
}

bool Unpacker::blame(std::string_view field) {
  const std::string name = "field '" + std::string{field} + '\'';
  text_ = text_.empty() ? name + " has the wrong type or is out of range" : name + ": " + text_;
  return false;
}

Error Unpacker::error() && {
  if (code_ == ErrorCode::ok) return Error{ErrorCode::malformed_message, "bytes after the end of the value"};
  if (text_.empty()) text_ = "the value has the wrong type or is out of range";
  return Error{code_, std::move(text_)};
}

}  // namespace reki::detail
