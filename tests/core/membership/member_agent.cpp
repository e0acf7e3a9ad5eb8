// How one node's agent gets in, renews its lease, and finds out whom to ask: one step at a time.
#include "reki/core/membership/member_agent.hpp"

#include "agent_fixture.hpp"

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;
using namespace test;

// --- joining

BOOST_FIXTURE_TEST_SUITE(agent_joins, AgentFixture)

BOOST_AUTO_TEST_CASE(it_asks_every_renewal_to_be_let_in) {
  for (int i = 0; i < 3; ++i) {
    const Instant before = now;
    wake();
    if (i > 0) BOOST_TEST((now - before == timing.renew));
    BOOST_TEST(receivers<Join>(out) == "n0");
    BOOST_TEST(sent<Join>(out)[0].base.value == 0U);
    BOOST_TEST((sent<Join>(out)[0].member == me()));
  }
  BOOST_TEST(agent.incarnation().value != 0U);
  BOOST_TEST(!agent.gate(now));
}

BOOST_AUTO_TEST_CASE(while_it_knows_no_coordinator_it_asks_one_seed_after_the_other) {
  become(with({NodeId{"n5"}, NodeId{"n6"}, seed}));
  std::string asked;
  for (int i = 0; i < 4; ++i) {
    wake();
    asked += receivers<Join>(out) + ",";
  }
  BOOST_TEST(asked == "n6,n7,n5,n6,");
}

BOOST_AUTO_TEST_CASE(it_asks_to_be_in_the_view_after_the_newest_that_it_knows) {
  push(without_me(3));
  BOOST_TEST(receivers<Join>(out) == "n0");
  BOOST_TEST(sent<Join>(out)[0].base.value == 3U);
}

BOOST_AUTO_TEST_CASE(an_incarnation_asks_for_one_view_only) {
  push(without_me(3));
  const Incarnation first = sent<Join>(out)[0].member.incarnation;
  push(without_me(4));
  BOOST_TEST((sent<Join>(out)[1].member.incarnation != first));
  BOOST_TEST(sent<Join>(out)[1].base.value == 4U);
  BOOST_TEST(take<Fenced>().empty());  // it has had nothing to drop
}

BOOST_AUTO_TEST_CASE(a_view_with_its_incarnation_makes_it_a_member) {
  push(with_me(2));
  BOOST_CHECK(agent.phase() == MemberAgent::Phase::member);
  BOOST_TEST(take<Installed>().size() == 1U);
  BOOST_TEST(agent.installed().value == 2U);
}

BOOST_AUTO_TEST_CASE(a_view_with_an_earlier_incarnation_does_not) {
  push(view(2, {member("n0", 1), member("n1", 99)}));
  BOOST_CHECK(agent.phase() == MemberAgent::Phase::joining);
  BOOST_TEST(agent.installed().value == 0U);
}

BOOST_AUTO_TEST_CASE(it_tells_of_an_incarnation_that_is_over_until_that_is_acknowledged) {
  become(with({coordinator}, Incarnation{77}));
  for (int i = 0; i < 2; ++i) {
    wake();
    BOOST_TEST(receivers<Stopped>(out) == "n0");
    BOOST_TEST((sent<Stopped>(out)[0].node == self && sent<Stopped>(out)[0].incarnation == Incarnation{77}));
  }
  agent.on(StoppedAck{Incarnation{78}});
  wake();
  BOOST_TEST(receivers<Stopped>(out) == "n0");
  agent.on(StoppedAck{Incarnation{77}});
  wake();
  BOOST_TEST(receivers<Stopped>(out) == "");
}

BOOST_AUTO_TEST_CASE(an_empty_store_is_offered_with_each_join_and_each_renewal) {
  agent.offer_store(101);
  wake();
  BOOST_TEST(sent<Join>(out)[0].store == 101U);
  push(with_me(2));
  BOOST_TEST(last_renewal().store == 101U);
  agent.offer_store(0);
  wake();
  BOOST_TEST(last_renewal().store == 0U);
}

BOOST_AUTO_TEST_CASE(what_it_is_refused_with_is_told_as_long_as_it_wants_to_join) {
  wake();
  const Incarnation mine = sent<Join>(out)[0].member.incarnation;
  agent.on(Refused{Incarnation{mine.value + 1}, "another's"});
  BOOST_TEST(take<NotLetIn>().empty());
  agent.on(Refused{mine, "profile"});
  const auto told = take<NotLetIn>();
  BOOST_REQUIRE(told.size() == 1U);
  BOOST_TEST(told[0].why == "profile");
  push(with_me(2));
  agent.on(Refused{mine, "late"});
  BOOST_TEST(take<NotLetIn>().empty());
}

BOOST_AUTO_TEST_CASE(it_says_what_its_config_says_when_it_asks) {
  auto options = with({coordinator});
  options.settings = {1500ms, 2s, EngineKind::embedded};
  become(options);
  wake();
  BOOST_TEST((sent<Join>(out)[0].settings == options.settings));
}

BOOST_AUTO_TEST_SUITE_END()

// --- leases

BOOST_FIXTURE_TEST_SUITE(agent_leases, AgentFixture)

BOOST_AUTO_TEST_CASE(a_lease_counts_from_when_its_renewal_was_sent) {
  push(with_me(2));  // renews at once: it has cleared the view
  const Instant sent = now;
  BOOST_REQUIRE(!out.items.empty());
  const auto* const renew = std::get_if<Renew>(&out.items.back().body);
  BOOST_REQUIRE(renew != nullptr);
  now = now + timing.renew;
  agent.on(coordinator, Grant{agent.incarnation(), renew->seq, term, Epoch{2}, Epoch{2}}, now, out);
  BOOST_TEST(agent.lease_end().ns == (sent + timing.lease).ns);
  agent.on(coordinator, Grant{agent.incarnation(), renew->seq + 1, term, Epoch{2}, Epoch{2}}, now, out);
  BOOST_TEST(agent.lease_end().ns == (sent + timing.lease).ns);  // an answer to what was never asked
}

BOOST_AUTO_TEST_CASE(a_member_renews_every_renewal_with_a_number_that_grows) {
  push(with_me(2));
  const std::uint64_t first = last_renewal().seq;
  for (std::uint64_t i = 1; i < 4; ++i) {
    const Instant before = now;
    wake();
    BOOST_TEST((now - before == timing.renew));
    BOOST_TEST(receivers<Renew>(out) == "n0");
    BOOST_TEST(last_renewal().seq == first + i);
    BOOST_TEST((last_renewal().installed == Epoch{2} && last_renewal().cleared == Epoch{2}));
  }
}

BOOST_AUTO_TEST_CASE(the_gate_is_open_until_the_lease_ends_and_not_at_its_end) {
  push(with_me(2));
  BOOST_TEST(!agent.gate(now));
  const Instant sent_at = now;
  grant(last_renewal().seq);
  BOOST_TEST(agent.gate(now));
  BOOST_TEST(agent.gate(sent_at + timing.lease + -1ns));
  BOOST_TEST(!agent.gate(sent_at + timing.lease));
}

BOOST_AUTO_TEST_CASE(a_lease_is_as_long_as_the_view_says_and_not_the_nodes_config) {
  auto view_with = with_me(2);
  ViewHead head = view_with->head();
  head.settings = {1500ms, 2s, EngineKind::embedded};
  push(test::view(head, {view_with->members().begin(), view_with->members().end()}));
  const Instant sent_at = now;
  grant(last_renewal().seq);
  BOOST_TEST((agent.lease_end() == sent_at + 1500ms));
}

BOOST_AUTO_TEST_CASE(a_grant_that_comes_late_shortens_nothing) {
  push(with_me(2));
  const std::uint64_t first = last_renewal().seq;
  wake();
  grant(first + 1);
  BOOST_TEST(take<LeaseExtended>().size() == 1U);
  grant(first);
  BOOST_TEST(take<LeaseExtended>().empty());
  BOOST_TEST((agent.lease_end() == now + timing.lease));
}

BOOST_AUTO_TEST_CASE(a_lease_that_had_ended_goes_on_with_all_that_was_held) {
  hold(with_me(2));
  const std::uint32_t slots = agent.held().size();
  wake();
  grant(last_renewal().seq);
  now = now + 5s;
  BOOST_TEST(!agent.gate(now));
  BOOST_TEST(agent.held().size() == slots);
  wake();
  now = now + 10ms;
  grant(last_renewal().seq);
  BOOST_TEST(agent.gate(now));
  BOOST_TEST(take<Fenced>().empty());
}

BOOST_AUTO_TEST_CASE(a_grant_to_another_incarnation_is_none) {
  push(with_me(2));
  agent.on(coordinator, Grant{Incarnation{99}, last_renewal().seq, term, Epoch{2}, Epoch{2}}, now, out);
  BOOST_TEST(!agent.gate(now));
  BOOST_TEST(agent.held().empty());
}

BOOST_AUTO_TEST_CASE(a_grant_of_a_renewal_that_is_forgotten_extends_nothing) {
  push(with_me(2));
  const std::uint64_t first = last_renewal().seq;
  for (int i = 0; i < 32; ++i) wake();
  grant(first);
  BOOST_TEST(take<LeaseExtended>().empty());
  grant(first + 1);
  BOOST_TEST(take<LeaseExtended>().size() == 1U);
}

// --- confirmed leases

BOOST_AUTO_TEST_CASE(what_waits_for_a_grant_has_a_renewal_sent_at_once_and_one_at_a_time) {
  push(with_me(2));
  const std::uint64_t first = last_renewal().seq;
  BOOST_TEST(agent.sent() == first);
  out.items.clear();
  agent.want_granted(first, now, out);  // it is on its way
  BOOST_TEST(sent<Renew>(out).empty());
  agent.want_granted(first + 1, now, out);
  BOOST_TEST(sent<Renew>(out).empty());
  grant(first);
  BOOST_TEST(agent.granted() == first);
  BOOST_TEST(last_renewal().seq == first + 1);
  out.items.clear();
  grant(first + 1);
  BOOST_TEST(agent.granted() == first + 1);
  BOOST_TEST(sent<Renew>(out).empty());  // nobody waits for more
  agent.want_granted(first + 2, now, out);
  BOOST_TEST(last_renewal().seq == first + 2);
}

BOOST_AUTO_TEST_CASE(a_renewal_that_is_lost_holds_those_who_wait_up_for_an_eighth_of_the_interval) {
  push(with_me(2));
  const std::uint64_t first = last_renewal().seq;
  const Instant sent = now;
  agent.want_granted(first + 1, now, out);
  wake();
  BOOST_TEST((now - sent == timing.renew / 8));
  BOOST_TEST(last_renewal().seq == first + 1);
  wake();
  BOOST_TEST((now - sent == timing.renew / 8 + timing.renew));
}

BOOST_AUTO_TEST_CASE(who_may_not_ask_for_a_lease_does_not_though_somebody_waits_for_it) {
  push(with_me(2));
  agent.set_working(false);
  out.items.clear();
  agent.want_granted(agent.sent() + 1, now, out);
  BOOST_TEST(sent<Renew>(out).empty());
  BOOST_TEST((agent.next_wake() == now + timing.renew));
}

BOOST_AUTO_TEST_CASE(who_has_handed_over_all_says_so_no_more_often_though_somebody_has_waited_for_a_grant) {
  push(with_me(2));
  leave();
  agent.want_granted(agent.sent() + 1, now, out);
  push(with_me(3, MemberState::leaving));
  BOOST_TEST(!sent<Stopped>(out).empty());
  BOOST_TEST((agent.next_wake() == now + timing.renew));
}

BOOST_AUTO_TEST_CASE(a_copy_of_the_process_takes_no_grant_that_was_meant_for_the_other) {
  push(with_me(2));
  out.items.clear();
  MemberAgent copy = agent;  // a snapshot of the machine, restored while the machine goes on
  agent.draw(71);
  agent.want_granted(agent.sent() + 1, now = now + timing.renew, out);
  const Renew of_first = last_renewal();
  BOOST_TEST(of_first.random == 71U);
  copy.draw(72);
  copy.tick(now, out);
  const Renew of_copy = last_renewal();
  BOOST_TEST(of_copy.seq == of_first.seq);
  const auto grant_of = [&](const Renew& m) { return Grant{m.incarnation, m.seq, term, Epoch{2}, {}, m.random}; };
  copy.on(coordinator, grant_of(of_first), now, out);
  BOOST_TEST(copy.granted() < of_copy.seq);
  BOOST_TEST(!copy.gate(now));
  copy.on(coordinator, grant_of(of_copy), now, out);
  BOOST_TEST(copy.granted() == of_copy.seq);
}

BOOST_AUTO_TEST_CASE(a_node_that_cannot_work_reports_and_asks_for_no_lease_until_it_can) {
  push(with_me(2));
  const std::uint64_t before = last_renewal().seq;
  agent.set_working(false);
  wake();
  BOOST_TEST(last_renewal().seq == 0U);
  BOOST_TEST(last_renewal().cleared.value == 2U);
  grant(0);
  BOOST_TEST(!agent.gate(now));
  agent.set_working(true);
  wake();
  BOOST_TEST(last_renewal().seq == before + 1);
}

BOOST_AUTO_TEST_SUITE_END()

// --- whom it asks

BOOST_FIXTURE_TEST_SUITE(agent_learns, AgentFixture)

BOOST_AUTO_TEST_CASE(while_the_coordinator_answers_nobody_else_is_asked) {
  become(with({coordinator, seed}));
  push(with_me(2));
  for (int i = 0; i < 5; ++i) {
    wake();
    BOOST_TEST(receivers<Renew>(out) == "n0");
    grant(last_renewal().seq);
    BOOST_TEST((agent.answered() == now));
  }
}

BOOST_AUTO_TEST_CASE(a_silent_coordinator_and_the_seeds_in_turn_are_asked) {
  become(with({coordinator, seed}));
  push(with_me(2));
  wake();
  grant(last_renewal().seq);
  std::string asked;
  for (int i = 0; i < 5; ++i) {
    wake();
    asked += receivers<Renew>(out) + ",";
  }
  BOOST_TEST(asked == "n0,n0,n0 n7,n0,n0 n7,");
}

BOOST_AUTO_TEST_CASE(a_hint_is_followed_at_once_if_its_term_is_not_older) {
  push(with_me(2));
  out.items.clear();
  agent.on(Hint{Term{term.value - 1}, NodeId{"n4"}, ""}, now, out);
  agent.on(Hint{term, coordinator, ""}, now, out);
  agent.on(Hint{ballot_of(9, 9), NodeId{}, ""}, now, out);
  BOOST_TEST(out.items.empty());
  agent.on(Hint{ballot_of(2, 4), NodeId{"n4"}, ""}, now, out);
  BOOST_TEST(receivers<Renew>(out).starts_with("n4"));
  BOOST_TEST((agent.term() == ballot_of(2, 4) && agent.coordinator() == NodeId{"n4"}));
}

BOOST_AUTO_TEST_CASE(who_grants_or_tells_news_of_a_later_term_is_the_coordinator) {
  push(with_me(2));
  agent.on(NodeId{"n4"}, News{ballot_of(2, 4), Epoch{2}, {}}, now, out);
  BOOST_TEST(agent.coordinator().value == "n4");
  agent.on(NodeId{"n5"}, Grant{agent.incarnation(), 1, ballot_of(3, 5), Epoch{2}, {}}, now, out);
  BOOST_TEST(agent.coordinator().value == "n5");
  agent.on(NodeId{"n4"}, News{ballot_of(2, 4), Epoch{2}, {}}, now, out);
  BOOST_TEST(agent.coordinator().value == "n5");
}

BOOST_AUTO_TEST_CASE(a_newer_view_that_somebody_has_is_fetched_once_a_renewal) {
  push(with_me(2));
  out.items.clear();
  agent.heard_epoch(seed, Epoch{2}, out);
  BOOST_TEST(receivers<ViewFetch>(out) == "");
  agent.heard_epoch(seed, Epoch{3}, out);
  agent.heard_epoch(coordinator, Epoch{3}, out);
  BOOST_TEST(receivers<ViewFetch>(out) == "n7");
  BOOST_TEST(sent<ViewFetch>(out)[0].have.value == 2U);
  agent.heard_epoch(coordinator, Epoch{4}, out);
  BOOST_TEST(receivers<ViewFetch>(out) == "n7 n0");
  wake();
  agent.heard_epoch(coordinator, Epoch{3}, out);
  BOOST_TEST(receivers<ViewFetch>(out) == "n0");
}

BOOST_AUTO_TEST_CASE(a_grant_of_a_newer_view_makes_it_fetch_that) {
  push(with_me(2));
  out.items.clear();
  agent.on(coordinator, Grant{agent.incarnation(), 1, term, Epoch{3}, {}}, now, out);
  BOOST_TEST(receivers<ViewFetch>(out) == "n0");
}

BOOST_AUTO_TEST_CASE(its_view_is_shown_to_who_has_an_older_one) {
  agent.on(seed, ViewFetch{Epoch{0}}, out);
  BOOST_TEST(receivers<ViewPush>(out) == "");
  push(with_me(2));
  agent.on(seed, ViewFetch{Epoch{2}}, out);
  BOOST_TEST(receivers<ViewPush>(out) == "");
  agent.on(seed, ViewFetch{Epoch{1}}, out);
  BOOST_TEST(receivers<ViewPush>(out) == "n7");
}

BOOST_AUTO_TEST_SUITE_END()
