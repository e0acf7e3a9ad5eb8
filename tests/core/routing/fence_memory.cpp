#include "reki/core/routing/fence_memory.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/base/hash.hpp"

using namespace reki;

namespace {
constexpr std::size_t sets = limits::fences_remembered_max / 8;
/// The nth key of one set.
std::uint64_t in_set(std::uint64_t n) { return 7 + n * sets; }
}  // namespace

BOOST_AUTO_TEST_SUITE(fence_memory)

BOOST_AUTO_TEST_CASE(what_was_never_seen_has_no_fence) {
  FenceMemory memory;
  memory.prefetch(1);
  BOOST_TEST(memory.highest(1).value == 0U);
  memory.note(1, Fence{5});
  BOOST_TEST(memory.highest(2).value == 0U);
}

BOOST_AUTO_TEST_CASE(the_highest_is_kept_in_whatever_order_they_come) {
  FenceMemory memory;
  BOOST_TEST(memory.note(1, Fence{5}).value == 5U);
  BOOST_TEST(memory.note(1, Fence{9}).value == 9U);
  BOOST_TEST(memory.note(1, Fence{7}).value == 9U);
  BOOST_TEST(memory.highest(1).value == 9U);
}

BOOST_AUTO_TEST_CASE(a_key_that_is_used_again_outlasts_any_number_that_are_used_once) {
  FenceMemory memory;
  memory.note(in_set(0), Fence{3});
  memory.note(in_set(0), Fence{3});
  for (std::uint64_t n = 1; n < 1000; ++n) memory.note(in_set(n), Fence{n});
  BOOST_TEST(memory.highest(in_set(0)).value == 3U);
  BOOST_TEST(memory.highest(in_set(999)).value == 999U);
  BOOST_TEST(memory.highest(in_set(500)).value == 0U);  // pushed out: as if never seen
}

BOOST_AUTO_TEST_CASE(of_keys_that_are_all_used_again_the_least_recent_goes_first) {
  FenceMemory memory;
  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t n = 0; n < 8; ++n) memory.note(in_set(n), Fence{n + 1});
  }
  memory.note(in_set(8), Fence{9});
  BOOST_TEST(memory.highest(in_set(0)).value == 0U);
  for (std::uint64_t n = 1; n <= 8; ++n) BOOST_TEST(memory.highest(in_set(n)).value == n + 1);
}

BOOST_AUTO_TEST_CASE(most_of_as_many_keys_as_the_limit_says_are_remembered) {
  FenceMemory memory;
  for (std::uint64_t n = 0; n < limits::fences_remembered_max; ++n) memory.note(mix64(n), Fence{n + 1});
  std::size_t there = 0;
  for (std::uint64_t n = 0; n < limits::fences_remembered_max; ++n) there += memory.highest(mix64(n)).value == n + 1;
  BOOST_TEST(there > limits::fences_remembered_max * 3 / 4);
}

BOOST_AUTO_TEST_SUITE_END()
