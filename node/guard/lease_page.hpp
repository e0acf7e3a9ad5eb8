#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/membership/lease_ends.hpp"
#include "reki/node/guard/death_notice.hpp"

namespace reki {

/// What a node and its guard know of each other: memory that both processes map. It is all that remains of a node that
/// was killed in the middle of anything, so that no step of writing it leaves it unreadable.
///
/// Also without a guard it is where a node has the end of its lease: the one that its gates read.
///
/// The node's membership thread writes; any thread of both processes reads the lease and the incarnation.
class LeasePage {
 public:
  LeasePage() = default;
  LeasePage(const LeasePage&) = delete;
  LeasePage& operator=(const LeasePage&) = delete;

  // Membership thread of the node.

  /// On CLOCK_BOOTTIME; `Instant{}`: no lease is held, and nothing is to be guarded.
  /// `wall_ns`: where the wall clock is then, if the machine does not stand still.
  void set_lease_end(Instant at, std::int64_t wall_ns = LeaseEnds::not_by_wall_clock) {
    lease_.wall_ns.store(wall_ns, std::memory_order_relaxed);
    lease_.boot_ns.store(at.ns, std::memory_order_release);
  }
  void note_sent(std::uint64_t renewal) { lease_.sent.store(renewal, std::memory_order_seq_cst); }
  void note_granted(std::uint64_t renewal) { lease_.granted.store(renewal, std::memory_order_release); }
  /// "The lease that ended at `lease_end` is over for me too: my gates are closed, and no handler, start or hand-over
  /// of mine is running." Keeps the guard from killing, until there is another lease.
  void declare_quiet(Instant lease_end) { quiet_for_.store(lease_end.ns, std::memory_order_release); }
  void set_incarnation(Incarnation incarnation) { incarnation_.store(incarnation.value, std::memory_order_release); }
  /// Replaces the notice; one without endpoints takes it away. If the node dies meanwhile, the earlier one stands.
  /// Fails with `too_large` or `invalid_argument`; then the earlier one stands too.
  [[nodiscard]] Result<void> set_death_notice(const DeathNotice& notice);
  /// "The cluster knows that I have left": my death is no news, whatever my exit code. For good; a node that has left
  /// ends.
  void mark_left() { left_.store(left_mark, std::memory_order_release); }

  // Any thread, of both processes.

  [[nodiscard]] Instant lease_end() const { return Instant{lease_.boot_ns.load(std::memory_order_acquire)}; }
  /// The same for the gate that actors pass.
  [[nodiscard]] const LeaseEnds& lease_ends() const { return lease_; }
  [[nodiscard]] Incarnation incarnation() const { return Incarnation{incarnation_.load(std::memory_order_acquire)}; }

  // The guard.

  /// The lease that it enforces: none while none is held, or the node is quiet since its end.
  [[nodiscard]] std::optional<Instant> lease_to_enforce() const;
  /// What to say of the node's death; none if the node wrote none, or has left properly.
  /// REQUIRES: the node is dead, or the caller is its membership thread.
  [[nodiscard]] std::optional<DeathNotice> death_notice() const;

 private:
  static constexpr std::size_t endpoints_bytes_max = limits::death_notice_endpoints_max * (limits::endpoint_bytes_max + 7);
  // A value that a stray write does not hit on: the guard would keep a death to itself.
  static constexpr std::uint64_t left_mark = 0x6c6566742e72656b;

  struct Buffer {
    std::uint32_t endpoints_bytes = 0;  // each ends with a newline, which is in no address
    std::uint32_t frame_bytes = 0;
    std::array<char, endpoints_bytes_max> endpoints;
    std::array<char, limits::death_notice_frame_bytes_max> frame;
  };

  LeaseEnds lease_;
  std::atomic<std::int64_t> quiet_for_ = 0;
  std::atomic<std::uint64_t> incarnation_ = 0;
  std::atomic<std::uint64_t> left_ = 0;
  // The notice is in buffers_[generation_ % 2]; the other one is being written, or waits to be. 0: there was none yet.
  alignas(64) std::atomic<std::uint64_t> generation_ = 0;
  std::array<Buffer, 2> buffers_;

  static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free,
                "a lock would be of one process, or stay locked by a dead one");
};

struct UnmapLeasePage {
  void operator()(LeasePage* page) const;
};
using MappedLeasePage = std::unique_ptr<LeasePage, UnmapLeasePage>;

/// A page that a process forked later shares with this one. Throws std::system_error if there is no memory for it.
[[nodiscard]] MappedLeasePage map_lease_page();

}  // namespace reki
