#include "reki/core/activation/activation_index.hpp"

#include <algorithm>
#include <new>

#include "reki/core/base/assert.hpp"

namespace reki {

using detail::IndexArray;

namespace {

constexpr std::size_t groups_min = 2;

/// How many words of an array may be in use.
std::size_t used_max(std::size_t size) { return size / 4 * 3; }

}  // namespace

IndexArray::Ptr IndexArray::make(std::size_t groups) {
  const std::size_t size = groups * group_size;
  void* const memory = ::operator new(sizeof(IndexArray) + size * sizeof(Word), std::align_val_t{alignof(IndexArray)});
  Ptr out(new (memory) IndexArray(groups));
  for (std::size_t i = 0; i < size; ++i) new (out->group(0) + i) Word(0);
  return out;
}

void IndexArray::Delete::operator()(IndexArray* array) const {
  ::operator delete(array, std::align_val_t{alignof(IndexArray)});
}

RetiredActivations::~RetiredActivations() {
  while (Activation* const a = entries_.first()) {
    leave_slot(*a);
    destroy_activation(a);
  }
}

void RetiredActivations::append(RetiredActivations&& other) {
  entries_.append(other.entries_);
  for (auto& array : other.arrays_) arrays_.push_back(std::move(array));
  other.arrays_.clear();
}

ActivationIndex::ActivationIndex() : array_(IndexArray::make(groups_min).release()) {}
ActivationIndex::~ActivationIndex() { IndexArray::Delete{}(array_.load(std::memory_order_relaxed)); }

std::uint64_t ActivationIndex::word_of(Activation& a) {
  const auto address = reinterpret_cast<std::uint64_t>(&a);
  // So it is on x86-64 and AArch64: Linux gives addresses beyond only to who asks for them.
  REKI_ASSERT((address & tag_bits) == 0);
  return tag_of(a.hash) | address;
}

IndexArray::Word& ActivationIndex::free_place(IndexArray& array, std::uint64_t hash) {
  for (std::size_t g = first_group(hash);; ++g) {
    IndexArray::Word* const group = array.group(g);
    for (std::size_t i = 0; i < IndexArray::group_size; ++i) {
      if (group[i].load(std::memory_order_relaxed) <= gone) return group[i];
    }
  }
}

void ActivationIndex::insert(Activation& a, RetiredActivations& retired) {
  if (used_ == used_max(array_.load(std::memory_order_relaxed)->size())) rebuild(retired);
  IndexArray::Word& place = free_place(*array_.load(std::memory_order_relaxed), a.hash);
  if (place.load(std::memory_order_relaxed) == nothing) ++used_;
  place.store(word_of(a), std::memory_order_release);
  ++size_;
}

void ActivationIndex::erase(Activation& a, RetiredActivations& retired) {
  IndexArray& array = *array_.load(std::memory_order_relaxed);
  const std::uint64_t word = word_of(a);
  for (std::size_t g = first_group(a.hash);; ++g) {
    IndexArray::Word* const group = array.group(g);
    const auto place = std::find_if(group, group + IndexArray::group_size,
                                    [&](const auto& w) { return w.load(std::memory_order_relaxed) == word; });
    const bool last = ends_here(group);
    if (place != group + IndexArray::group_size) {
      place->store(last ? nothing : gone, std::memory_order_relaxed);
      used_ -= last ? 1 : 0;
      break;
    }
    REKI_ASSERT(!last);
  }
  --size_;
  retired.push(a);
}

/// An array without what is gone, twice as large if that alone would not make room for long.
void ActivationIndex::rebuild(RetiredActivations& retired) {
  IndexArray::Ptr old(array_.load(std::memory_order_relaxed));
  const bool grows = size_ > used_max(old->size()) / 2;
  IndexArray::Ptr next = IndexArray::make(grows ? old->groups() * 2 : old->groups());
  // The hash stands in the entry, which is in no cache: asked for early enough, it is there when its turn comes. Without
  // this a growth beside millions of entries holds the shard's lock for milliseconds.
  constexpr std::size_t ahead = 2 * IndexArray::group_size;
  const IndexArray::Word* const words = old->group(0);
  for (std::size_t i = 0; i < old->size(); ++i) {
    const std::uint64_t soon = i + ahead < old->size() ? words[i + ahead].load(std::memory_order_relaxed) : nothing;
    if (soon > gone) __builtin_prefetch(&entry_of(soon)->hash);
    const std::uint64_t word = words[i].load(std::memory_order_relaxed);
    if (word > gone) free_place(*next, entry_of(word)->hash).store(word, std::memory_order_relaxed);
  }
  used_ = size_;
  array_.store(next.release(), std::memory_order_release);
  retired.push(std::move(old));
}

}  // namespace reki
