// A registry whose slots come and go, beside requests and starts.
#include <boost/test/unit_test.hpp>

#include "slot_registry.hpp"

using namespace test;

BOOST_AUTO_TEST_SUITE(slots)

BOOST_FIXTURE_TEST_CASE(who_asks_for_a_type_that_is_not_here_is_told_by_which_node, SlotRegistry) {
  gain(Epoch{1});
  for (const auto op : {wire::Op::lookup, wire::Op::lookup_or_start, wire::Op::start, wire::Op::stop, wire::Op::list,
                        wire::Op::count, wire::Op::describe}) {
    Submission submission(op, "nobody", "k");
    const Answer answer = registry.exchange(submission);
    BOOST_TEST((answer.code == ErrorCode::unknown_type), "operation " << static_cast<int>(op));
    BOOST_TEST(answer.text.starts_with("no factory of type 'nobody' on node 'n1'"), answer.text);
  }
  const auto watch = registry.watch(WatchFilter{"nobody", "k"}, [](const WatchEvent&) {});
  BOOST_TEST_REQUIRE(!watch.has_value());
  BOOST_TEST(watch.error().text == "no factory of type 'nobody' on node 'n1'");
}

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

BOOST_FIXTURE_TEST_CASE(what_a_revoked_actor_has_not_handled_stands_before_what_has_waited_for_its_slot_since, SlotRegistry) {
  gain(Epoch{1});
  const auto note = [this](const char* text) { registry.send<Puppet>("k", Note{text}).detach(); };
  registry.send<Puppet>("k", Wait{}).detach();
  BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));
  note("first");
  note("second");
  lose();
  registry.revoke(all);
  own(all);  // it is on its way back, and the actor is still in its handler
  note("third");
  note("fourth");
  stage.door.open();
  BOOST_REQUIRE(eventually([&] { return registry.is_empty(all); }));
  registry.gain(all, Epoch{2});
  BOOST_TEST(eventually([&] { return stage.witness.notes().size() == 4; }));
  BOOST_TEST((stage.witness.notes() == std::vector<std::string>{"first", "second", "third", "fourth"}));
}

BOOST_FIXTURE_TEST_CASE(what_was_revoked_is_on_no_list_and_in_no_count, SlotRegistry) {
  gain(Epoch{1});
  registry.send<Puppet>("k", Wait{}).detach();
  BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));
  const auto listed = [&] { return registry.list<Puppet>().get().value().keys.size(); };
  const auto counted = [&](const char* prefix) { return registry.count<Puppet>(prefix).get().value(); };
  BOOST_TEST((listed() == 1 && counted("") == 1 && counted("k") == 1));
  lose();
  BOOST_TEST((listed() == 1 && counted("") == 1 && counted("k") == 1));  // nobody else has it yet
  registry.revoke(all);
  BOOST_TEST((listed() == 0 && counted("") == 0 && counted("k") == 0));
  stage.door.open();
  BOOST_REQUIRE(eventually([&] { return registry.is_empty(all); }));
  gain(Epoch{2});
  BOOST_TEST(registry.lookup_or_start<Puppet>("k").get().has_value());
  BOOST_TEST((listed() == 1 && counted("") == 1 && counted("k") == 1));
}

/// Its slot is lost and on its way back, while two wait in its mailbox, two behind a stop, and two for the slot.
struct SlotThatComesBack : SlotRegistry {
  SlotThatComesBack() {
    gain(Epoch{1});
    registry.send<Puppet>("k", Wait{}).detach();
    BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));
    note({"first", "second"});
    registry.stop<Puppet>("k").detach();
    note({"third", "fourth"});
    lose();
    registry.revoke(all);
    own(all);
    note({"fifth", "sixth"});
  }

  void note(std::initializer_list<const char*> texts) {
    for (const char* text : texts) registry.send<Puppet>("k", Note{text}).detach();
  }
  void check_order() {
    BOOST_TEST(eventually([&] { return stage.witness.notes().size() == 6; }));
    BOOST_TEST((stage.witness.notes() == std::vector<std::string>{"first", "second", "third", "fourth", "fifth", "sixth"}));
  }
};

BOOST_FIXTURE_TEST_CASE(who_waits_behind_a_stop_when_the_slot_goes_and_comes_back_stays_behind_the_mailbox, SlotThatComesBack) {
  stage.door.open();
  BOOST_REQUIRE(eventually([&] { return registry.is_empty(all); }));
  registry.gain(all, Epoch{2});
  check_order();
}

BOOST_FIXTURE_TEST_CASE(who_waits_behind_a_stop_stays_behind_the_mailbox_when_the_slot_is_back_before_the_actor_has_ended, SlotThatComesBack) {
  registry.gain(all, Epoch{2});
  stage.door.open();
  check_order();
}

BOOST_FIXTURE_TEST_CASE(a_stop_that_comes_when_an_actor_has_outlived_its_slot_is_not_about_that_one, SlotRegistry) {
  gain(Epoch{1});
  registry.send<Puppet>("k", Wait{}).detach();
  BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));
  std::atomic<bool> stopped = false;
  registry.stop<Puppet>("k").then([&](const auto& fence) { stopped = fence.has_value(); });
  lose();
  registry.revoke(all);
  gain(Epoch{3});  // others had it in between, and may have started the key
  BOOST_TEST((registry.stop<Puppet>("k").get().error().code == ErrorCode::not_running));
  BOOST_TEST(!stopped);
  stage.door.open();
  BOOST_TEST((registry.lookup_or_start<Puppet>("k").get().value().fence() == Fence::make(Epoch{3}, StartNumber{1})));
  BOOST_TEST(eventually([&] { return stopped.load(); }));
}

BOOST_FIXTURE_TEST_CASE(a_registry_is_not_quiet_while_a_handler_of_what_it_has_dropped_runs, SlotRegistry) {
  gain(Epoch{1});
  registry.send<Puppet>("k", Wait{}).detach();
  BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));
  registry.start_over(Incarnation{8});
  BOOST_TEST(!registry.is_quiet());
  stage.door.open();
  BOOST_TEST(eventually([&] { return registry.is_quiet(); }));
  registry.start_over(Incarnation{9});
  BOOST_TEST(registry.is_quiet());
}

BOOST_AUTO_TEST_SUITE_END()
