#include "reki/node/registry/shards/registry_types.hpp"

#include "reki/core/base/hash.hpp"

namespace reki {

RegistryTypes::RegistryTypes(std::shared_ptr<const Factories> factories, CellHost& host, std::uint64_t hash_seed,
                             Incarnation incarnation)
    : factories_(std::move(factories)) {
  for (const auto& [name, type] : factories_->types()) {
    const TypeIndex index{static_cast<std::uint16_t>(entries_.size())};
    TypeEntry& entry = entries_.emplace_back(host, type, index, hash_type(name, hash_seed), incarnation);
    by_name_.emplace(type.name, &entry);
    policies_.push_back(type.options.restart);
  }
  constexpr std::size_t few = 4;  // to compare that many names takes less time than to hash one
  if (by_name_.size() <= few) few_.assign(by_name_.begin(), by_name_.end());
}

TypeEntry* RegistryTypes::find_of_many(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace reki
