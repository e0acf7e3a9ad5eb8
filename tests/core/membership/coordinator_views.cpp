// What the coordinator makes the next view of: who joins and leaves, the barrier, and the voters.
#include "coordinator_fixture.hpp"
#include "reki/core/base/limits.hpp"

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;
using namespace test;

// --- who joins

BOOST_FIXTURE_TEST_SUITE(coordinator_joins, CoordinatorFixture)

BOOST_AUTO_TEST_CASE(an_election_shows_the_view_to_all_members_and_to_this_node) {
  begin();
  BOOST_TEST(receivers<ViewPush>(out) == "n1 n2 n3");
  CoordinatorFixture other;
  other.begin(view({"", Epoch{1}, term, n1, 0, voters(1), {}}, {}));
  BOOST_TEST(receivers<ViewPush>(other.out) == "n1");
}

BOOST_AUTO_TEST_CASE(joins_within_the_window_become_one_view) {
  begin();
  join("n5", 5);
  BOOST_TEST((coordinator.next_wake() == clock.now() + timing.batch));
  step(timing.batch + -1ns);
  join("n4", 4);
  BOOST_TEST(reg.proposed.empty());
  step(1ns);
  tick();
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2 n3/3 n4/4 n5/5");
}

BOOST_AUTO_TEST_CASE(a_join_and_a_leave_share_a_view_too) {
  begin();
  say_leaving(n2);
  step(timing.batch / 2);
  join("n4", 4);
  BOOST_TEST(reg.proposed.empty());
  step(timing.batch / 2);
  tick();
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2- n3/3 n4/4");
}

BOOST_AUTO_TEST_CASE(a_newcomer_is_up_and_owns_its_share) {
  begin();
  Member wants = member("n4", 4, MemberState::joining);
  coordinator.on(n4, Join{wants, Epoch{5}, 0}, out);
  run_to(now + timing.batch, {n1, n2, n3});
  BOOST_TEST((proposal().find(n4)->state == MemberState::up));
  BOOST_TEST(proposal().slots_of(3) == slot_count / 4);
}

BOOST_AUTO_TEST_CASE(a_chosen_view_is_shown_to_all_its_members) {
  begin();
  join("n4", 4);
  run_to(now + timing.batch, {n1, n2, n3});
  out.items.clear();
  choose();
  BOOST_TEST(receivers<ViewPush>(out) == "n1 n2 n3 n4");
}

BOOST_AUTO_TEST_CASE(a_join_to_another_view_than_the_newest_is_answered_with_the_newest) {
  begin();
  out.items.clear();
  join("n4", 4, Epoch{0});
  join("n4", 4, Epoch{4});
  join("n4", 4, Epoch{6});
  BOOST_TEST(receivers<ViewPush>(out) == "n4 n4 n4");
  run_to(now + 1s, {n1, n2, n3});
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_CASE(a_node_that_disagrees_about_what_safety_needs_is_refused_and_stays_outside) {
  begin();
  out.items.clear();
  const Settings cloud{1500ms, 2s, EngineKind::embedded};
  coordinator.on(n4, Join{member("n4", 4), Epoch{5}, 0, cloud}, out);
  run_to(now + 1s, {n1, n2, n3});
  BOOST_TEST(reg.proposed.empty());
  BOOST_TEST(refused("n4").starts_with("4: profile: the cluster's is \"lan\""));
  coordinator.on(n4, Join{member("n4", 4), Epoch{5}, 0, Settings{.engine = EngineKind::etcd}}, out);
  BOOST_TEST(refused("n4").starts_with("4: engine: the cluster's is \"embedded\""));
  join("n4", 4);
  run_to(now + timing.batch, {n1, n2, n3});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2 n3/3 n4/4");
}

BOOST_AUTO_TEST_CASE(leases_are_waited_for_as_the_view_says_and_not_the_coordinators_config) {
  auto head = first_view()->head();
  head.settings = {1500ms, 2s, EngineKind::embedded};
  begin(view(head, {member("n1", 1), member("n2", 2), member("n3", 3)}));
  run_to(start + 1s, {n1, n2, n3});
  const Instant last = now;
  run_to(last + 2s + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.empty());
  run_to(last + 2s, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
}

BOOST_AUTO_TEST_CASE(a_second_process_with_a_living_nodes_id_is_told_so_and_the_living_one_stays) {
  begin();
  run_to(start + 12s, {n1, n2, n3});
  out.items.clear();
  join("n3", 33);
  BOOST_TEST(refused("n3") == "");  // it may be the same node, started again
  run_to(now + 2 * timing.renew, {n1, n2, n3});
  join("n3", 33);
  const std::string why = refused("n3");
  BOOST_TEST(why.starts_with("33: node 'n3' is alive at tcp://"));
  BOOST_TEST(why.find("for 12 s or more") != std::string::npos);
  run_to(now + 5s, {n1, n2, n3});
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_CASE(an_old_copy_of_a_join_brings_nobody_back) {
  begin();
  join("n4", 4);
  run_to(now + timing.batch, {n1, n2, n3});
  choose();
  stopped(n4, n4, 4);
  BOOST_TEST(members_of(choose()) == "n1/1 n2/2 n3/3");
  join("n4", 4, Epoch{5});
  run_to(now + 500ms, {n1, n2, n3});
  BOOST_TEST(reg.proposed.size() == 2U);
}

BOOST_AUTO_TEST_CASE(nobody_joins_in_anothers_name) {
  begin();
  out.items.clear();
  coordinator.on(n5, Join{member("n4", 4), Epoch{5}, 0}, out);
  run_to(now + 1s, {n1, n2, n3});
  BOOST_TEST(reg.proposed.empty());
  BOOST_TEST(receivers<ViewPush>(out) == "");
}

BOOST_AUTO_TEST_CASE(one_that_is_in_already_is_shown_the_view) {
  begin();
  out.items.clear();
  join("n2", 2);
  BOOST_TEST(receivers<ViewPush>(out) == "n2");
  run_to(now + 500ms, {n1, n2, n3});
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_CASE(a_restarted_node_waits_until_its_earlier_incarnation_may_be_dropped) {
  begin();
  run_to(start + 1s, {n1, n2, n3});
  const Instant last = now;
  join("n3", 33);
  run_to(last + timing.wait + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.empty());
  run_to(last + timing.wait, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2 n3/33");
}

BOOST_AUTO_TEST_CASE(a_restarted_node_whose_earlier_incarnation_has_stopped_joins_at_once) {
  begin();
  coordinator.on(n3, Join{member("n3", 33), Epoch{5}, 0}, out);
  stopped(n3, n3, 3);
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2 n3/33");
}

BOOST_AUTO_TEST_CASE(the_latest_incarnation_that_asks_is_the_one_that_joins) {
  begin();
  join("n4", 4);
  join("n4", 44);
  run_to(now + timing.batch, {n1, n2, n3});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2 n3/3 n4/44");
}

BOOST_AUTO_TEST_CASE(one_that_asked_for_a_view_that_was_made_without_it_is_shown_that_view) {
  begin();
  stopped(n3, n3, 3);
  join("n4", 4);
  out.items.clear();
  BOOST_TEST(members_of(choose()) == "n1/1 n2/2");
  BOOST_TEST(receivers<ViewPush>(out) == "n1 n2 n4");
  run_to(now + 500ms, {n1, n2});
  BOOST_TEST(reg.proposed.size() == 1U);  // it has to ask again
}

BOOST_AUTO_TEST_CASE(a_full_cluster_takes_nobody_in) {
  std::vector<Member> members;
  for (std::size_t i = 0; i < limits::nodes_max; ++i) members.push_back(member("m" + std::to_string(i), i + 1));
  begin(view({"", Epoch{5}, term, n1, 0, voters(3), {}}, std::move(members)));
  join("n4", 4);
  step(timing.batch);
  tick();
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_SUITE_END()

// --- hand-over

BOOST_FIXTURE_TEST_SUITE(coordinator_barrier, CoordinatorFixture)

BOOST_AUTO_TEST_CASE(a_barrier_is_complete_once_all_members_have_cleared_the_view) {
  begin();
  out.items.clear();
  report(n1, Epoch{5});
  report(n3, Epoch{5});
  BOOST_TEST(sent<News>(out).empty());
  BOOST_TEST(coordinator.barrier().value == 0U);
  report(n2, Epoch{5});
  BOOST_TEST(receivers<News>(out) == "n1 n2 n3");
  const News news = sent<News>(out)[0];
  BOOST_TEST((news.term == term && news.epoch == Epoch{5} && news.barrier == Epoch{5}));
  BOOST_TEST(coordinator.barrier().value == 5U);
}

BOOST_AUTO_TEST_CASE(a_report_of_an_earlier_view_completes_nothing) {
  begin();
  report(n1, Epoch{5});
  report(n3, Epoch{5});
  report(n2, Epoch{4});
  BOOST_TEST(coordinator.barrier().value == 0U);
}

BOOST_AUTO_TEST_CASE(a_report_of_a_later_view_completes_nothing) {
  begin();
  report(n1, Epoch{5});
  report(n2, Epoch{5});
  report(n3, Epoch{6});  // another coordinator's: this one has been deposed
  BOOST_TEST(coordinator.barrier().value == 0U);
}

BOOST_AUTO_TEST_CASE(a_report_that_has_been_overtaken_takes_nothing_back) {
  begin();
  report(n2, Epoch{5});
  report(n2, Epoch{4});
  report(n1, Epoch{5});
  report(n3, Epoch{5});
  BOOST_TEST(coordinator.barrier().value == 5U);
}

BOOST_AUTO_TEST_CASE(a_newer_view_has_a_barrier_of_its_own) {
  begin();
  for (const NodeId& node : {n1, n2, n3}) report(node, Epoch{5});
  join("n4", 4);
  run_to(now + timing.batch, {n1, n2, n3});
  out.items.clear();
  choose();
  for (const NodeId& node : {n1, n2, n3}) report(node, Epoch{6});
  BOOST_TEST(coordinator.barrier().value == 5U);
  report(n4, Epoch{6});
  BOOST_TEST(coordinator.barrier().value == 6U);
  BOOST_TEST(receivers<News>(out) == "n1 n2 n3 n4");
}

BOOST_AUTO_TEST_CASE(one_that_is_gone_holds_up_no_barrier) {
  begin();
  report(n1, Epoch{5});
  report(n2, Epoch{5});
  stopped(NodeId{"guard/n3"}, n3, 3);
  choose();
  report(n1, Epoch{6});
  report(n2, Epoch{6});
  BOOST_TEST(coordinator.barrier().value == 6U);
}

BOOST_AUTO_TEST_CASE(a_new_coordinator_knows_of_no_barrier_until_all_have_reported) {
  begin();
  out.items.clear();
  renew(n2);
  tick();
  confirm();
  BOOST_TEST(sent<Grant>(out)[0].barrier.value == 0U);
}

BOOST_AUTO_TEST_CASE(one_that_leaves_owns_nothing_in_the_next_view_and_is_still_a_member) {
  begin();
  say_leaving(n2);
  run_to(now + timing.batch, {n1, n3});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2- n3/3");
  BOOST_TEST(proposal().slots_of(0) == slot_count / 2);
  BOOST_TEST(proposal().slots_of(1) == 0U);
  BOOST_TEST(proposal().slots_of(2) == slot_count / 2);
}

BOOST_AUTO_TEST_CASE(one_that_asks_to_leave_while_a_view_is_made_leaves_with_the_next) {
  begin();
  join("n4", 4);
  run_to(now + timing.batch, {n1, n2, n3});
  proposal();
  say_leaving(n2);
  choose();
  say_leaving(n2);
  run_to(now + timing.batch, {n1, n3, n4});
  BOOST_TEST(members_of(proposal(2)) == "n1/1 n2/2- n3/3 n4/4");
}

BOOST_AUTO_TEST_CASE(one_that_leaves_is_out_once_it_says_that_it_has_stopped) {
  begin();
  say_leaving(n2);
  run_to(now + timing.batch, {n1, n2, n3});
  choose();
  for (const NodeId& node : {n1, n2, n3}) report(node, Epoch{6});
  BOOST_TEST(coordinator.barrier().value == 6U);
  say_leaving(n2);
  run_to(now + 2s, {n1, n2, n3});
  BOOST_TEST(reg.proposed.size() == 1U);  // nothing more is done about it
  out.items.clear();
  stopped(n2, n2, 2);
  BOOST_TEST(members_of(choose()) == "n1/1 n3/3");
  BOOST_TEST(receivers<StoppedAck>(out) == "n2");
}

BOOST_AUTO_TEST_CASE(one_that_leaves_keeps_its_lease_until_it_has_stopped) {
  begin();
  say_leaving(n2);
  run_to(now + timing.batch, {n1, n3});
  choose();
  out.items.clear();
  say_leaving(n2);
  step(20ms);
  tick();
  confirm();
  BOOST_TEST(granted() == "n2#" + std::to_string(seq));
}

BOOST_AUTO_TEST_CASE(one_that_falls_silent_while_it_leaves_is_dropped_as_any_other) {
  begin();
  run_to(start + 1s, {n1, n2, n3});
  const Instant last = now;
  say_leaving(n2);
  run_to(last + timing.batch, {n1, n3});
  choose();
  run_to(last + 20ms + timing.wait, {n1, n3});
  BOOST_TEST(members_of(proposal(2)) == "n1/1 n3/3");
}

BOOST_AUTO_TEST_SUITE_END()

// --- voters

BOOST_FIXTURE_TEST_SUITE(coordinator_voters, CoordinatorFixture)

BOOST_AUTO_TEST_CASE(an_empty_store_replaces_the_lost_one_of_its_node_under_a_new_number) {
  begin();
  offer(n2, 202);
  tick();
  BOOST_TEST(text_of(proposal().voters()) == "1:101 3:103 4:202");
  BOOST_TEST(text_of(proposal().old_voters()) == "1:101 2:102 3:103");
  BOOST_TEST((proposal().voters()[2].node == n2));
  BOOST_TEST(proposal().voters()[2].control == control_of("n2"));
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2 n3/3");
}

BOOST_AUTO_TEST_CASE(a_store_that_was_offered_before_its_node_knew_this_view_may_be_in_anothers_proposal_by_now) {
  begin();
  offer(n2, 202, false);
  tick();
  BOOST_TEST(reg.proposed.empty());
  offer(n2, 202);
  tick();
  BOOST_TEST(text_of(proposal().voters()) == "1:101 3:103 4:202");
}

BOOST_AUTO_TEST_CASE(a_change_of_voters_is_ended_before_the_next_begins) {
  begin();
  offer(n1, 201);
  offer(n3, 203);
  tick();
  BOOST_TEST(text_of(choose().voters()) == "2:102 3:103 4:201");
  BOOST_TEST(text_of(proposal(2).voters()) == "2:102 3:103 4:201");
  BOOST_TEST(text_of(proposal(2).old_voters()) == "");
  choose();
  BOOST_TEST(text_of(proposal(3).voters()) == "2:102 4:201 5:203");
  BOOST_TEST(text_of(proposal(3).old_voters()) == "2:102 3:103 4:201");
  choose();
  BOOST_TEST(text_of(choose().old_voters()) == "");
  BOOST_TEST(reg.proposed.size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_change_of_voters_that_a_predecessor_began_is_ended) {
  begin(first_view({voter(1), voter(3), {4, 202, n2, control_of("n2")}}, voters(3)));
  BOOST_TEST(text_of(proposal().voters()) == "1:101 3:103 4:202");
  BOOST_TEST(text_of(proposal().old_voters()) == "");
}

BOOST_AUTO_TEST_CASE(a_store_that_no_voter_has_lost_is_not_needed) {
  begin(first_view(voters(1)));
  offer(n2, 202);
  offer(n1, 101);
  run_to(now + 500ms, {n1, n2, n3});
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_CASE(an_offer_that_is_taken_back_is_not_used) {
  begin();
  stopped(n3, n3, 3);
  offer(n2, 202);
  offer(n2, 0);
  choose();
  BOOST_TEST(reg.proposed.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
