#include "reki/core/routing/fence_memory.hpp"

#include <algorithm>

namespace reki {

Fence FenceMemory::highest(std::uint64_t key_hash) const {
  if (sets_.empty()) return {};
  for (const Entry& entry : sets_[key_hash % sets].entries) {
    if (entry.key_hash == key_hash) return entry.fence;
  }
  return {};
}

Fence FenceMemory::note(std::uint64_t key_hash, Fence fence) {
  if (sets_.empty()) sets_.resize(sets);
  auto& set = sets_[key_hash % sets].entries;
  const auto is_it = [&](const Entry& e) { return e.fence.value == 0 || e.key_hash == key_hash; };  // the free come last
  auto* found = std::find_if(set.begin(), set.end(), is_it);
  auto* to = set.begin();
  if (found == set.end() || found->fence.value == 0) {
    if (found == set.end()) --found;
    *found = {key_hash, {}};
    to = std::min(found, set.begin() + ways / 2);
  }
  const Fence highest = found->fence = std::max(found->fence, fence);
  if (to != found) std::rotate(to, found, found + 1);
  return highest;
}

void FenceMemory::prefetch(std::uint64_t key_hash) const {
  if (sets_.empty()) return;
  const Set& set = sets_[key_hash % sets];
  __builtin_prefetch(&set.entries.front());
  __builtin_prefetch(&set.entries.back());
}

}  // namespace reki
