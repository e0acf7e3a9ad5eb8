#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace reki {

namespace detail {

/// What one thread shows of its read sections. Its own as long as it lives, then another's; never freed.
struct alignas(64) ReadLane {
  std::atomic<std::uint64_t> since{0};  ///< The epoch that its section began in; 0: it is in none.
  unsigned number = 0;                  ///< Counted from 0 in the order in which lanes were needed.
  bool is_cheap = false;                ///< See RcuReadSection.
  std::atomic<bool> taken{true};
  ReadLane* next = nullptr;
};

extern constinit thread_local ReadLane* own_lane;
extern constinit std::atomic<std::uint64_t> read_epoch;
/// Gives the thread a lane.
ReadLane& claim_lane();

}  // namespace detail

/// As long as it lives, nothing is destroyed that this thread can find: who unlinks something destroys it when a
/// RcuGracePeriod that began after that is over.
///
/// For a few dozen instructions: no waiting, no user code, no other section inside. Costs two stores to memory of the
/// thread's own. That takes a trick: the mark must be seen by others before what this thread reads next is read, and for
/// that order processors want a barrier, which costs as much as all the rest of a look-up. So here it is kept by the
/// compiler alone, and RcuGracePeriod makes all threads of the process pass a barrier at once by membarrier(2); that is rare.
/// Asymmetric fences: P1202R5; epochs: Fraser, "Practical lock-freedom", 2004, 5.2.3. Where the kernel refuses
/// membarrier, the mark is made with a barrier.
class RcuReadSection {
 public:
  RcuReadSection() : lane_(detail::own_lane != nullptr ? *detail::own_lane : detail::claim_lane()) {
    const auto epoch = detail::read_epoch.load(std::memory_order_acquire);
    if (lane_.is_cheap) {
      lane_.since.store(epoch, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      lane_.since.exchange(epoch);  // pairs with the other one's exchange in RcuGracePeriod::is_over
    }
  }
  ~RcuReadSection() { lane_.since.store(0, std::memory_order_release); }
  RcuReadSection(const RcuReadSection&) = delete;
  RcuReadSection& operator=(const RcuReadSection&) = delete;

  /// No other thread that is in a section has the same.
  [[nodiscard]] unsigned lane() const { return lane_.number; }

 private:
  detail::ReadLane& lane_;
};

/// Over once no section is left that began before it. Any thread.
class RcuGracePeriod {
 public:
  [[nodiscard]] static RcuGracePeriod begin();
  [[nodiscard]] bool is_over() const;
  /// Looks again each millisecond until it is over.
  void wait() const;

 private:
  explicit RcuGracePeriod(std::uint64_t epoch) : epoch_(epoch) {}
  std::uint64_t epoch_;
};

/// Counts what happens in read sections, without a cache line that two threads write to (mostly). Any thread.
class ReadCount {
 public:
  void add(const RcuReadSection& section) {
    const unsigned lane = section.lane();
    if (lane < lanes) {
      auto& own = counts_[lane].value;  // the thread's own, so that nothing comes between the two steps
      own.store(own.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    } else {
      rest_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] std::uint64_t total() const;

 private:
  static constexpr unsigned lanes = 64;
  struct alignas(64) Count {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<Count, lanes> counts_;
  std::atomic<std::uint64_t> rest_{0};
};

}  // namespace reki
