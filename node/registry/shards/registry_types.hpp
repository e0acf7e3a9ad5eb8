#pragma once

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "reki/core/activation/activation.hpp"
#include "reki/core/base/bytes.hpp"
#include "reki/node/actors/cell_host.hpp"
#include "reki/node/registry/shards/type_watches.hpp"

namespace reki {

/// One type of actors, as its registry sees it.
struct TypeEntry : CellType {
  TypeEntry(CellHost& cell_host, const ActorType& t, TypeIndex i, std::uint64_t h, Incarnation incarnation)
      : CellType(cell_host, t), index(i), hash(h), watches(incarnation) {}
  const TypeIndex index;
  const std::uint64_t hash;  ///< hash_type of its name
  TypeWatches watches;
};

/// The types that a registry was made with, by name and by index. Constant, but for what an entry says of itself. Any thread.
class RegistryTypes {
 public:
  /// The factories may be shared with another registry that ends.
  RegistryTypes(std::shared_ptr<const Factories> factories, CellHost& host, std::uint64_t hash_seed, Incarnation incarnation);

  /// Null if there is none.
  [[nodiscard, gnu::always_inline]] TypeEntry* find(std::string_view name) const {
    for (const auto& [known, entry] : few_) {
      if (same_bytes(known, name)) return entry;
    }
    return few_.empty() ? find_of_many(name) : nullptr;
  }
  TypeEntry& operator[](TypeIndex index) { return entries_[index.value]; }
  const TypeEntry& operator[](TypeIndex index) const { return entries_[index.value]; }
  TypeEntry& of(const Activation& a) { return entries_[a.type.value]; }
  [[nodiscard]] const TypeEntry& of(const Activation& a) const { return entries_[a.type.value]; }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }
  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() const { return entries_.end(); }

  /// By index.
  [[nodiscard]] std::span<const RestartPolicy> policies() const { return policies_; }
  [[nodiscard]] const Factories& factories() const { return *factories_; }

 private:
  [[nodiscard]] TypeEntry* find_of_many(std::string_view name) const;

  const std::shared_ptr<const Factories> factories_;
  std::deque<TypeEntry> entries_;
  absl::flat_hash_map<std::string_view, TypeEntry*> by_name_;
  std::vector<std::pair<std::string_view, TypeEntry*>> few_;  ///< All of them, if they are few.
  std::vector<RestartPolicy> policies_;
};

}  // namespace reki
