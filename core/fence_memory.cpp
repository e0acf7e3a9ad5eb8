#include "reki/core/fence_memory.hpp"

#include <algorithm>

namespace reki {

Fence FenceMemory::highest(std::uint64_t key_hash) const {
  if (entries_.empty()) return {};
  const Entry* const set = &entries_[key_hash % sets * ways];
  for (std::size_t i = 0; i < ways; ++i) {
    if (set[i].key_hash == key_hash) return set[i].fence;
  }
  return {};
}

void FenceMemory::note(std::uint64_t key_hash, Fence fence) {
  if (entries_.empty()) entries_.resize(sets * ways);
  Entry* const set = &entries_[key_hash % sets * ways];
  Entry* const end = set + ways;
  const auto is_it = [&](const Entry& e) { return e.fence.value == 0 || e.key_hash == key_hash; };  // the free come last
  Entry* found = std::find_if(set, end, is_it);
  Entry* to = set;
  if (found == end || found->fence.value == 0) {
    if (found == end) --found;
    *found = {key_hash, {}};
    to = std::min(found, set + ways / 2);
  }
  found->fence = std::max(found->fence, fence);
  std::rotate(to, found, found + 1);
}

}  // namespace reki
