#include "reki/core/base/slot_map.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <set>
#include <vector>

#include "reki/core/base/ids.hpp"

using namespace reki;

namespace {
using Id = StrongId<struct SlotMapTestTag, std::uint64_t>;
using Borrowing = SlotMap<Id, int*>;
using Owning = SlotMap<Id, std::unique_ptr<int>>;
}  // namespace

BOOST_AUTO_TEST_SUITE(slot_map)

BOOST_AUTO_TEST_CASE(what_was_added_is_found_by_its_id_and_nothing_else_is) {
  Borrowing map;
  int one = 1;
  int two = 2;
  const Id first = map.add(&one);
  const Id second = map.add(&two);
  BOOST_TEST(map.find(first) == &one);
  BOOST_TEST(map.find(second) == &two);
  BOOST_TEST(map.find(Id{0}) == nullptr);
  BOOST_TEST(map.find(Id{~std::uint64_t{0}}) == nullptr);
  BOOST_TEST(map.find(Id{second.value + 1}) == nullptr);
  BOOST_TEST(map.find(Id{first.value + Borrowing::size_max}) == nullptr);
}

BOOST_AUTO_TEST_CASE(an_id_of_what_was_removed_finds_nothing_even_when_its_place_is_taken_again) {
  Borrowing map;
  int one = 1;
  int two = 2;
  const Id old = map.add(&one);
  map.remove(old);
  BOOST_TEST(map.find(old) == nullptr);
  const Id next = map.add(&two);
  BOOST_TEST((next.value & (Borrowing::size_max - 1)) == (old.value & (Borrowing::size_max - 1)));
  BOOST_TEST(map.find(old) == nullptr);
  BOOST_TEST(map.find(next) == &two);
}

BOOST_AUTO_TEST_CASE(no_id_is_given_twice_and_none_is_zero) {
  Borrowing map;
  int value = 0;
  std::set<std::uint64_t> given{0};
  std::vector<Id> there;
  for (int i = 0; i < 1000; ++i) {
    there.push_back(map.add(&value));
    BOOST_TEST(given.insert(there.back().value).second);
    if (i % 3 == 0) continue;
    map.remove(there[there.size() / 2]);
    there.erase(there.begin() + static_cast<std::ptrdiff_t>(there.size() / 2));
  }
}

BOOST_AUTO_TEST_CASE(places_are_used_again_so_the_table_is_as_large_as_the_most_at_one_time) {
  Borrowing map;
  int value = 0;
  for (int i = 0; i < 1000; ++i) map.remove(map.add(&value));
  BOOST_TEST((map.add(&value).value & (Borrowing::size_max - 1)) == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_owned_ends_when_it_is_removed_and_with_the_map) {
  const auto witness = std::make_shared<int>(7);
  using Shared = SlotMap<Id, std::unique_ptr<std::shared_ptr<int>>>;
  {
    Shared map;
    const Id id = map.add(std::make_unique<std::shared_ptr<int>>(witness));
    static_cast<void>(map.add(std::make_unique<std::shared_ptr<int>>(witness)));
    BOOST_TEST(witness.use_count() == 3);
    map.remove(id);
    BOOST_TEST(witness.use_count() == 2);
  }
  BOOST_TEST(witness.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(all_are_visited_once_and_may_be_removed_meanwhile) {
  Owning map;
  std::vector<Id> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(map.add(std::make_unique<int>(i)));
  map.remove(ids[3]);
  std::set<int> seen;
  map.for_each([&](int& value) {
    BOOST_TEST(seen.insert(value).second);
    if (value % 2 == 0) map.remove(ids[static_cast<std::size_t>(value)]);
  });
  BOOST_TEST(seen.size() == 9U);
  BOOST_TEST(map.find(ids[4]) == nullptr);
  BOOST_TEST(*map.find(ids[5]) == 5);
}

BOOST_AUTO_TEST_SUITE_END()
