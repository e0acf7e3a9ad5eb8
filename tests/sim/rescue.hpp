#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clock.hpp"
#include "reki/core/membership/acceptor.hpp"
#include "reki/core/membership/rescue.hpp"

namespace reki::sim {

class Cluster;
struct Fault;

/// The loss of most voters and what people do about it, as `reki voters rescue` does.
struct Rescue {
  enum class Phase : std::uint8_t { none, lost, acting, over };
  struct Lost {
    std::uint16_t node = 0;
    membership::VoterRecord store;  ///< That may be found again.
  };
  Phase phase = Phase::none;
  std::vector<Lost> lost;
  std::size_t voters = 0;
  std::optional<membership::RescuePlan> plan;
};

/// The voters' stores are lost, unless that is not the time for it.
void begin_rescue(const Fault& fault, Cluster& cluster);
/// Called again until it is done: asks, acts, and gives some lost voters their old stores back.
void go_on_with_rescue(const Fault& fault, Cluster& cluster);
/// At the end of a run: if nothing was rescued yet, all lost stores are found.
void give_up_rescue(Cluster& cluster);

}  // namespace reki::sim
