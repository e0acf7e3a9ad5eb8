#include "reki/core/base/hash.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>

using namespace reki;

namespace {
constexpr std::uint64_t seed = 0x0123456789abcdef;

/// `n` bytes, byte i being (7 i + 1) mod 251.
std::string pattern(std::size_t n) {
  std::string out(n, '\0');
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<char>((i * 7 + 1) % 251);
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(hash)

// The vectors are of python3-xxhash: xxh3_64_intdigest(data, seed).
BOOST_AUTO_TEST_CASE(a_type_hashes_as_in_every_other_language) {
  BOOST_TEST(hash_type("", 0) == 0x2d06800538d394c2U);
  BOOST_TEST(hash_type("counter", 0) == 0x4adf3b791635581dU);
  BOOST_TEST(hash_type("counter", seed) == 0xd0b1106dfa54ba9eU);
  BOOST_TEST(hash_type(std::string(64, 'a'), seed) == 0x5b4ca4396f481266U);
}

BOOST_AUTO_TEST_CASE(a_key_of_any_length_hashes_as_in_every_other_language) {
  struct Vector {
    std::size_t bytes;
    std::uint64_t key_hash;
    std::uint16_t slot;
  };
  constexpr std::array vectors{
      Vector{0, 0x35ce0dfc3f312517, 9495},    Vector{1, 0xf39ea31a33adda8e, 6798},
      Vector{3, 0xe7be4511772b45ce, 1486},    Vector{8, 0xdb9882c3b84b9bbb, 7099},
      Vector{9, 0xf0e5857c3eb0e323, 8995},    Vector{16, 0xafa1ed088c261d22, 7458},
      Vector{17, 0xea69f82657e1649d, 9373},   Vector{128, 0x51e24b294af768e7, 10471},
      Vector{129, 0x39ed69ee9669f996, 14742}, Vector{240, 0xdb4fdabf436f2f2d, 12077},
      Vector{241, 0xf4abdafb209c913f, 4415},  Vector{1024, 0xb405b1efff41f52b, 13611},
  };
  const std::uint64_t type_hash = hash_type("counter", seed);
  for (const Vector& v : vectors) {
    BOOST_TEST_CONTEXT(v.bytes << " bytes") {
      const std::uint64_t h = hash_key(pattern(v.bytes), type_hash);
      BOOST_TEST(h == v.key_hash);
      BOOST_TEST(slot_of(h).value == v.slot);
    }
  }
  BOOST_TEST(hash_key("user_123", type_hash) == 0xb72426bfe4618dd7U);
  BOOST_TEST(slot_of(hash_key("user_123", type_hash)).value == 3543);
}

BOOST_AUTO_TEST_CASE(a_view_without_bytes_hashes_as_the_empty_string) {
  BOOST_TEST(hash_key(std::string_view{}, 5) == hash_key("", 5));
}

BOOST_AUTO_TEST_CASE(the_same_key_of_two_types_or_clusters_is_unrelated) {
  const auto h = [](std::string_view type, std::uint64_t s) { return hash_key("user_123", hash_type(type, s)); };
  BOOST_TEST(h("counter", 1) != h("cart", 1));
  BOOST_TEST(h("counter", 1) != h("counter", 2));
}

// The vectors are of an implementation in Python, written from the header.
BOOST_AUTO_TEST_CASE(a_rendezvous_score_is_the_same_in_every_language) {
  const auto check = [](std::uint16_t slot, std::string_view node, std::uint64_t group, std::uint64_t member) {
    const RendezvousScore score = rendezvous_score(SlotId{slot}, hash_node(node));
    BOOST_TEST(score.group == group);
    BOOST_TEST(score.member == member);
  };
  check(0, "a", 0xa2f09dabb45c6316, 0xdbac1e875f4d0340);
  check(1, "a", 0xed79402d1d5c5d7b, 0x9e8d7fa925e84efa);
  check(16383, "a", 0x1c361565b37ce5d7, 0xee1195baf3da5859);
  check(0, "node-2", 0xf88bb8a8724c81ec, 0x7fa8e9693cae9ed2);
}

BOOST_AUTO_TEST_SUITE_END()
