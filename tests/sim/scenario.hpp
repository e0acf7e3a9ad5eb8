#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clock.hpp"

namespace reki::sim {

/// One change in a cluster in which nothing else is wrong.
enum class Change : std::uint8_t {
  join,            ///< A node comes.
  leave,           ///< A member leaves.
  kill,            ///< A member's process is killed, and its guard says so.
  kill_unguarded,  ///< A member's machine is gone.
  coordinator,     ///< The coordinator's machine is gone.
};

/// How long it took, from the event on.
struct Timeline {
  Time decided = never;    ///< The view that has the change is chosen.
  Time installed = never;  ///< All members have installed it.
  Time settled = never;    ///< Everyone holds what it owns.
  double letters = 0;      ///< A node, until then: messages sent.
  double bytes = 0;
  double bytes_of_busiest = 0;  ///< The node that sends most.
};

/// `round_trip` between any two nodes.
[[nodiscard]] Timeline measure(Change change, std::size_t nodes, bool cloud, bool etcd, Time round_trip, std::uint64_t seed);

/// 0; 1 if it does not come to its end or a node sends more than that; 2 if there is no such change.
int print_scenario(const std::string& name, std::size_t nodes, bool cloud, bool etcd, std::uint64_t seed, double bytes_max);

}  // namespace reki::sim
