#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reki/core/base/time.hpp"
#include "reki/core/view/settings.hpp"

/// How long leases are, and for how long their ends are waited for: what people choose, and the pairs that views have.
///
/// Pure. A running cluster goes from one to the other through views: docs/membership.md, "The profile changes".
namespace reki {

/// What people choose: timing of leases and elections.
enum class Profile : std::uint8_t {
  lan = 0,    ///< One data centre: a failed node is replaced within a second.
  cloud = 1,  ///< Slower networks and disks: within two seconds.
};
/// As a config says it.
[[nodiscard]] std::string_view name_of(Profile profile);

/// Which pair of lease and wait a view has.
enum class Stage : std::uint8_t {
  lan,    ///< The short lease and the short wait.
  mix,    ///< The short lease and the long wait: on the way from `cloud` to `lan`.
  cloud,  ///< Both long.
  other,  ///< A pair that is no profile's. No config makes one.
};
[[nodiscard]] Stage stage_of(const Settings& settings);
[[nodiscard]] Stage stage_of(Profile profile);
/// The same with that stage's lease and wait. REQUIRES: not `other`.
[[nodiscard]] Settings with_stage(Settings settings, Stage stage);

/// "lan" (leases of 650 ms, waited for 850 ms): as people are told of it.
[[nodiscard]] std::string describe_stage(const Settings& settings);

/// How much later than by its own clock a lease's end may be noticed: half of what is waited beyond it. Of `mix` it is
/// that of `lan`, since the next view waits no longer than that.
[[nodiscard]] Duration lateness_of(const Settings& settings);

}  // namespace reki
