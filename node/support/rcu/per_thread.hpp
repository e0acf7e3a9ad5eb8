#pragma once

#include <array>
#include <atomic>
#include <cstddef>

namespace reki {

/// A T for each thread, so that what all threads write all the time is on no cache line of two of them. With more threads
/// than lanes some share one: T must bear that. Whoever reads sums them up.
template <class T>
class PerThread {
 public:
  /// The present thread's, always the same one.
  T& mine() { return lanes_[index()].value; }
  auto begin() const { return lanes_.begin(); }
  auto end() const { return lanes_.end(); }

 private:
  struct alignas(64) Lane {
    T value{};
    operator const T&() const { return value; }
  };
  static constexpr std::size_t count = 64;
  static std::size_t index() {
    static std::atomic<std::size_t> threads{0};
    thread_local const std::size_t mine = threads.fetch_add(1, std::memory_order_relaxed) % count;
    return mine;
  }

  std::array<Lane, count> lanes_;
};

}  // namespace reki
