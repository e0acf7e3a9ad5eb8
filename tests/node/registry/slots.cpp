// A registry whose slots come and go, beside requests and starts.
#include <boost/test/unit_test.hpp>

#include "slot_registry.hpp"

using namespace test;

BOOST_AUTO_TEST_SUITE(slots)

BOOST_FIXTURE_TEST_CASE(a_start_in_a_slot_that_is_lost_ends_however_many_wait_for_it, SlotRegistry) {
  gain(Epoch{1});
  stage.at_start = [this](const std::string&) { stage.door.pass(); };
  std::atomic<std::size_t> answered = 0;
  const auto ask = [&] { registry.lookup_or_start<Puppet>("k").then([&](const auto&) { ++answered; }); };
  ask();
  BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));
  for (std::size_t i = 1; i < limits::waiters_per_key_max; ++i) ask();
  BOOST_TEST(answered == 0U);
  ask();
  BOOST_TEST(answered == 1U);  // overloaded: no more may wait
  lose();
  stage.door.open();
  BOOST_TEST(eventually([&] { return registry.is_empty(all); }));
  BOOST_TEST(eventually([&] { return answered == limits::waiters_per_key_max + 1; }));
  BOOST_TEST(stage.witness.live("k") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
