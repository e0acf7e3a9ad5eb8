#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "reki/core/base/assert.hpp"

namespace reki {

/// Things under ids, found by these in constant time: a slot map with generational indices.
///
/// An id is a place in a table and, above that, how often the place has been used. So nothing is searched for, and an
/// id is never used again: one of something that was removed finds nothing, be there another in its place. Any number
/// may be asked for, also one that a peer has made up. The first id is not 0. Pure; no thread safety. `Id` is a
/// StrongId of 64 bits; `Pointer` owns what it points to (std::unique_ptr) or does not.
template <class Id, class Pointer>
class SlotMap {
 public:
  using Value = typename std::pointer_traits<Pointer>::element_type;
  static constexpr unsigned place_bits = 20;
  static constexpr std::size_t size_max = std::size_t{1} << place_bits;

  /// Takes it, under an id that was not given before. REQUIRES: `value` is not null, and there are fewer than size_max.
  Id add(Pointer value) {
    if (free_.empty()) {
      REKI_ASSERT(places_.size() < size_max);
      free_.push_back(static_cast<std::uint32_t>(places_.size()));
      places_.emplace_back();
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Place& place = places_[index];
    place.value = std::move(value);
    return Id{++place.uses << place_bits | index};
  }
  /// Null if there is none, or none any more.
  [[nodiscard]] Value* find(Id id) const {
    const std::size_t index = index_of(id);
    if (index >= places_.size()) return nullptr;
    const Place& place = places_[index];
    const bool is_it = place.value != nullptr && place.uses == id.value >> place_bits;
    return is_it ? std::to_address(place.value) : nullptr;
  }
  /// REQUIRES: find() finds it.
  void remove(Id id) {
    places_[index_of(id)].value = nullptr;
    free_.push_back(static_cast<std::uint32_t>(index_of(id)));
  }
  /// Calls `visit(value)` for each, which may remove it.
  template <class Visitor>
  void for_each(Visitor visit) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i].value != nullptr) visit(*places_[i].value);
    }
  }

 private:
  struct Place {
    Pointer value{};
    std::uint64_t uses = 0;
  };
  static std::size_t index_of(Id id) { return static_cast<std::size_t>(id.value & (size_max - 1)); }

  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;  // the last one freed is used next
};

}  // namespace reki
