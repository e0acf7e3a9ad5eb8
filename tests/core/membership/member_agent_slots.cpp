// How one node's agent installs views, gains and loses slots, and leaves.
#include "agent_fixture.hpp"

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;
using namespace test;

// --- views and slots

BOOST_FIXTURE_TEST_SUITE(member_agent, AgentFixture)

BOOST_AUTO_TEST_CASE(slots_are_gained_behind_the_barrier_and_not_before) {
  push(with_me(2));
  BOOST_TEST(take<Gained>().empty());
  BOOST_TEST(agent.held().empty());
  barrier(1);
  BOOST_TEST(take<Gained>().empty());
  barrier(2);
  const auto gained = take<Gained>();
  BOOST_REQUIRE(gained.size() == 1U);
  BOOST_TEST(gained[0].epoch.value == 2U);
  BOOST_TEST(!agent.held().empty());
}

BOOST_AUTO_TEST_CASE(a_node_that_was_dropped_while_it_left_gains_nothing_by_late_news) {
  push(with_me(2));
  leave();
  push(without_me(3));
  BOOST_CHECK(agent.phase() == MemberAgent::Phase::gone);
  barrier(2);
  BOOST_TEST(take<Gained>().empty());
  BOOST_TEST(agent.held().empty());
  BOOST_TEST(!agent.gate(now));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_dropped_with_slots_is_fenced_and_asks_as_another) {
  push(with_me(2));
  barrier(2);
  const Incarnation was = agent.incarnation();
  take<Installed>();
  out.items.clear();
  push(without_me(3));
  const auto fenced = take<Fenced>();
  BOOST_REQUIRE(fenced.size() == 1U);
  BOOST_TEST(fenced[0].was.value == was.value);
  BOOST_TEST(fenced[0].now.value == agent.incarnation().value);
  BOOST_TEST(agent.incarnation().value != was.value);
  BOOST_TEST(out.items.empty());  // not before its actors are dropped
  BOOST_TEST((agent.next_wake() == now));
  wake();
  BOOST_REQUIRE(!out.items.empty());
  const auto* const join = std::get_if<Join>(&out.items[0].body);
  BOOST_REQUIRE(join != nullptr);
  BOOST_TEST(join->base.value == 3U);
  BOOST_TEST(join->member.incarnation.value == agent.incarnation().value);
}

BOOST_AUTO_TEST_CASE(a_node_that_cannot_work_asks_to_be_let_in_as_soon_as_it_can) {
  push(with_me(2));
  barrier(2);
  push(without_me(3));
  agent.set_working(false);
  for (int i = 0; i < 10; ++i) {
    wake();
    BOOST_TEST(out.items.empty());
  }
  now = now + 1ms;
  agent.set_working(true);
  agent.tick(now, out);
  BOOST_TEST(sent<Join>(out).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_barrier_that_is_known_before_its_view_is_passed_when_the_view_comes) {
  push(with_me(2));
  barrier(3);
  BOOST_TEST(agent.held().empty());
  push(with_me(3));
  BOOST_TEST(take<Gained>()[0].epoch.value == 3U);
}

BOOST_AUTO_TEST_CASE(the_barrier_of_a_later_view_gives_nothing_of_an_earlier_one) {
  push(with_me(2));
  barrier(4);
  push(with_me(3));
  BOOST_TEST(agent.held().empty());
}

BOOST_AUTO_TEST_CASE(what_it_keeps_is_held_throughout_and_what_it_loses_is_stopped_first) {
  hold(only_me(2));
  push(with_me(3));
  const auto lost = take<Lost>();
  BOOST_TEST_REQUIRE(lost.size() == 1U);
  BOOST_TEST(lost[0].slots.size() == slot_count / 2);
  BOOST_TEST((lost[0].of == agent.incarnation()));
  BOOST_TEST(agent.held().size() == slot_count / 2);
  BOOST_TEST((agent.held() & lost[0].slots).empty());
  BOOST_TEST(agent.cleared().value == 2U);
  BOOST_TEST(receivers<Renew>(out) == "");
}

BOOST_AUTO_TEST_CASE(a_view_is_reported_cleared_at_once_when_the_last_lost_slot_has_stopped) {
  hold(only_me(2));
  push(with_me(3));
  Lost lost = take<Lost>()[0];
  SlotSet one;
  lost.slots.for_each([&](SlotId slot) {
    if (one.empty()) one.insert(slot);
  });
  lost.slots -= one;
  slots_stopped(lost);
  BOOST_TEST(receivers<Renew>(out) == "");
  lost.slots = one;
  slots_stopped(lost);
  BOOST_TEST(agent.cleared().value == 3U);
  BOOST_TEST(last_renewal().cleared.value == 3U);
}

BOOST_AUTO_TEST_CASE(a_view_that_takes_nothing_is_reported_cleared_at_once) {
  hold(with_me(2));
  push(with_me(3));
  BOOST_TEST(take<Lost>().empty());
  BOOST_TEST(last_renewal().cleared.value == 3U);
}

BOOST_AUTO_TEST_CASE(slots_that_are_lost_by_two_views_are_all_stopped_before_it_is_cleared) {
  hold(only_me(2));
  push(with_me(3));
  const Lost first = take<Lost>()[0];
  push(view(4, {member("n0", 1), me(), member("n2", 2)}));
  const Lost second = take<Lost>()[0];
  BOOST_TEST((first.slots & second.slots).empty());
  slots_stopped(second);
  BOOST_TEST(agent.cleared().value == 2U);
  slots_stopped(first);
  BOOST_TEST(agent.cleared().value == 4U);
}

BOOST_AUTO_TEST_CASE(what_an_earlier_incarnation_has_stopped_clears_nothing) {
  hold(only_me(2));
  push(with_me(3));
  Lost lost = take<Lost>()[0];
  lost.of = Incarnation{99};
  slots_stopped(lost);
  BOOST_TEST(agent.cleared().value == 2U);
}

BOOST_AUTO_TEST_CASE(a_slot_that_comes_back_is_gained_anew_behind_the_barrier) {
  hold(only_me(2));
  push(with_me(3));
  slots_stopped(take<Lost>()[0]);
  push(only_me(4));
  BOOST_TEST(agent.held().size() == slot_count / 2);
  barrier(4);
  const auto gained = take<Gained>();
  BOOST_TEST_REQUIRE(gained.size() == 1U);
  BOOST_TEST(gained[0].slots.size() == slot_count / 2);
  BOOST_TEST(gained[0].epoch.value == 4U);
}

BOOST_AUTO_TEST_CASE(views_may_be_skipped_and_old_ones_are_ignored) {
  push(with_me(2));
  push(with_me(9));
  BOOST_TEST(take<Installed>().size() == 2U);
  push(without_me(8));
  push(only_me(9));
  BOOST_TEST(take<Installed>().empty());
  BOOST_TEST(agent.view()->epoch().value == 9U);
  BOOST_CHECK(agent.phase() == MemberAgent::Phase::member);
}

BOOST_AUTO_TEST_CASE(one_that_is_dropped_has_no_lease_and_holds_nothing) {
  hold(with_me(2));
  wake();
  grant(last_renewal().seq);
  const std::uint64_t seq = last_renewal().seq;
  push(without_me(3));
  BOOST_TEST(!agent.gate(now));
  BOOST_TEST(agent.held().empty());
  BOOST_TEST((agent.installed() == Epoch{} && agent.cleared() == Epoch{}));
  grant(seq);
  BOOST_TEST(!agent.gate(now));
}

BOOST_AUTO_TEST_SUITE_END()

// --- leaving

BOOST_FIXTURE_TEST_SUITE(agent_leaves, AgentFixture)

BOOST_AUTO_TEST_CASE(one_that_leaves_says_so_at_once_and_goes_on_with_what_it_holds) {
  hold(with_me(2));
  leave();
  BOOST_TEST(last_renewal().leaving);
  BOOST_TEST(last_renewal().seq != 0U);
  BOOST_TEST(!agent.held().empty());
  wake();
  BOOST_TEST(last_renewal().leaving);
}

BOOST_AUTO_TEST_CASE(it_says_stopped_when_all_is_handed_over_and_not_before) {
  hold(only_me(2));
  leave();
  wake();
  BOOST_TEST(receivers<Stopped>(out) == "");
  push(with_me(3, MemberState::leaving));
  wake();
  BOOST_TEST(receivers<Stopped>(out) == "");
  slots_stopped(take<Lost>()[0]);
  BOOST_TEST(receivers<Stopped>(out) == "n0");
  BOOST_TEST((sent<Stopped>(out)[0].incarnation == agent.incarnation()));
  BOOST_TEST(last_renewal().seq == 0U);  // it runs nothing any more
  BOOST_TEST(last_renewal().cleared.value == 3U);
}

BOOST_AUTO_TEST_CASE(it_says_stopped_until_it_is_told_that_it_is_out) {
  push(with_me(2, MemberState::leaving));
  leave();
  for (int i = 0; i < 3; ++i) {
    wake();
    BOOST_TEST(receivers<Stopped>(out) == "n0");
  }
  agent.on(StoppedAck{Incarnation{99}});
  BOOST_CHECK(agent.phase() == MemberAgent::Phase::leaving);
  agent.on(StoppedAck{agent.incarnation()});
  BOOST_CHECK(agent.phase() == MemberAgent::Phase::gone);
  BOOST_TEST((agent.next_wake() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(a_view_without_it_tells_it_too_and_drops_nothing_once_all_is_handed_over) {
  push(with_me(2, MemberState::leaving));
  leave();
  push(without_me(3));
  BOOST_CHECK(agent.phase() == MemberAgent::Phase::gone);
  BOOST_TEST(take<Fenced>().empty());
}

BOOST_AUTO_TEST_CASE(one_that_is_dropped_while_it_leaves_is_fenced_and_asks_no_more) {
  hold(with_me(2));
  const Incarnation was = agent.incarnation();
  leave();
  out.items.clear();
  push(without_me(3));
  const auto fenced = take<Fenced>();
  BOOST_TEST_REQUIRE(fenced.size() == 1U);
  BOOST_TEST((fenced[0].was == was && fenced[0].now == Incarnation{}));
  BOOST_TEST(out.items.empty());
}

BOOST_AUTO_TEST_CASE(one_that_was_never_in_just_goes) {
  wake();
  leave();
  BOOST_CHECK(agent.phase() == MemberAgent::Phase::gone);
  out.items.clear();
  agent.tick(now + 1s, out);
  BOOST_TEST(out.items.empty());
}

BOOST_AUTO_TEST_CASE(one_that_is_gone_takes_no_grant_and_installs_nothing) {
  leave();
  push(with_me(2));
  BOOST_TEST(agent.installed().value == 0U);
  grant(1);
  barrier(2);
  BOOST_TEST(!agent.gate(now));
  BOOST_TEST(agent.held().empty());
}

BOOST_AUTO_TEST_SUITE_END()
