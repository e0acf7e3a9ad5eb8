#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "reki/node/support/rcu/read_section.hpp"

namespace reki {

/// A T for each thread, so that what all threads write all the time is on no cache line of two of them: striped counters,
/// for example. Of more threads than `count` some share one, which T must bear. Whoever reads sums them up.
template <class T>
class PerThread {
 public:
  static constexpr std::size_t count = 64;

  /// The present thread's.
  T& mine() { return stripes_[detail::this_reader().index % count].value; }
  /// That of this thread alone; null if there are too many threads.
  T* mine_alone(const RcuReadSection& section) {
    return section.thread_index() < count ? &stripes_[section.thread_index()].value : nullptr;
  }
  auto begin() const { return stripes_.begin(); }
  auto end() const { return stripes_.end(); }

 private:
  struct alignas(64) Stripe {
    T value{};
    operator const T&() const { return value; }
  };
  std::array<Stripe, count> stripes_;
};

/// Counts what happens in read sections. Any thread; those that share no stripe add without an atomic step.
class ReadCount {
 public:
  void add(const RcuReadSection& section) {
    if (Count* const own = counts_.mine_alone(section); own != nullptr) {
      own->store(own->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    } else {
      rest_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t out = rest_.load(std::memory_order_relaxed);
    for (const Count& count : counts_) out += count.load(std::memory_order_relaxed);
    return out;
  }

 private:
  using Count = std::atomic<std::uint64_t>;
  PerThread<Count> counts_;
  std::atomic<std::uint64_t> rest_{0};
};

}  // namespace reki
