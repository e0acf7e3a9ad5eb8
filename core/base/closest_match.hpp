#pragma once

#include <span>
#include <string_view>

namespace reki {

/// What a person most likely meant: the candidate with the fewest slips (a letter too many, missing, wrong, or two
/// swapped) from `word`, if that is at most a third of its letters and one more; else empty. The first of equals.
///
/// Pure. Costs word * candidate steps per candidate; words over 64 bytes have no neighbours.
[[nodiscard]] std::string_view closest_match(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace reki
