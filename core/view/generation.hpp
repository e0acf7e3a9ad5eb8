#pragma once

#include <cstdint>
#include <optional>

#include "reki/core/base/ids.hpp"

/// How epochs go on after a register was rescued from a voter that is left (docs/membership.md, section 9): an epoch is a
/// generation, 6 bits, and a number, 26 bits. Each rescue begins a generation above all before it, so that every fence of
/// it is above every one that the old voters have given out or ever will.
///
/// Pure.
namespace reki {

inline constexpr int generation_bits = 6;
inline constexpr std::uint32_t generations = std::uint32_t{1} << generation_bits;
inline constexpr int epoch_number_bits = 32 - generation_bits;
inline constexpr std::uint32_t epoch_number_max = (std::uint32_t{1} << epoch_number_bits) - 1;

[[nodiscard]] constexpr std::uint32_t generation_of(Epoch epoch) { return epoch.value >> epoch_number_bits; }
[[nodiscard]] constexpr std::uint32_t number_of(Epoch epoch) { return epoch.value & epoch_number_max; }
[[nodiscard]] constexpr Epoch epoch_of(std::uint32_t generation, std::uint32_t number) {
  return Epoch{generation << epoch_number_bits | number};
}
/// Nothing after the last number of a generation, which 67 million views precede: an epoch never gets into the next one.
[[nodiscard]] constexpr std::optional<Epoch> next_epoch(Epoch epoch) {
  return number_of(epoch) == epoch_number_max ? std::nullopt : std::optional(Epoch{epoch.value + 1});
}

/// A lineage has its generation in its upper bits, so that whoever hears of one knows whether it is a later one. The rest
/// is random: two rescues from copies of one store have one generation, and do not mix.
[[nodiscard]] constexpr std::uint32_t generation_of(Lineage lineage) {
  return static_cast<std::uint32_t>(lineage.value >> (64 - generation_bits));
}
[[nodiscard]] constexpr Lineage lineage_of(std::uint32_t generation, std::uint64_t random) {
  return Lineage{std::uint64_t{generation} << (64 - generation_bits) | random >> generation_bits};
}
/// Which begins when a voter with this number is rescued: a round of 8 above all of before, and in it one for each of 8
/// numbers. So two survivors that are rescued apart begin different ones, unless 8 changes of voters are between them.
/// Nothing after the last round.
[[nodiscard]] constexpr std::optional<std::uint32_t> next_generation(std::uint32_t now, std::uint16_t voter) {
  const std::uint32_t out = 8 * (now / 8 + 1) + voter % 8;
  return out < generations ? std::optional(out) : std::nullopt;
}

}  // namespace reki
