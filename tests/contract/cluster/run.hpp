#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "oracle.hpp"

namespace reki::cluster {

struct Ending {
  std::optional<Violation> violation;
  Instant at;
  std::string faults;
  std::uint64_t steps = 0;
  std::uint64_t trace = 0;  ///< Equal for equal histories.
  Oracle::Seen seen;
};

/// A cluster from its making to its end, with the faults of this seed, or to the first violation.
[[nodiscard]] Ending run(std::uint64_t seed, bool prints = false);

}  // namespace reki::cluster
