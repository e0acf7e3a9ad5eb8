#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "faults.hpp"
#include "invariants.hpp"
#include "world.hpp"

namespace reki::sim {

/// One run; all of it follows from these values.
struct RunOptions {
  std::uint64_t seed = 1;
  Time lasts = 120 * second;  ///< With faults; then all is well again, and the cluster has `recovery_max`, and perhaps `restart_max`.
  std::size_t nodes = 5;
  bool cloud = false;
  bool etcd = false;  ///< The register is in etcd.
  FaultSet kinds = all_faults;
  std::optional<std::vector<std::uint32_t>> only;  ///< These faults of the plan and no others.
  std::string watch;  ///< These invariants and no others; empty: all.
  bool verbose = false;
};

/// How long a cluster may take, once all is well, until every node is a member and every key can be had.
inline constexpr Time recovery_max = 5 * second;
/// So much longer where people change the profile: a node that comes back with the other one in its config is started once
/// more, and if it is the coordinator by then, everybody waits once more for the longer of the leases.
inline constexpr Time restart_max = 3 * second;

struct Outcome {
  std::optional<Violation> violation;
  Stats stats;
  std::uint64_t trace = 0;  ///< Equal for equal runs.
  Time ended = 0;
  std::vector<Fault> plan;
  std::array<std::uint32_t, fault_kinds> faults{};
};

[[nodiscard]] Outcome run(const RunOptions& options);
/// What to type to see it again.
[[nodiscard]] std::string command_of(const RunOptions& options);

/// Leaves out of a run that fails what it does not need to fail in the same way: kinds of faults, time, single faults.
[[nodiscard]] RunOptions shrink(const RunOptions& options);

}  // namespace reki::sim
