#include "reki/node/registry/shards/slot_host.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;

namespace {

constexpr SlotId first{3};  // both of shard 3
constexpr SlotId second{3 + SlotHost::shards};

SlotSet set_of(std::initializer_list<SlotId> slots) {
  SlotSet out;
  for (const SlotId slot : slots) out.insert(slot);
  return out;
}

/// The slots of shard 3, and requests that note what they were answered.
struct Host {
  bool park(SlotId slot, const std::string& key, Instant deadline = Instant::never()) {
    Request request;
    request.op = wire::Op::lookup_or_start;
    request.deadline = deadline;
    request.done = Completion::of([](Answer&&) {});
    if (slots.park({slot.value, TypeIndex{0}, key}, request)) return true;
    BOOST_TEST(static_cast<bool>(request.done));  // it is still the caller's
    return false;
  }
  static std::vector<std::string> keys(const std::vector<KeyedRequest>& parked) {
    std::vector<std::string> out;
    for (const auto& each : parked) out.push_back(each.key.key);
    return out;
  }
  bool keep(SlotId slot, const std::string& key) { return slots.keep({{slot.value, TypeIndex{0}, key}, {}, "state"}); }

  std::atomic<std::size_t> parked_in_all{0};
  SlotHost slots{3, true, parked_in_all};
};

using Keys = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(slot_host)

BOOST_AUTO_TEST_CASE(a_slot_is_foreign_then_arriving_then_held_and_foreign_again) {
  Host h;
  BOOST_TEST(h.slots.are_all_foreign());
  BOOST_TEST(!h.slots.holds(first));
  h.slots.expect(set_of({first, SlotId{4}}));
  BOOST_TEST((h.slots.state(first) == SlotState::arriving));
  BOOST_TEST((h.slots.state(second) == SlotState::foreign));
  BOOST_TEST(!h.slots.holds(first));
  h.slots.hold(first);
  BOOST_TEST(h.slots.holds(first));
  h.slots.expect(set_of({first}));
  h.slots.expect_only({});
  BOOST_TEST(h.slots.holds(first));  // what is held is let go by `lose` alone
  h.slots.lose(first);
  BOOST_TEST(h.slots.are_all_foreign());
}

BOOST_AUTO_TEST_CASE(without_a_cluster_all_slots_are_held) {
  std::atomic<std::size_t> parked{0};
  SlotHost slots(3, false, parked);
  BOOST_TEST(slots.holds(first));
  BOOST_TEST(!slots.keep({{first.value, TypeIndex{0}, "k"}, {}, {}}));
}

BOOST_AUTO_TEST_CASE(only_the_slots_of_its_own_shard_are_its) {
  Host h;
  std::vector<std::uint32_t> seen;
  h.slots.each_of(set_of({first, SlotId{4}, second}), [&](SlotId slot) { seen.push_back(slot.value); });
  BOOST_TEST(seen == (std::vector<std::uint32_t>{first.value, second.value}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(requests_wait_in_their_order_until_their_slot_is_held) {
  Host h;
  h.slots.expect(set_of({first, second}));
  for (const char* key : {"a", "c"}) BOOST_TEST(h.park(first, key));
  BOOST_TEST(h.park(second, "b"));
  BOOST_TEST(h.slots.take_held().empty());
  h.slots.hold(first);
  BOOST_TEST(Host::keys(h.slots.take_held()) == (Keys{"a", "c"}), boost::test_tools::per_element());
  BOOST_TEST(h.slots.has_parked());
  BOOST_TEST(h.parked_in_all == 1U);
  h.slots.hold(second);
  BOOST_TEST(Host::keys(h.slots.take_held()) == Keys{"b"}, boost::test_tools::per_element());
  BOOST_TEST(!h.slots.has_parked());
  BOOST_TEST(h.parked_in_all == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_put_first_stands_before_the_others_in_its_own_order) {
  Host h;
  h.slots.expect(set_of({first}));
  for (const char* key : {"a", "b", "c", "d"}) BOOST_TEST(h.park(first, key));
  h.slots.put_first(0);
  h.slots.put_first(2);
  h.slots.hold(first);
  BOOST_TEST(Host::keys(h.slots.take_held()) == (Keys{"c", "d", "a", "b"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(requests_for_a_slot_that_is_not_owned_after_all_are_given_back) {
  Host h;
  h.slots.expect(set_of({first, second}));
  BOOST_TEST(h.park(first, "a"));
  BOOST_TEST(h.park(second, "b"));
  h.slots.expect_only(set_of({second}));
  BOOST_TEST(Host::keys(h.slots.take_foreign()) == Keys{"a"}, boost::test_tools::per_element());
  BOOST_TEST(h.parked_in_all == 1U);
}

BOOST_AUTO_TEST_CASE(a_request_waits_until_its_own_deadline) {
  Host h;
  h.slots.expect(set_of({first}));
  BOOST_TEST(h.park(first, "soon", Instant{10}));
  BOOST_TEST(h.park(first, "late", Instant{20}));
  BOOST_TEST(h.slots.take_late(Instant{9}).empty());
  BOOST_TEST(Host::keys(h.slots.take_late(Instant{10})) == Keys{"soon"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_more_wait_in_all_shards_than_the_limit) {
  Host h;
  h.slots.expect(set_of({first}));
  h.parked_in_all = limits::parked_max - 1;
  BOOST_TEST(h.park(first, "a"));
  BOOST_TEST(!h.park(first, "b"));
  (void)h.slots.take_late(Instant::never());
  BOOST_TEST(h.park(first, "b"));
}

BOOST_AUTO_TEST_CASE(a_state_waits_for_its_slot_and_goes_with_it) {
  Host h;
  BOOST_TEST(!h.keep(first, "k"));  // not on its way
  h.slots.expect(set_of({first, second}));
  BOOST_TEST(h.keep(first, "k"));
  BOOST_TEST(h.keep(second, "other"));
  BOOST_TEST(h.slots.take_arrived().empty());
  h.slots.hold(first);
  const auto arrived = h.slots.take_arrived();
  BOOST_REQUIRE(arrived.size() == 1U);
  BOOST_TEST(arrived.front().key.key == "k");
  BOOST_TEST(arrived.front().state == "state");
  BOOST_TEST(!h.keep(first, "k"));  // too late
  h.slots.expect_only({});
  h.slots.hold(second);
  BOOST_TEST(h.slots.take_arrived().empty());
}

BOOST_AUTO_TEST_SUITE_END()
