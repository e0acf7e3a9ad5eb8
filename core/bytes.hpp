#pragma once

#include <string>
#include <string_view>

namespace reki {

/// Owned and borrowed bytes: msgpack values, frames.
///
/// `std::string`, because most payloads are short and its small-buffer form keeps up to 15 bytes without an
/// allocation; they are bytes, not text.
using Bytes = std::string;
using BytesView = std::string_view;

}  // namespace reki
