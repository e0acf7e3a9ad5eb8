// How a running cluster gets another profile: what the coordinator makes of the wish, and what a member does with its lease.
#include "reki/core/membership/profile_change.hpp"

#include <array>

#include "agent_fixture.hpp"
#include "coordinator_fixture.hpp"

using namespace test;

namespace {

using State = SetProfileReply::State;

ViewPtr staged(const ViewPtr& like, Stage stage, std::uint32_t epoch) {
  ViewHead head = like->head();
  head.settings = with_stage(head.settings, stage);
  head.epoch = Epoch{epoch};
  return test::view(std::move(head), {like->members().begin(), like->members().end()});
}

/// n1 coordinates n1 to n3 in a view of that stage.
struct ProfileFixture : CoordinatorFixture {
  void begin_in(Stage stage) { begin(staged(first_view(), stage, 5)); }
  SetProfileReply ask(Profile profile, std::optional<Epoch> base = {}) {
    out.items.clear();
    coordinator.on(NodeId{"profile/1"}, SetProfile{base.value_or(coordinator.view()->epoch()), profile}, out);
    tick();
    return sent<SetProfileReply>(out).at(0);
  }
  std::string state(Profile profile, std::optional<Epoch> base = {}) {
    static constexpr std::array names{"done", "under way", "not yet", "refused"};
    return names[static_cast<std::size_t>(ask(profile, base).state)];
  }
  /// All members but that one.
  void all_clear(const NodeId& but = {}) {
    for (const NodeId& node : {n1, n2, n3}) {
      if (node != but) report(node, coordinator.view()->epoch());
    }
    tick();
  }
  Stage stage() const { return stage_of(coordinator.view()->settings()); }
  Stage proposed(std::size_t number = 1) const { return stage_of(proposal(number).settings()); }
  bool lets_in(Stage config) {
    out.items.clear();
    coordinator.on(n4, Join{member("n4", 4), coordinator.view()->epoch(), 0, with_stage({}, config)}, out);
    return refused("n4").empty();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(coordinator_set_profile, ProfileFixture)

BOOST_AUTO_TEST_CASE(from_lan_to_cloud_is_one_view_and_done_once_all_have_cleared_it) {
  begin_in(Stage::lan);
  all_clear();
  BOOST_TEST(state(Profile::cloud) == "under way");
  BOOST_TEST((proposed() == Stage::cloud));
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2 n3/3");
  choose();
  all_clear(n3);
  BOOST_TEST(state(Profile::cloud) == "under way");
  all_clear();
  BOOST_TEST(state(Profile::cloud) == "done");
  BOOST_TEST(reg.proposed.size() == 1U);
}

BOOST_AUTO_TEST_CASE(from_cloud_to_lan_is_two_and_the_second_comes_once_all_have_cleared_the_first) {
  begin_in(Stage::cloud);
  all_clear();
  BOOST_TEST(state(Profile::lan) == "under way");
  BOOST_TEST((proposed() == Stage::mix));
  choose();
  all_clear(n2);
  BOOST_TEST(reg.proposed.size() == 1U);
  BOOST_TEST(state(Profile::lan) == "under way");
  all_clear();
  BOOST_TEST((proposed(2) == Stage::lan));
  choose();
  BOOST_TEST(state(Profile::lan) == "under way");
  all_clear();
  BOOST_TEST(state(Profile::lan) == "done");
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_finds_the_cluster_on_its_way_takes_the_second_step) {
  begin_in(Stage::mix);
  BOOST_TEST(reg.proposed.empty());
  all_clear();
  BOOST_TEST((proposed() == Stage::lan));
}

BOOST_AUTO_TEST_CASE(a_later_view_of_the_same_stage_has_to_be_cleared_too) {
  begin_in(Stage::mix);
  all_clear(n2);
  join("n4", 4);
  step(timing.batch);
  tick();
  BOOST_TEST((proposed() == Stage::mix));
  choose();
  all_clear();
  BOOST_TEST(reg.proposed.size() == 1U);
  report(n4, coordinator.view()->epoch());
  tick();
  BOOST_TEST((proposed(2) == Stage::lan));
}

BOOST_AUTO_TEST_CASE(who_is_dropped_is_waited_for_as_the_view_before_says) {
  begin_in(Stage::lan);
  run_to(start + 1s, {n1, n2, n3});
  const Instant last = now;
  BOOST_TEST(state(Profile::cloud) == "under way");
  choose();  // it may have a lease of 1.5 s from now on
  run_to(last + membership::cloud().wait + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.size() == 1U);
  run_to(last + membership::cloud().wait, {n1, n2});
  BOOST_TEST(members_of(proposal(2)) == "n1/1 n2/2");
}

BOOST_AUTO_TEST_CASE(while_it_is_on_its_way_to_lan_a_silent_member_is_waited_for_as_long_as_before) {
  begin_in(Stage::mix);
  run_to(start + 100ms, {n1, n2});
  run_to(start + membership::cloud().wait + -1ns, {n1, n2});
  BOOST_TEST(reg.proposed.empty());
  run_to(start + membership::cloud().wait, {n1, n2});
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2");
  BOOST_TEST((proposed() == Stage::mix));
}

BOOST_AUTO_TEST_CASE(what_is_so_already_is_done_and_changes_nothing) {
  begin_in(Stage::cloud);
  all_clear();
  BOOST_TEST(state(Profile::cloud, Epoch{1}) == "done");
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_CASE(an_old_copy_of_a_wish_changes_nothing_and_the_answer_says_from_which_view_to_ask) {
  begin_in(Stage::lan);
  const auto reply = ask(Profile::cloud, Epoch{4});
  BOOST_TEST((reply.state == State::not_yet && reply.epoch == Epoch{5}));
  BOOST_TEST(reg.proposed.empty());
  BOOST_TEST(state(Profile::cloud, reply.epoch) == "under way");
}

BOOST_AUTO_TEST_CASE(another_wish_waits_until_one_is_done) {
  begin_in(Stage::lan);
  BOOST_TEST(state(Profile::cloud) == "under way");
  BOOST_TEST(state(Profile::lan) == "not yet");
  choose();
  BOOST_TEST(state(Profile::lan) == "not yet");
  all_clear();
  BOOST_TEST(state(Profile::lan) == "under way");
}

BOOST_AUTO_TEST_CASE(on_its_way_to_lan_it_may_turn_back_in_one_view) {
  begin_in(Stage::mix);
  BOOST_TEST(state(Profile::cloud) == "under way");
  BOOST_TEST((proposed() == Stage::cloud));
}

BOOST_AUTO_TEST_CASE(while_it_changes_a_newcomer_may_have_either_and_afterwards_what_the_view_says) {
  begin_in(Stage::lan);
  all_clear();
  BOOST_TEST(!lets_in(Stage::cloud));
  BOOST_TEST(state(Profile::cloud) == "under way");
  choose();
  BOOST_TEST(lets_in(Stage::lan));
  BOOST_TEST(lets_in(Stage::cloud));
  all_clear();
  BOOST_TEST(!lets_in(Stage::lan));
  BOOST_TEST(lets_in(Stage::cloud));
}

BOOST_AUTO_TEST_CASE(on_the_way_to_lan_either_is_right_whoever_coordinates) {
  begin_in(Stage::mix);
  BOOST_TEST(lets_in(Stage::lan));
  BOOST_TEST(lets_in(Stage::cloud));
}

BOOST_AUTO_TEST_CASE(in_etcd_it_is_the_same) {
  ViewHead head{"", Epoch{5}, term, n1, 0, {}, {}, with_stage({.engine = EngineKind::etcd}, Stage::lan)};
  begin(view(head, {member("n1", 1)}));
  BOOST_TEST(state(Profile::cloud) == "under way");
  BOOST_TEST((proposed() == Stage::cloud && proposal().settings().engine == EngineKind::etcd));
}

BOOST_AUTO_TEST_CASE(leases_of_no_profile_cannot_be_changed) {
  ViewHead head = first_view()->head();
  head.settings = {900ms, 2s, EngineKind::embedded};
  begin(view(head, {member("n1", 1)}));
  const auto reply = ask(Profile::lan);
  BOOST_TEST((reply.state == State::refused));
  BOOST_TEST((reply.why.find("leases of 900 ms") != std::string::npos), reply.why);
}

BOOST_AUTO_TEST_SUITE_END()

// --- a member

BOOST_FIXTURE_TEST_SUITE(agent_profile, AgentFixture)

BOOST_AUTO_TEST_CASE(a_view_with_a_shorter_lease_cuts_the_one_there_is_before_it_is_reported_cleared) {
  push(staged(with_me(2), Stage::cloud, 2));
  const Instant sent_at = now;
  grant(last_renewal().seq);
  BOOST_TEST((agent.lease_end() == sent_at + 1500ms));
  (void)agent.take_events();
  now = now + 300ms;
  out.items.clear();
  push(staged(with_me(3), Stage::mix, 3));
  BOOST_TEST((agent.lease_end() == sent_at + 650ms));
  const auto cuts = take<LeaseCut>();
  BOOST_TEST_REQUIRE(cuts.size() == 1U);
  BOOST_TEST((cuts[0].end == sent_at + 650ms && cuts[0].from == sent_at));
  BOOST_TEST((last_renewal().cleared == Epoch{3}));
}

BOOST_AUTO_TEST_CASE(a_lease_that_is_older_than_the_short_one_is_over_with_the_cut) {
  push(staged(with_me(2), Stage::cloud, 2));
  grant(last_renewal().seq);
  now = now + 700ms;
  BOOST_TEST(agent.gate(now));
  push(staged(with_me(3), Stage::mix, 3));
  BOOST_TEST(!agent.gate(now));
  grant(last_renewal().seq);
  BOOST_TEST((agent.lease_end() == now + 650ms));
}

BOOST_AUTO_TEST_CASE(a_longer_lease_begins_with_the_grant_that_arrives_after_its_view) {
  push(with_me(2));
  const Instant sent_at = now;
  grant(last_renewal().seq);
  wake();
  const Renew asked = last_renewal();
  push(staged(with_me(3), Stage::cloud, 3));
  BOOST_TEST((agent.lease_end() == sent_at + 650ms));
  BOOST_TEST(take<LeaseCut>().empty());
  grant(asked.seq);  // was sent before the view was here
  BOOST_TEST((agent.lease_end() == sent_at + timing.renew + 1500ms));
}

BOOST_AUTO_TEST_CASE(a_view_with_the_same_lease_cuts_nothing) {
  push(staged(with_me(2), Stage::mix, 2));
  grant(last_renewal().seq);
  push(staged(with_me(3), Stage::lan, 3));
  BOOST_TEST(take<LeaseCut>().empty());
}

BOOST_AUTO_TEST_CASE(it_renews_as_often_as_the_views_profile_says) {
  push(staged(with_me(2), Stage::cloud, 2));
  BOOST_TEST((agent.next_wake() == now + membership::cloud().renew));
  push(staged(with_me(3), Stage::mix, 3));
  BOOST_TEST((agent.next_wake() == now + membership::lan().renew));
}

BOOST_AUTO_TEST_SUITE_END()

// --- what follows from what is agreed

BOOST_AUTO_TEST_SUITE(profile_change)

BOOST_AUTO_TEST_CASE(elections_and_renewals_follow_the_agreed_lease_and_not_the_config) {
  const auto with_wait = [](Timing t, Duration wait) {
    t.wait = wait;
    return t;
  };
  BOOST_TEST((timing_of(lan(), with_stage({}, Stage::cloud)) == membership::cloud()));
  BOOST_TEST((timing_of(membership::cloud(), with_stage({}, Stage::lan)) == lan()));
  BOOST_TEST((timing_of(membership::cloud(), with_stage({}, Stage::mix)) == with_wait(lan(), 2s)));
  Timing own = lan();
  own.batch = 1ms;
  BOOST_TEST((timing_of(own, with_stage({}, Stage::lan)).batch == 1ms));
  const Timing other = timing_of(lan(), {900ms, 2s, EngineKind::embedded});
  BOOST_TEST((other.lease == 900ms && other.wait == 2s && other.renew == lan().renew));
}

BOOST_AUTO_TEST_CASE(a_config_that_names_the_other_profile_is_told_of_with_both_remedies) {
  const ViewPtr like = CoordinatorFixture::first_view();
  const Settings lan_config = with_stage({}, Stage::lan);
  BOOST_TEST(differing_profile(lan_config, *staged(like, Stage::lan, 5)) == "");
  BOOST_TEST(differing_profile(lan_config, *staged(like, Stage::mix, 5)) == "");
  const std::string text = differing_profile(lan_config, *staged(like, Stage::cloud, 5));
  for (const char* part : {"profile is \"cloud\"", "the config says \"lan\"", "write profile = \"cloud\" into it", "'reki profile set lan'"}) {
    BOOST_TEST((text.find(part) != std::string::npos), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
