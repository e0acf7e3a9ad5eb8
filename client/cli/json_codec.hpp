#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "reki/actor/schema.hpp"
#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"

/// Between JSON, as people type and read it, and the msgpack of arguments, messages and replies, by an actor's own
/// description of them (docs/protocol.md, section 4).
///
/// Pure. A struct is an object with its fields' names, a bin is base64, an optional without a value is null, a map is an
/// object (keys that are numbers are written as strings), `any` is whatever JSON it looks like.
namespace reki::cli {

/// Object keys keep the order in which they are described.
using Json = nlohmann::ordered_json;

/// Fails with `invalid_argument`; the text has the place in the line.
Result<Json> parse_json(std::string_view text);

/// A struct's fields that are left out take their defaults: at the end by not being sent, in the middle by the
/// described default. Fails with `invalid_argument`; the text says where, what is wrong, and for a name that does not
/// exist, which one was probably meant.
Result<Bytes> to_msgpack(const Json& value, const Schema& schema);

/// Total: what does not fit the schema is shown as the JSON that it looks like. Empty bytes are a struct with its
/// defaults, else null. Fails with `malformed_message` if `bytes` are not msgpack.
Result<Json> to_json(BytesView bytes, const Schema& schema);

}  // namespace reki::cli
