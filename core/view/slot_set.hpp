#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "reki/core/base/ids.hpp"

namespace reki {

/// A set of slots: a plain value of 2 KiB.
class SlotSet {
 public:
  /// Those for which `has(slot number)` is true; without a branch a slot, since it is built for each view.
  template <class Has>
  [[nodiscard]] static SlotSet of(Has has) {
    SlotSet out;
    for (std::size_t i = 0; i < out.words_.size(); ++i) {
      std::uint64_t word = 0;
      for (std::size_t b = 0; b < 64; ++b) word |= static_cast<std::uint64_t>(has(i * 64 + b)) << b;
      out.words_[i] = word;
    }
    return out;
  }
  [[nodiscard]] bool contains(SlotId slot) const { return (words_[slot.value / 64] >> (slot.value % 64) & 1) != 0; }
  void insert(SlotId slot) { words_[slot.value / 64] |= std::uint64_t{1} << (slot.value % 64); }
  void erase(SlotId slot) { words_[slot.value / 64] &= ~(std::uint64_t{1} << (slot.value % 64)); }
  void clear() { words_.fill(0); }
  [[nodiscard]] bool empty() const {
    for (const auto word : words_) {
      if (word != 0) return false;
    }
    return true;
  }
  [[nodiscard]] std::uint32_t size() const {
    std::uint32_t out = 0;
    for (const auto word : words_) out += static_cast<std::uint32_t>(std::popcount(word));
    return out;
  }
  /// In ascending order.
  template <class Use>
  void for_each(Use use) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t left = words_[i]; left != 0; left &= left - 1) {
        use(SlotId{static_cast<std::uint16_t>(i * 64 + static_cast<std::size_t>(std::countr_zero(left)))});
      }
    }
  }

  SlotSet& operator|=(const SlotSet& other) { return combine(other, [](auto a, auto b) { return a | b; }); }
  SlotSet& operator&=(const SlotSet& other) { return combine(other, [](auto a, auto b) { return a & b; }); }
  SlotSet& operator-=(const SlotSet& other) { return combine(other, [](auto a, auto b) { return a & ~b; }); }
  friend SlotSet operator|(SlotSet a, const SlotSet& b) { return a |= b; }
  friend SlotSet operator&(SlotSet a, const SlotSet& b) { return a &= b; }
  friend SlotSet operator-(SlotSet a, const SlotSet& b) { return a -= b; }
  friend bool operator==(const SlotSet&, const SlotSet&) = default;

 private:
  template <class Op>
  SlotSet& combine(const SlotSet& other, Op op) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] = op(words_[i], other.words_[i]);
    return *this;
  }
  static_assert(slot_count % 64 == 0);
  std::array<std::uint64_t, slot_count / 64> words_{};
};

}  // namespace reki
