#include "reki/core/base/closest_match.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "reki/core/base/limits.hpp"

namespace reki {
namespace {

constexpr std::size_t letters_max = 64;
static_assert(letters_max >= limits::type_bytes_max && letters_max >= limits::message_name_bytes_max, "names are compared");
using Row = std::array<std::size_t, letters_max + 1>;

/// Optimal string alignment distance (Damerau-Levenshtein without repeated edits). REQUIRES: both within letters_max.
std::size_t slips(std::string_view a, std::string_view b) {
  Row before{};
  Row last{};
  Row now{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t same = a[i - 1] == b[j - 1] ? 0 : 1;
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + same});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before = last;
    last = now;
  }
  return last[b.size()];
}

}  // namespace

std::string_view closest_match(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > letters_max) return {};
  std::string_view best;
  std::size_t fewest = word.size() / 3 + 2;  // one more than is taken
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > letters_max) continue;
    const std::size_t n = slips(word, candidate);
    if (n < fewest && n < candidate.size()) best = candidate, fewest = n;
  }
  return best;
}

}  // namespace reki
