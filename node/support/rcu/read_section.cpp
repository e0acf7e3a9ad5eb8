#include "reki/node/support/rcu/read_section.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "reki/core/base/assert.hpp"

namespace reki {

using detail::RcuReader;

namespace detail {
constinit thread_local RcuReader* own_reader = nullptr;
constinit std::atomic<std::uint64_t> read_epoch{1};
}  // namespace detail

namespace {

constinit std::atomic<RcuReader*> readers{nullptr};

bool membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

/// Asked once, before the first section: all sections of a process are marked in the same way.
bool sections_are_cheap() {
  static const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
  return registered;
}

/// Gives a thread's reader back when the thread ends.
struct ReaderOwner {
  ~ReaderOwner() {
    if (detail::own_reader == nullptr) return;
    detail::own_reader->taken.store(false, std::memory_order_release);
    detail::own_reader = nullptr;
    is_gone = true;
  }
  void see() {}
  static constinit thread_local bool is_gone;
};
constinit thread_local bool ReaderOwner::is_gone = false;

RcuReader& new_reader() {
  static std::atomic<unsigned> count{0};
  auto* const reader = new RcuReader;
  reader->index = count.fetch_add(1, std::memory_order_relaxed);
  reader->is_cheap = sections_are_cheap();
  reader->next = readers.load(std::memory_order_relaxed);
  while (!readers.compare_exchange_weak(reader->next, reader, std::memory_order_acq_rel)) {
  }
  return *reader;
}

RcuReader& free_reader() {
  for (RcuReader* reader = readers.load(std::memory_order_acquire); reader != nullptr; reader = reader->next) {
    if (!reader->taken.load(std::memory_order_relaxed) && !reader->taken.exchange(true, std::memory_order_acquire)) return *reader;
  }
  return new_reader();
}

}  // namespace

RcuReader& detail::claim_reader() {
  own_reader = &free_reader();
  // A section so late in a thread's end that its owner is gone keeps its reader for good, which is 64 bytes.
  if (!ReaderOwner::is_gone) {
    thread_local ReaderOwner owner;
    owner.see();
  }
  return *own_reader;
}

RcuGracePeriod RcuGracePeriod::begin() {
  const RcuGracePeriod out(detail::read_epoch.fetch_add(1, std::memory_order_acq_rel) + 1);
  // After it, each thread's mark is to be seen if its section began before, and sees what was unlinked if it begins after.
  // The slow command needs no registration, which a process that was forked may have lost.
  if (sections_are_cheap() && !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) REKI_ASSERT(membarrier(MEMBARRIER_CMD_GLOBAL));
  return out;
}

bool RcuGracePeriod::is_over() const {
  for (RcuReader* reader = readers.load(std::memory_order_acquire); reader != nullptr; reader = reader->next) {
    const auto since = reader->is_cheap ? reader->since.load(std::memory_order_acquire) : reader->since.fetch_add(0);
    if (since != 0 && since < epoch_) return false;
  }
  return true;
}

void RcuGracePeriod::wait() const {
  while (!is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace reki
