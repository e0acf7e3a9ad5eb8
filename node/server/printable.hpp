#pragma once

#include <string>
#include <string_view>

#include "reki/core/base/limits.hpp"

namespace reki {

/// Bytes of a peer as they may stand in a log line: at most as many as a node's id has.
inline std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, limits::node_id_bytes_max)) out += c > ' ' && c < 0x7f && c != '"' ? c : '?';
  return out;
}

}  // namespace reki
