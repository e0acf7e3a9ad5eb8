#pragma once

#include <cstdint>
#include <optional>

#include "oracle.hpp"

namespace reki::contract {

struct Ending {
  std::optional<Violation> violation;
  std::size_t played = 0;    ///< Operations, up to the violation.
  std::uint64_t events = 0;  ///< Turns and operations.
  std::uint64_t trace = 0;   ///< Equal for equal histories.
  Oracle::Seen seen;
  Coverage coverage;
};

/// Plays a story from a registry's beginning to its end, or to the first violation.
[[nodiscard]] Ending run(const Story& story, bool prints = false);

/// Leaves out operations as long as the same rule is broken: chunks at first, then single ones.
[[nodiscard]] Story shrink(const Story& story);

}  // namespace reki::contract
