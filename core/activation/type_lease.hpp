#pragma once

#include <cstdint>

namespace reki {

/// What a type's actors count on while their node has the lease of its slots (docs/contract.md, "Confirmed leases").
enum class TypeLease : std::uint8_t {
  timed,      ///< Clocks: elapsed time is counted on each machine.
  confirmed,  ///< No clock: what a turn does leaves once the cluster has confirmed the lease after the turn had begun.
};

}  // namespace reki
