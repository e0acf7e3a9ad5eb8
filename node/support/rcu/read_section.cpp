#include "reki/node/support/rcu/read_section.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "reki/core/base/assert.hpp"

namespace reki {

using detail::ReadLane;

namespace detail {
constinit thread_local ReadLane* own_lane = nullptr;
constinit std::atomic<std::uint64_t> read_epoch{1};
}  // namespace detail

namespace {

constinit std::atomic<ReadLane*> lanes{nullptr};

bool membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

/// Asked once, before the first section: all sections of a process are marked in the same way.
bool sections_are_cheap() {
  static const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
  return registered;
}

/// Gives a thread's lane back when the thread ends.
struct LaneOwner {
  ~LaneOwner() {
    if (detail::own_lane == nullptr) return;
    detail::own_lane->taken.store(false, std::memory_order_release);
    detail::own_lane = nullptr;
    is_gone = true;
  }
  void see() {}
  static constinit thread_local bool is_gone;
};
constinit thread_local bool LaneOwner::is_gone = false;

ReadLane& new_lane() {
  static std::atomic<unsigned> count{0};
  auto* const lane = new ReadLane;
  lane->number = count.fetch_add(1, std::memory_order_relaxed);
  lane->is_cheap = sections_are_cheap();
  lane->next = lanes.load(std::memory_order_relaxed);
  while (!lanes.compare_exchange_weak(lane->next, lane, std::memory_order_acq_rel)) {
  }
  return *lane;
}

ReadLane& free_lane() {
  for (ReadLane* lane = lanes.load(std::memory_order_acquire); lane != nullptr; lane = lane->next) {
    if (!lane->taken.load(std::memory_order_relaxed) && !lane->taken.exchange(true, std::memory_order_acquire)) return *lane;
  }
  return new_lane();
}

}  // namespace

ReadLane& detail::claim_lane() {
  own_lane = &free_lane();
  // A section so late in a thread's end that its owner is gone keeps its lane for good, which is 64 bytes.
  if (!LaneOwner::is_gone) {
    thread_local LaneOwner owner;
    owner.see();
  }
  return *own_lane;
}

RcuGracePeriod RcuGracePeriod::begin() {
  const RcuGracePeriod out(detail::read_epoch.fetch_add(1, std::memory_order_acq_rel) + 1);
  // After it, each thread's mark is to be seen if its section began before, and sees what was unlinked if it begins after.
  // The slow command needs no registration, which a process that was forked may have lost.
  if (sections_are_cheap() && !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) REKI_ASSERT(membarrier(MEMBARRIER_CMD_GLOBAL));
  return out;
}

bool RcuGracePeriod::is_over() const {
  for (ReadLane* lane = lanes.load(std::memory_order_acquire); lane != nullptr; lane = lane->next) {
    const auto since = lane->is_cheap ? lane->since.load(std::memory_order_acquire) : lane->since.fetch_add(0);
    if (since != 0 && since < epoch_) return false;
  }
  return true;
}

void RcuGracePeriod::wait() const {
  while (!is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::uint64_t ReadCount::total() const {
  std::uint64_t out = rest_.load(std::memory_order_relaxed);
  for (const Count& count : counts_) out += count.value.load(std::memory_order_relaxed);
  return out;
}

}  // namespace reki
