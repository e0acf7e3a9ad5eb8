#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "reki/core/base/error.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

/// Where the view is agreed.
enum class EngineKind : std::uint8_t {
  embedded = 0,  ///< Among the voters, without another service.
  etcd = 1,      ///< In an etcd that runs already.
};

/// What all nodes of a cluster must agree on, since its safety is made of it. It is written into the first view when the
/// cluster is made, and each view has it; what a node's config says is compared with it when the node wants to join.
/// Plain values; by default those of the profile `lan`.
struct Settings {
  /// How long a member's lease lasts, on its own clock, from when it sent the renewal. 1 ms to a minute.
  Duration lease = std::chrono::milliseconds(650);
  /// How long the coordinator waits on its clock before it takes a silent member's slots away. So much longer than `lease`
  /// that clocks may differ by 10 % in rate; at most a minute.
  Duration wait = std::chrono::milliseconds(850);
  EngineKind engine = EngineKind::embedded;

  friend bool operator==(const Settings&, const Settings&) = default;
};

/// Whether the relations above hold; both durations are whole milliseconds.
[[nodiscard]] bool is_sound(const Settings& settings);

/// Fails with `invalid_argument` if a node that has `own` may not join a cluster of `agreed`: names each setting that
/// differs, both values, and what to do. While the profile changes from one to the other, either is right.
[[nodiscard]] Result<void> check_agreement(const Settings& agreed, const Settings& own);

}  // namespace reki
