#pragma once

#include <cstddef>
#include <string_view>

namespace reki {

/// At most `max` bytes of the text, cut between two characters of UTF-8.
inline std::string_view cut(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text;
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xc0) == 0x80) --max;
  return text.substr(0, max);
}

}  // namespace reki
