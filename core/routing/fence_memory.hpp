#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "reki/core/base/ids.hpp"
#include "reki/core/base/limits.hpp"

namespace reki {

/// The highest fence that was seen for each key, for as many keys as fit.
///
/// Pure; no thread safety. One fixed array of `limits::fences_remembered_max`, made with the first fence: sets of eight,
/// each in the order of use, so nothing is linked or allocated. A key that is new enters in the middle of its set, and
/// moves to the front when it is used again (segmented LRU): a million keys that are used once push out each other and
/// not those that are used again and again.
///
/// A key that has been evicted counts as never seen. Its callers are then protected as everybody is: by leases, and by a
/// node handing a slot over only when its actors have stopped.
class FenceMemory {
 public:
  /// Of a key, by a hash of 64 bits: with a seed that nobody else knows, so that nobody can make keys that collide.
  Fence highest(std::uint64_t key_hash) const;
  /// Returns the highest that is known now: `fence`, or a higher one that was seen before. REQUIRES: `fence` is not 0.
  Fence note(std::uint64_t key_hash, Fence fence);
  /// Prefetches what the other two read: with many keys it is in no cache.
  void prefetch(std::uint64_t key_hash) const;

 private:
  static constexpr std::size_t ways = 8;
  static constexpr std::size_t sets = limits::fences_remembered_max / ways;
  struct Entry {
    std::uint64_t key_hash = 0;
    Fence fence;  // 0: free
  };

  struct alignas(64) Set {
    std::array<Entry, ways> entries;
  };

  std::vector<Set> sets_;
};

}  // namespace reki
