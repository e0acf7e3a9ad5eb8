#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reki/core/base/bytes.hpp"

/// Bytes as text: base64 of RFC 4648, section 4, with padding. Pure.
namespace reki {

[[nodiscard]] std::string to_base64(BytesView bytes);
/// Nothing unless `text` is what `to_base64` makes of some bytes: white space, missing padding and stray bits are refused.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

}  // namespace reki
