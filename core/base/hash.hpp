#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "reki/core/base/ids.hpp"

/// From a key to its slot: the hashes that every client, in any language, must compute alike.
///
/// Pure; equal on every machine and in every version. All of it is XXH3's 64-bit variant with a seed, and SplitMix64.
namespace reki {

/// Hash of a type's name: XXH3_64bits_withSeed(type, cluster_seed). Computed once per type and kept.
///
/// The seed is the cluster's own (`View::hash_seed`), so that nobody can prepare keys that crowd one slot of it.
[[nodiscard]] std::uint64_t hash_type(std::string_view type, std::uint64_t cluster_seed);

/// Hash of a key: XXH3_64bits_withSeed(key, type_hash). One hash per look-up; the same key of two types is unrelated.
[[nodiscard]] std::uint64_t hash_key(std::string_view key, std::uint64_t type_hash);

/// The key's slot: key_hash mod 16384, its low 14 bits.
[[nodiscard]] constexpr SlotId slot_of(std::uint64_t key_hash) {
  return SlotId{static_cast<std::uint16_t>(key_hash % slot_count)};
}

/// Hash of a node's id for rendezvous scores: XXH3_64bits_withSeed(id, 0).
[[nodiscard]] std::uint64_t hash_node(std::string_view node_id);

/// The finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). A
/// bijection.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// How much a slot likes a node. Higher is better: first by `group`, then by `member`.
struct RendezvousScore {
  std::uint64_t group = 0;
  std::uint64_t member = 0;
  friend constexpr auto operator<=>(const RendezvousScore&, const RendezvousScore&) = default;
};

/// Groups of the hierarchical rendezvous; near the square root of the largest cluster.
inline constexpr std::uint32_t rendezvous_groups = 32;
/// A node's group: the top five bits of its hash.
[[nodiscard]] constexpr std::uint32_t rendezvous_group(std::uint64_t node_hash) {
  return static_cast<std::uint32_t>(node_hash >> 59);
}

/// The two halves of the score, for one who looks for the best of many nodes.
[[nodiscard]] constexpr std::uint64_t rendezvous_group_score(SlotId slot, std::uint32_t group) {
  return mix64((std::uint64_t{slot.value} * rendezvous_groups + group + 1) * 0x9e3779b97f4a7c15U);
}
[[nodiscard]] constexpr std::uint64_t rendezvous_member_score(SlotId slot, std::uint64_t node_hash) {
  return mix64(node_hash + (std::uint64_t{slot.value} + 1) * 0x9e3779b97f4a7c15U);
}

/// The score of (slot, node), all arithmetic modulo 2^64:
/// ```
/// group  = mix64((slot * 32 + (node_hash >> 59) + 1) * 0x9e3779b97f4a7c15)
/// member = mix64(node_hash + (slot + 1) * 0x9e3779b97f4a7c15)
/// ```
/// Two levels (skeleton rendezvous hashing, Yao and Ravishankar), because the best of 1000 nodes is then found with
/// some 60 scores instead of 1000: the best group that has a node, then the best node in it. One level made a table
/// from nothing cost 19 ms. Groups of unequal size do no harm, since `next_table` fixes how much each node gets.
[[nodiscard]] constexpr RendezvousScore rendezvous_score(SlotId slot, std::uint64_t node_hash) {
  return {rendezvous_group_score(slot, rendezvous_group(node_hash)), rendezvous_member_score(slot, node_hash)};
}

}  // namespace reki
