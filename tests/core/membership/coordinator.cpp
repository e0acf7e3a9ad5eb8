// Who gets a lease, and who is dropped: one step at a time, on a register that does what the test says. What becomes of
// it in a cluster is in tests/sim.
#include "reki/core/membership/coordinator.hpp"

#include "coordinator_fixture.hpp"

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;
using namespace test;

// --- leases

BOOST_FIXTURE_TEST_SUITE(coordinator_grants, CoordinatorFixture)

BOOST_AUTO_TEST_CASE(a_lease_needs_a_round_that_began_after_its_renewal_was_received) {
  begin();
  renew(n2);
  tick();
  BOOST_TEST(reg.rounds == 1U);
  renew(n3);  // while round 1 is under way
  tick();
  BOOST_TEST(granted() == "");
  confirm();
  BOOST_TEST(granted() == "n2#1");
  run_to(now + timing.renew / 8);
  confirm();
  BOOST_TEST(granted() == "n3#2");
}

BOOST_AUTO_TEST_CASE(a_grant_has_the_random_number_of_its_renewal) {
  begin();
  Renew m = renewal(n2);
  m.random = 0xfeed;
  coordinator.on(n2, m, out);
  tick();
  confirm();
  const auto grants = sent<Grant>(out);
  BOOST_TEST_REQUIRE(grants.size() == 1U);
  BOOST_TEST(grants[0].random == 0xfeedU);
}

BOOST_AUTO_TEST_CASE(without_a_confirmation_nothing_is_granted) {
  begin();
  run_to(start + 500ms);
  for (int i = 0; i < 5; ++i) {
    renew(n2);
    step(20ms);
    tick();
  }
  BOOST_TEST(reg.rounds > 1U);
  BOOST_TEST(granted() == "");
}

BOOST_AUTO_TEST_CASE(those_who_ask_within_an_eighth_of_a_renewal_share_a_round) {
  begin();
  renew(n1);
  tick();
  step(1ms);
  renew(n2);
  tick();
  step(1ms);
  renew(n3);
  tick();
  BOOST_TEST(reg.rounds == 1U);
  BOOST_TEST((coordinator.next_wake() == clock.now() + -2ms + timing.renew / 8));
  run_to(now + -2ms + timing.renew / 8);
  BOOST_TEST(reg.rounds == 2U);
  confirm();
  BOOST_TEST(granted() == "n1#1 n2#2 n3#3");
}

BOOST_AUTO_TEST_CASE(a_confirmation_holds_for_all_rounds_before_it_and_for_none_after) {
  begin();
  for (int i = 0; i < 3; ++i) {
    renew(n2);
    tick();
    step(20ms);
  }
  BOOST_TEST(reg.rounds == 3U);
  coordinator.on(Confirmed{2}, out);
  BOOST_TEST(granted() == "n2#1 n2#2");
  coordinator.on(Confirmed{2}, out);
  BOOST_TEST(granted() == "");
  coordinator.on(Confirmed{3}, out);
  BOOST_TEST(granted() == "n2#3");
}

BOOST_AUTO_TEST_CASE(a_grant_names_its_renewal_the_term_the_newest_view_and_its_barrier) {
  begin();
  for (const NodeId& node : {n1, n3}) report(node, Epoch{5});
  renew(n2);
  tick();
  out.items.clear();
  confirm();
  const auto grants = sent<Grant>(out);
  BOOST_TEST_REQUIRE(grants.size() == 1U);
  BOOST_TEST((grants[0].incarnation == Incarnation{2} && grants[0].seq == seq));
  BOOST_TEST((grants[0].term == term && grants[0].epoch == Epoch{5} && grants[0].barrier == Epoch{5}));
}

BOOST_AUTO_TEST_CASE(a_report_asks_for_no_lease) {
  begin();
  report(n2, Epoch{5});
  tick();
  BOOST_TEST(reg.rounds == 0U);
}

BOOST_AUTO_TEST_CASE(one_that_is_not_in_the_view_is_shown_the_view_instead) {
  begin();
  out.items.clear();
  coordinator.on(n2, Renew{Incarnation{77}, Epoch{5}, Epoch{5}, 1, false, 0}, out);
  coordinator.on(n4, Renew{Incarnation{4}, Epoch{5}, Epoch{5}, 1, false, 0}, out);
  tick();
  BOOST_TEST(receivers<ViewPush>(out) == "n2 n4");
  BOOST_TEST(reg.rounds == 0U);
}

BOOST_AUTO_TEST_CASE(an_uncleared_member_gets_no_more_grants_after_two_seconds) {
  begin();
  behind = n2;
  run_to(start + timing.stuck + -1ns, {n1, n3, n2});
  BOOST_TEST(granted().ends_with("n2#" + std::to_string(seq)));
  run_to(start + timing.stuck + 50ms, {n1, n3, n2});
  BOOST_TEST(granted().ends_with("n3#" + std::to_string(seq - 1)));
  behind = {};
  run_to(now + 50ms, {n1, n3, n2});
  BOOST_TEST(granted().ends_with("n2#" + std::to_string(seq)));
}

BOOST_AUTO_TEST_CASE(an_uncleared_member_is_dropped_once_its_last_lease_is_over) {
  begin();
  behind = n2;
  run_to(start + timing.stuck + -1ns, {n1, n2, n3});
  const Instant last = now;
  run_to(last + timing.wait + -1ns, {n1, n2, n3});
  BOOST_TEST(reg.proposed.empty());
  run_to(last + timing.wait, {n1, n2, n3});
  BOOST_TEST(members_of(proposal()) == "n1/1 n3/3");
}

BOOST_AUTO_TEST_CASE(two_seconds_uncleared_count_from_the_newest_view) {
  begin();
  run_to(start + 1500ms, {n1, n2, n3});
  join("n4", 4);
  run_to(now + timing.batch, {n1, n2, n3});
  choose();
  behind = n2;
  run_to(start + 3s, {n1, n3, n4, n2});
  BOOST_TEST(granted().ends_with("n2#" + std::to_string(seq)));
}

BOOST_AUTO_TEST_CASE(a_member_that_a_proposal_drops_gets_no_more_grants) {
  begin();
  run_to(start + timing.wait, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
  granted();
  run_to(now + 1s, {n1, n2, n3});  // the proposal has no answer
  BOOST_TEST(granted().find("n3") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_renewal_under_way_is_not_granted_to_a_member_that_a_proposal_drops) {
  begin();
  renew(n3);
  renew(n2);
  tick();
  coordinator.on(n3, Stopped{n3, Incarnation{3}}, out);
  confirm();
  BOOST_TEST(granted() == "n2#2");
}

BOOST_AUTO_TEST_CASE(of_renewals_that_nobody_confirms_the_oldest_go) {
  begin();
  for (int i = 0; i < 30; ++i) {
    renew(n2);
    step(20ms);
    tick();
  }
  out.items.clear();
  confirm();
  const auto grants = sent<Grant>(out);
  BOOST_TEST(grants.size() == 24U);  // eight for each of three members
  BOOST_TEST(grants.front().seq == 7U);
  BOOST_TEST(grants.back().seq == 30U);
}

BOOST_AUTO_TEST_SUITE_END()

// --- who is dropped

BOOST_FIXTURE_TEST_SUITE(coordinator_drops, CoordinatorFixture)

BOOST_AUTO_TEST_CASE(a_silent_member_is_dropped_after_wait_and_not_before) {
  begin();
  run_to(start + 1s, {n1, n2, n3});
  const Instant last = now;  // the round of n3's last grant begins
  run_to(last + timing.wait + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.empty());
  BOOST_TEST((coordinator.next_wake() == clock.now() + 1ns));
  run_to(last + timing.wait, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
  BOOST_TEST(proposal().epoch().value == 6U);
}

BOOST_AUTO_TEST_CASE(the_wait_counts_from_the_beginning_of_the_round_that_granted) {
  begin();
  run_to(start + 1s, {n1, n2, n3});
  step(50ms);
  for (const NodeId& node : {n1, n2, n3}) renew(node);
  tick();
  const Instant began = now;
  step(100ms);
  confirm();
  run_to(began + timing.wait + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.empty());
  run_to(began + timing.wait, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
}

BOOST_AUTO_TEST_CASE(a_member_that_asks_is_not_dropped_because_nothing_is_confirmed) {
  begin();
  while (now < start + 2s) {
    step(50ms);
    for (const NodeId& node : {n1, n2, n3}) renew(node);
    tick();
  }
  BOOST_TEST(reg.proposed.empty());
  const Instant heard = now;
  while (now < heard + 3 * timing.renew) {
    BOOST_TEST(reg.proposed.empty());
    step(50ms);
    for (const NodeId& node : {n1, n2}) renew(node);
    tick();
  }
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
}

BOOST_AUTO_TEST_CASE(a_new_coordinator_waits_for_the_leases_of_its_predecessors) {
  begin(first_view(), 100ms);
  run_to(start + timing.wait + -100ms + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.empty());
  run_to(start + timing.wait + -100ms, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
}

BOOST_AUTO_TEST_CASE(a_new_coordinator_gives_all_time_to_answer_even_if_their_leases_are_over) {
  begin(first_view(), 1h);
  run_to(start + 2 * timing.renew + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.empty());
  run_to(start + 2 * timing.renew, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
}

BOOST_AUTO_TEST_CASE(a_stopped_is_enough) {
  begin();
  run_to(start + 200ms, {n1, n2, n3});
  stopped(NodeId{"guard/n3"}, n3, 3);
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
}

BOOST_AUTO_TEST_CASE(a_stopped_is_acknowledged_once_a_view_without_it_is_chosen) {
  begin();
  out.items.clear();
  stopped(n3, n3, 3);
  BOOST_TEST(receivers<StoppedAck>(out) == "");
  choose();
  BOOST_TEST(receivers<StoppedAck>(out) == "n3");
  BOOST_TEST(sent<StoppedAck>(out)[0].incarnation.value == 3U);
}

BOOST_AUTO_TEST_CASE(a_stopped_of_one_that_is_not_in_the_view_is_acknowledged_and_drops_nobody) {
  begin();
  out.items.clear();
  stopped(NodeId{"guard/n3"}, n3, 33);
  BOOST_TEST(receivers<StoppedAck>(out) == "guard/n3");
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_stood_still_drops_nobody_before_its_loop_has_run_for_wait) {
  begin();
  run_to(start + 1s, {n1, n2, n3});
  step(10s);  // frozen
  tick();
  BOOST_TEST(reg.proposed.empty());
  const Instant thawed = now;
  run_to(thawed + timing.wait + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.empty());
  BOOST_TEST((coordinator.next_wake() == clock.now() + 1ns));
  run_to(thawed + timing.wait, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
}

BOOST_AUTO_TEST_CASE(a_gap_of_a_quarter_of_a_lease_is_no_stop) {
  begin();
  run_to(start + 1s, {n1, n2, n3});
  const Instant last = now;
  step(timing.lease / 4);
  run_to(last + timing.wait, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
}

BOOST_AUTO_TEST_CASE(what_a_thawed_coordinator_finds_in_its_inbox_counts) {
  begin();
  run_to(start + 1s, {n1, n2, n3});
  step(10s);
  for (const NodeId& node : {n1, n2, n3}) renew(node);
  tick();
  confirm();
  run_to(now + timing.wait + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_CASE(one_change_is_proposed_at_a_time) {
  begin();
  stopped(n3, n3, 3);
  stopped(n2, n2, 2);
  run_to(now + 1s, {n1});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
  choose();
  BOOST_TEST(members_of(proposal(2)) == "n1/1");
  BOOST_TEST(proposal(2).epoch().value == 7U);
}

BOOST_AUTO_TEST_CASE(those_who_stay_keep_their_slots_and_share_the_others) {
  begin();
  stopped(n3, n3, 3);
  const View& before = *coordinator.view();
  const View& next = proposal();
  BOOST_TEST(next.slots_of(0) == slot_count / 2);
  BOOST_TEST(next.slots_of(1) == slot_count / 2);
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    const MemberIndex owner = before.table().owner(SlotId{s});
    if (owner != 2) BOOST_REQUIRE(next.table().owner(SlotId{s}) == owner);
  }
}

BOOST_AUTO_TEST_CASE(a_coordinator_whose_own_member_is_silent_drops_it_as_any_other) {
  begin();
  run_to(start + timing.wait, {n2, n3});
  BOOST_TEST(members_of(proposal()) == "n2/2 n3/3");
  BOOST_TEST(proposal().coordinator().value == "n1");
}

BOOST_AUTO_TEST_SUITE_END()
