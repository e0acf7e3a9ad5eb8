#pragma once

#include <atomic>
#include <cstdint>

namespace reki {

namespace detail {

/// What one thread shows of its read sections. The thread's own until it ends, then another's; never freed.
struct alignas(64) RcuReader {
  std::atomic<std::uint64_t> since{0};  ///< The epoch in which its section began; 0: it is in none.
  unsigned index = 0;                   ///< From 0. No two threads that exist at once have the same.
  bool is_cheap = false;                ///< See RcuReadSection.
  std::atomic<bool> taken{true};
  RcuReader* next = nullptr;
};

extern constinit thread_local RcuReader* own_reader;
extern constinit std::atomic<std::uint64_t> read_epoch;
/// Gives the thread a reader of its own.
RcuReader& claim_reader();
inline RcuReader& this_reader() { return own_reader != nullptr ? *own_reader : claim_reader(); }

}  // namespace detail

/// A read section of RCU (read-copy-update), with epochs: as long as it exists, nothing is destroyed that this thread can
/// find. Who unlinks something destroys it when an RcuGracePeriod that began after that is over.
///
/// For a few dozen instructions: no waiting, no user code, no other section inside. Costs two stores to memory of the
/// thread's own. Others must see the mark before this thread reads what it protects, which usually takes a barrier, as
/// dear as all the rest of a look-up. So the order is kept by the compiler alone, and RcuGracePeriod, which is rare, makes
/// all threads of the process pass a barrier by membarrier(2). Where the kernel refuses that, the mark is made with a
/// barrier. Asymmetric fences: P1202R5. Epochs: Fraser, "Practical lock-freedom", 2004, 5.2.3.
///
/// Not liburcu: each of its threads has to register, users' too; ThreadSanitizer does not see into it; and a look-up in its
/// hash table took 86 ns where a sharded map behind spinlocks took 57 (docs/decisions/2026-11-23-look-ups-without-a-lock.md).
class RcuReadSection {
 public:
  RcuReadSection() : reader_(detail::this_reader()) {
    const auto epoch = detail::read_epoch.load(std::memory_order_acquire);
    if (reader_.is_cheap) {
      reader_.since.store(epoch, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      reader_.since.exchange(epoch);  // pairs with the other one's exchange in RcuGracePeriod::is_over
    }
  }
  ~RcuReadSection() { reader_.since.store(0, std::memory_order_release); }
  RcuReadSection(const RcuReadSection&) = delete;
  RcuReadSection& operator=(const RcuReadSection&) = delete;

  /// No other thread has the same at the same time.
  [[nodiscard]] unsigned thread_index() const { return reader_.index; }

 private:
  detail::RcuReader& reader_;
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

}  // namespace reki
