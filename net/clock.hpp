#pragma once

#include <cstdint>

#include "reki/core/base/time.hpp"

namespace reki {

/// Reads CLOCK_BOOTTIME, which counts the time that a machine sleeps, so that no deadline or lease outlives a suspend.
/// Some 30 ns; shells read it once per round and pass it down.
Instant boot_time();

/// The wall clock in milliseconds since 1970: for people who read it, never for decisions.
std::int64_t wall_clock_ms();
/// The same in nanoseconds, for those who ask whether `boot_time` has stood still. Some 30 ns.
std::int64_t wall_clock_ns();

}  // namespace reki
