#pragma once

#include <cstdint>

#include "reki/core/base/time.hpp"

namespace reki {

/// Reads CLOCK_BOOTTIME, which counts the time that a machine sleeps, so that no deadline or lease outlives a suspend.
/// Some 30 ns; shells read it once per round and pass it down.
Instant boot_time();

/// The wall clock in milliseconds since 1970: for people who read it, never for decisions.
std::int64_t wall_clock_ms();

}  // namespace reki
