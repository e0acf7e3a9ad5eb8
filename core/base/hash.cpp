#include "reki/core/base/hash.hpp"

#include <xxhash.h>

namespace reki {
namespace {
// XXH3 takes null only together with length 0, which an empty view may be: that is fine.
std::uint64_t xxh3(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}
}  // namespace

std::uint64_t hash_type(std::string_view type, std::uint64_t cluster_seed) { return xxh3(type, cluster_seed); }
std::uint64_t hash_key(std::string_view key, std::uint64_t type_hash) { return xxh3(key, type_hash); }
std::uint64_t hash_node(std::string_view node_id) { return xxh3(node_id, 0); }

}  // namespace reki
