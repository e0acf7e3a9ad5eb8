#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "reki/core/activation/activation.hpp"
#include "reki/core/base/bytes.hpp"

namespace reki {

namespace detail {
/// The words of an index, in groups of a cache line each, behind it in the same allocation.
class alignas(64) IndexArray {
 public:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::size_t group_size = 8;
  struct Delete {
    void operator()(IndexArray* array) const;
  };
  using Ptr = std::unique_ptr<IndexArray, Delete>;
  /// REQUIRES: a power of two.
  [[nodiscard]] static Ptr make(std::size_t groups);

  [[nodiscard]] std::size_t groups() const { return mask_ + 1; }
  [[nodiscard]] std::size_t size() const { return groups() * group_size; }
  /// The group's first word. Counted on from the first behind the last.
  [[nodiscard]] Word* group(std::size_t number) { return reinterpret_cast<Word*>(this + 1) + (number & mask_) * group_size; }

 private:
  explicit IndexArray(std::size_t groups) : mask_(groups - 1) {}
  std::size_t mask_;
};

/// Bit i: the upper 16 bits of word i of the group are those of `tag`. Without a branch: a processor cannot predict at which
/// place a key stands, and a misprediction throws away what it has begun of the next look-ups.
inline unsigned words_with(std::uint64_t tag, const IndexArray::Word* group) {
  unsigned out = 0;
#if defined(__SSE2__)
  const auto two = [&](int i) {
    return _mm_castsi128_ps(_mm_set_epi64x(static_cast<long long>(group[i + 1].load(std::memory_order_relaxed)),
                                           static_cast<long long>(group[i].load(std::memory_order_relaxed))));
  };
  const auto upper_halves = [&](int i) {  // of four words; then their upper 16 bits
    return _mm_srai_epi32(_mm_castps_si128(_mm_shuffle_ps(two(i), two(i + 2), _MM_SHUFFLE(3, 1, 3, 1))), 16);
  };
  const __m128i tags = _mm_packs_epi32(upper_halves(0), upper_halves(4));
  const __m128i same = _mm_cmpeq_epi16(tags, _mm_set1_epi16(static_cast<short>(tag >> 48)));
  out = static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128())));
#else
  for (unsigned i = 0; i < IndexArray::group_size; ++i) {
    out |= static_cast<unsigned>((group[i].load(std::memory_order_relaxed) ^ tag) >> 48 == 0) << i;
  }
#endif
  return out;
}
}  // namespace detail

/// What was unlinked and waits for the end of its RCU grace period: a reader may have found it before. Destroys it when it
/// is destroyed itself.
class RetiredActivations {
 public:
  RetiredActivations() = default;
  RetiredActivations(RetiredActivations&& other) noexcept { append(std::move(other)); }
  RetiredActivations& operator=(RetiredActivations&& other) noexcept {
    const RetiredActivations old(std::move(*this));
    append(std::move(other));
    return *this;
  }
  ~RetiredActivations();

  /// REQUIRES: it is in no slot's list.
  void push(Activation& a) { entries_.push_back(a); }
  void push(detail::IndexArray::Ptr array) { arrays_.push_back(std::move(array)); }
  /// All that is in `other` goes here.
  void append(RetiredActivations&& other);
  [[nodiscard]] bool empty() const { return entries_.empty() && arrays_.empty(); }

 private:
  SlotActivations entries_;
  std::vector<detail::IndexArray::Ptr> arrays_;
};

/// Finds entries by key, without a lock: one thread at a time changes it, any number look meanwhile.
///
/// Open addressing over words of 8 bytes: an entry's address, and above it 16 bits of its hash, so that another key's entry
/// is hardly ever read. A key stands in the first of the groups from its own on that had room: mostly in its own, a cache
/// line, whose words are compared at once, as in Abseil's Swiss tables. At most three quarters of the words are in use, 11
/// to 21 bytes an entry; the array doubles when they would be more. Owns no entries.
///
/// `find` and `prefetch` may run without the lock inside an RCU read section. Then they may miss an entry that comes or
/// goes meanwhile, and no other. All else REQUIRES one thread at a time.
///
/// Not a map of Abseil's behind a lock: one of 10 000 keys is found in 47 ns here, the read section included, and in 80 ns
/// in a flat_hash_map behind a shared_mutex, whose readers also write to one cache line (`local_bench --what parts`).
class ActivationIndex {
 public:
  ActivationIndex();
  ~ActivationIndex();
  ActivationIndex(const ActivationIndex&) = delete;
  ActivationIndex& operator=(const ActivationIndex&) = delete;

  [[nodiscard]] Activation* find(std::uint64_t hash, TypeIndex type, std::string_view key) const {
    detail::IndexArray& array = *array_.load(std::memory_order_acquire);
    for (std::size_t g = first_group(hash);; ++g) {
      const detail::IndexArray::Word* const group = array.group(g);
      for (unsigned places = detail::words_with(hash, group); places != 0; places &= places - 1) {
        const std::uint64_t word = group[std::countr_zero(places)].load(std::memory_order_acquire);
        if (word <= gone) continue;
        Activation* const a = entry_of(word);
        if (a->type == type && same_bytes(a->key(), key)) return a;
      }
      if (ends_here(group)) return nullptr;
    }
  }

  /// Prefetches what `find` compares the key with: among many entries it is in no cache.
  void prefetch(std::uint64_t hash) const {
    const detail::IndexArray::Word* const group = array_.load(std::memory_order_acquire)->group(first_group(hash));
    for (unsigned places = detail::words_with(hash, group); places != 0; places &= places - 1) {
      const std::uint64_t word = group[std::countr_zero(places)].load(std::memory_order_relaxed);
      if (word <= gone) continue;
      __builtin_prefetch(&entry_of(word)->used);
      __builtin_prefetch(entry_of(word) + 1);
    }
  }

  // One thread at a time.

  /// REQUIRES: it has none with this type and key.
  void insert(Activation& a, RetiredActivations& retired);
  /// REQUIRES: it has it.
  void erase(Activation& a, RetiredActivations& retired);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const { return array_.load(std::memory_order_relaxed)->size() * sizeof(std::uint64_t); }

 private:
  static constexpr std::uint64_t nothing = 0;
  static constexpr std::uint64_t gone = 1;  ///< Was in use, and its group was full then: others may stand behind it.
  static constexpr int tag_shift = 48;
  static constexpr std::uint64_t tag_bits = std::uint64_t{0xffff} << tag_shift;

  static std::uint64_t tag_of(std::uint64_t hash) { return hash & tag_bits; }
  /// The low 14 bits choose the slot and so the shard: they say nothing in here.
  static std::size_t first_group(std::uint64_t hash) { return hash >> 14; }
  /// A search ends here: no entry stands behind this group for want of room in it. There always is such a group.
  static bool ends_here(const detail::IndexArray::Word* group) {
    return std::any_of(group, group + detail::IndexArray::group_size,
                       [](const auto& word) { return word.load(std::memory_order_relaxed) == nothing; });
  }
  static Activation* entry_of(std::uint64_t word) {
    return reinterpret_cast<Activation*>(word & ~tag_bits);  // NOLINT(performance-no-int-to-ptr): the tag shares its word
  }
  static std::uint64_t word_of(Activation& a);
  static detail::IndexArray::Word& free_place(detail::IndexArray& array, std::uint64_t hash);
  void rebuild(RetiredActivations& retired);

  // Apart from what changes with each insertion, so that those who look keep it in their caches.
  alignas(64) std::atomic<detail::IndexArray*> array_;  // owned
  alignas(64) std::size_t size_ = 0;
  std::size_t used_ = 0;  ///< Words that are not `nothing`.
};

}  // namespace reki
