#pragma once

#include <atomic>
#include <cstdint>

namespace reki {

/// When a node's lease is over, by two clocks: whichever says so first is right. A machine that its host stops does not
/// count that time by CLOCK_BOOTTIME, and mostly by its wall clock. And which of its renewals have been granted: what waits
/// for that counts on no clock.
///
/// The membership thread writes, the wall clock's end first; workers read both before each message: on a cache line that
/// changes with a renewal only.
struct LeaseEnds {
  static constexpr std::int64_t not_by_wall_clock = INT64_MAX;

  alignas(64) std::atomic<std::int64_t> boot_ns{0};  ///< Instant::ns
  std::atomic<std::int64_t> wall_ns{not_by_wall_clock};  ///< wall_clock_ns

  /// The newest renewal that was sent, noted before it leaves: what begins afterwards is confirmed by a grant to a later one.
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> granted{0};  ///< The newest that was granted.
};

}  // namespace reki
