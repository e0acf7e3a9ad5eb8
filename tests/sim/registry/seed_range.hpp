#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace reki::sim {

/// The seeds that a run plays, from first to last.
struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1;

  /// "7", or "1..2000". False if it is neither.
  bool read(const std::string& text) {
    const auto dots = text.find("..");
    if (dots == std::string::npos) return read_number(text, first) && read_number(text, last);
    return read_number(text.substr(0, dots), first) && read_number(text.substr(dots + 2), last) && first <= last;
  }

 private:
  static bool read_number(std::string_view text, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
  }
};

}  // namespace reki::sim
