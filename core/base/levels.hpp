#pragma once

#include <cstdint>
#include <string>

/// The level: one number for all that processes of a cluster agree on and that may change from one reki to the next: frames of
/// both planes, operations, the form of registers on disks, keys of configs.
///
/// Each program supports some levels, and each view has one, which all of its members support. People raise it once all nodes
/// run the newer program ("reki upgrade finish"); until then nobody does what the older one cannot read, so that an upgrade
/// can be put back. docs/decisions/2026-12-01-version-skew.md says why.
namespace reki {

using Level = std::uint16_t;

/// The first one: what who says nothing of levels speaks.
inline constexpr Level first_level = 1;
/// Stands in for the level after this one, so that the way there is tested before there is one. Only programs that are built
/// for tests support it (next_levels.cpp).
inline constexpr Level next_level = 2;

struct LevelRange {
  Level min = first_level;
  Level max = first_level;

  [[nodiscard]] constexpr bool has(Level level) const { return min <= level && level <= max; }
  friend bool operator==(const LevelRange&, const LevelRange&) = default;
};

/// Whether it could be a program's: from 1, and not empty.
[[nodiscard]] constexpr bool is_sound(const LevelRange& range) { return first_level <= range.min && range.min <= range.max; }
/// "level 1", "levels 1 to 2".
[[nodiscard]] inline std::string text_of(const LevelRange& range) {
  if (range.min == range.max) return "level " + std::to_string(range.min);
  return "levels " + std::to_string(range.min) + " to " + std::to_string(range.max);
}

/// What this program supports. A library of its own defines it, reki::levels, so that one program can be linked with another
/// definition and the same other libraries. The control plane's machines and the register are given a range; HELLO, configs and
/// the command read this.
extern const LevelRange supported_levels;

}  // namespace reki
