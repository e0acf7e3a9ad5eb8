#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace reki {

/// Owned and borrowed bytes: msgpack values, frames.
///
/// `std::string`, because most payloads are short and its small-buffer form keeps up to 15 bytes without an
/// allocation; they are bytes, not text.
using Bytes = std::string;
using BytesView = std::string_view;

/// a == b, faster for what is mostly equal and as short as keys and names: there the call of memcmp takes longer than the
/// comparison.
inline bool same_bytes(BytesView a, BytesView b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  const auto differ = [&](auto word, std::size_t at) {
    auto other = word;
    std::memcpy(&word, a.data() + at, sizeof word);
    std::memcpy(&other, b.data() + at, sizeof other);
    return word ^ other;
  };
  // Two words that overlap.
  if (size >= 8 && size <= 16) return (differ(std::uint64_t{}, 0) | differ(std::uint64_t{}, size - 8)) == 0;
  if (size >= 4 && size < 8) return (differ(std::uint32_t{}, 0) | differ(std::uint32_t{}, size - 4)) == 0;
  return a == b;
}

}  // namespace reki
