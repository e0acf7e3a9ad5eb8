// Each invariant, with a history that keeps it and one that does not: a checker that cannot fail checks nothing.
#include "invariants.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>

#include "reki/core/membership/ballot.hpp"

using namespace reki;
using namespace reki::sim;
using namespace reki::membership;

namespace {

constexpr Term term_one = ballot_of(1, 1);
constexpr Term term_two = ballot_of(2, 2);

struct FakeTruth final : Truth {
  bool open[3] = {true, true, true};
  [[nodiscard]] bool gate_open(std::uint16_t node) const override { return open[node]; }
  [[nodiscard]] Time when_was(std::uint16_t, Instant boot) const override { return boot.ns; }
};

Member member(std::uint16_t node, std::uint64_t incarnation) {
  Member m;
  m.node_id = NodeId{"n" + std::to_string(node)};
  m.incarnation = Incarnation{incarnation};
  m.addr = "tcp://h:1";
  return m;
}

/// Three nodes, each a voter with the store 101, 102, 103, and short words for what happens to them.
struct History {
  FakeTruth truth;
  Invariants invariants{{NodeId{"n0"}, NodeId{"n1"}, NodeId{"n2"}}, truth};
  ViewPtr latest;
  SlotSet none;

  History() : History(view({}, Epoch{1}, Term{})) {}
  explicit History(ViewPtr first) : latest(std::move(first)) {
    invariants.begin(latest);
    for (std::uint16_t n = 0; n < 3; ++n) invariants.process_begins(n, nullptr);
  }
  static ViewPtr view(std::vector<Member> members, Epoch epoch, Term term) {
    ViewHead head{"c", epoch, term, term == Term{} ? NodeId{} : NodeId{"n" + std::to_string((term.value & 0xffff) - 1)}, 1, {}, {}};
    for (std::uint16_t i = 0; i < 3; ++i) {
      head.voters.push_back({static_cast<std::uint16_t>(i + 1), 101U + i, NodeId{"n" + std::to_string(i)}, "tcp://h:2"});
    }
    const SlotTable table = next_table({}, {}, slot_members(members));
    return std::make_shared<const View>(*View::make(std::move(head), std::move(members), table));
  }
  static ViewPtr view_in_etcd(std::vector<Member> members, Epoch epoch, Term term) {
    ViewHead head{"c", epoch, term, NodeId{"n" + std::to_string(term.value)}, 1, {}, {}};
    const SlotTable table = next_table({}, {}, slot_members(members));
    return std::make_shared<const View>(*View::make(std::move(head), std::move(members), table));
  }
  void store(std::uint64_t number, const ViewPtr& v) { invariants.recorded({"c", number, v->term(), v->term(), v}); }
  ViewPtr choose(std::vector<Member> members, std::uint32_t epoch, Term term) {
    latest = view(std::move(members), Epoch{epoch}, term);
    store(101, latest);
    store(102, latest);
    return latest;
  }
  /// n0 and n1 are members of epoch 3, which n0's first term has made.
  void two_members() {
    choose({}, 2, term_one);
    choose({member(0, 10), member(1, 11)}, 3, term_one);
  }
  SlotSet owned(std::uint16_t node) const {
    const MemberIndex index = latest->index_of("n" + std::to_string(node));
    return SlotSet::of([&](std::size_t s) { return latest->table().entries()[s] == index; });
  }
  void step(std::uint16_t node, std::uint64_t incarnation, std::uint32_t installed, std::uint32_t cleared, const SlotSet& held) {
    invariants.stepped({node, Incarnation{incarnation}, Epoch{installed}, Epoch{cleared}, latest->term(), Term{}, Instant{1000},
                        &latest, &held, &none, true});
  }
  [[nodiscard]] std::string broken() const {
    return invariants.violation() ? invariants.violation()->invariant : "";
  }
};

/// The register is in etcd.
struct EtcdHistory : History {
  EtcdHistory() : History(view_in_etcd({}, Epoch{1}, Term{1})) {}
  void put(std::vector<Member> members, std::uint32_t epoch, Term term) {
    latest = view_in_etcd(std::move(members), Epoch{epoch}, term);
    invariants.put_in_etcd(latest, term);
  }
  /// Epoch 3, of term 2.
  void two_members() {
    put({}, 2, Term{2});
    put({member(0, 10), member(1, 11)}, 3, Term{2});
  }
};

SlotId first_of(const SlotSet& slots) {
  SlotId out{0};
  while (!slots.contains(out)) ++out.value;
  return out;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(invariants, History)

BOOST_AUTO_TEST_CASE(a_history_as_it_should_be_breaks_none) {
  two_members();
  step(0, 10, 3, 3, none);
  step(1, 11, 3, 3, none);
  const SlotSet mine = owned(0);
  invariants.gained({0, Incarnation{10}, Epoch{3}, Epoch{3}, term_one, {}, {}, &latest, &mine, &none, true}, {mine, Epoch{3}});
  step(0, 10, 3, 3, mine);
  step(1, 11, 3, 3, owned(1));
  invariants.start_begins(0, 5, Fence{7});
  invariants.handler_begins(0, 5, first_of(mine));
  invariants.actor_lives(0, 5, first_of(mine));
  invariants.output_leaves(0, 5);
  invariants.accepted(*latest, 0, Incarnation{10});
  invariants.call_ends(5, invariants.call_begins(5), Fence{7});
  invariants.call_ends(5, invariants.call_begins(5), Fence{7});
  truth.open[1] = false;
  choose({member(0, 10)}, 4, term_one);
  step(0, 10, 4, 4, mine);
  choose({member(0, 10)}, 5, term_two);
  BOOST_TEST(broken() == "");
  BOOST_TEST(invariants.latest()->epoch().value == 5U);
}

BOOST_AUTO_TEST_CASE(i1_two_views_of_an_epoch) {
  two_members();
  choose({member(0, 10)}, 3, term_two);
  BOOST_TEST(broken() == "I1");
}

BOOST_AUTO_TEST_CASE(i1_a_view_that_was_made_from_none) {
  two_members();
  choose({member(0, 10), member(1, 11)}, 5, term_one);
  BOOST_TEST(broken() == "I1");
}

BOOST_AUTO_TEST_CASE(i1_a_new_coordinator_that_does_not_take_over_what_it_found) {
  two_members();
  choose({member(0, 10)}, 4, term_two);
  BOOST_TEST(broken() == "I1");
}

BOOST_AUTO_TEST_CASE(i1_a_view_that_a_minority_has) {
  two_members();
  latest = view({member(0, 10)}, Epoch{4}, term_one);
  store(101, latest);
  step(0, 10, 4, 4, none);
  BOOST_TEST(broken() == "I1");
}

BOOST_AUTO_TEST_CASE(i1_a_view_that_is_decided_late_is_no_second_one) {
  choose({}, 2, term_one);
  const ViewPtr taken_over = view({}, Epoch{3}, term_two);
  store(101, taken_over);  // by a minority; the next coordinator finds it and goes on from there
  choose({}, 4, ballot_of(3, 1));
  store(102, taken_over);
  BOOST_TEST(broken() == "");
}

BOOST_AUTO_TEST_CASE(i1_which_of_two_failed_candidates_was_taken_over_shows_late) {
  choose({}, 2, term_one);
  const ViewPtr first = view({}, Epoch{3}, term_two);
  const ViewPtr second = view({}, Epoch{3}, ballot_of(3, 3));
  store(102, first);
  store(103, second);
  choose({}, 4, ballot_of(4, 1));  // from one of the two
  store(101, second);
  BOOST_TEST(broken() == "");
  store(101, first);
  BOOST_TEST(broken() == "I1");  // now both of them would have been chosen
}

BOOST_AUTO_TEST_CASE(i2_a_voter_that_forgets_a_promise_it_has_given) {
  invariants.sent(1, Promise{102, term_two, {}, nullptr, {}});
  const VoterRecord record{"c", 102, term_one, {}, latest};
  invariants.process_begins(1, &record);
  BOOST_TEST(broken() == "I2");
}

BOOST_AUTO_TEST_CASE(i2_a_voter_that_forgets_what_it_has_accepted) {
  invariants.sent(1, Accepted{102, term_two, Epoch{2}});
  const VoterRecord record{"c", 102, term_one, {}, latest};
  invariants.process_begins(1, &record);
  BOOST_TEST(broken() == "I2");
}

BOOST_AUTO_TEST_CASE(i2_a_node_whose_term_goes_back) {
  two_members();
  invariants.stepped({0, Incarnation{10}, Epoch{3}, Epoch{3}, term_two, {}, {}, &latest, &none, &none, true});
  BOOST_TEST(broken() == "");
  step(0, 10, 3, 3, none);
  BOOST_TEST(broken() == "I2");
}

BOOST_AUTO_TEST_CASE(i3_a_grant_that_no_quorum_has_confirmed_since_the_renewal) {
  two_members();
  step(1, 11, 3, 3, none);
  invariants.set_now(100);
  invariants.sent(1, HeartbeatAck{102, term_one, 1});
  invariants.set_now(200);
  invariants.sent(1, Renew{Incarnation{11}, Epoch{3}, Epoch{3}, 1, false, 0});
  invariants.set_now(300);
  invariants.sent(0, Grant{Incarnation{11}, 1, term_one, Epoch{3}, Epoch{}});
  BOOST_TEST(broken() == "I3");
}

BOOST_AUTO_TEST_CASE(i3_a_grant_that_was_confirmed_in_time_is_right) {
  two_members();
  step(1, 11, 3, 3, none);
  invariants.set_now(200);
  invariants.sent(1, Renew{Incarnation{11}, Epoch{3}, Epoch{3}, 1, false, 0});
  invariants.set_now(250);
  invariants.sent(1, HeartbeatAck{102, term_one, 1});
  invariants.sent(2, HeartbeatAck{103, term_one, 1});
  invariants.set_now(300);
  invariants.sent(0, Grant{Incarnation{11}, 1, term_one, Epoch{3}, Epoch{}});
  BOOST_TEST(broken() == "");
}

BOOST_AUTO_TEST_CASE(i3_a_lease_that_counts_from_after_its_grant) {
  two_members();
  const Instant from{5000};
  invariants.extended(1, term_one, from, 6000);
  BOOST_TEST(broken() == "");
  invariants.extended(1, term_one, from, 4000);
  BOOST_TEST(broken() == "I3");
}

BOOST_AUTO_TEST_CASE(i3_a_lease_that_was_asked_for_after_the_coordinators_term) {
  two_members();
  invariants.set_now(10'000);
  choose({member(0, 10), member(1, 11)}, 4, term_two);
  invariants.extended(1, term_one, Instant{9'000}, 20'000);
  BOOST_TEST(broken() == "");
  invariants.extended(1, term_one, Instant{11'000}, 20'000);
  BOOST_TEST(broken() == "I3");
}

BOOST_AUTO_TEST_CASE(i4_a_member_that_is_dropped_while_it_has_a_lease) {
  two_members();
  step(1, 11, 3, 3, owned(1));
  choose({member(0, 10)}, 4, term_one);
  BOOST_TEST(broken() == "I4");
}

BOOST_AUTO_TEST_CASE(i4_a_member_of_which_stopped_was_said_may_be_dropped) {
  two_members();
  step(1, 11, 3, 3, none);
  invariants.sent(1, Stopped{NodeId{"n1"}, Incarnation{11}});
  choose({member(0, 10)}, 4, term_one);
  BOOST_TEST(broken() == "");
}

BOOST_AUTO_TEST_CASE(i4_a_dropped_member_that_gets_a_lease_later) {
  two_members();
  step(1, 11, 3, 3, none);
  truth.open[1] = false;
  const ViewPtr before = latest;
  choose({member(0, 10)}, 4, term_one);
  BOOST_TEST(broken() == "");
  truth.open[1] = true;
  invariants.stepped({1, Incarnation{11}, Epoch{3}, Epoch{3}, term_one, {}, Instant{2000}, &before, &none, &none, true});
  BOOST_TEST(broken() == "I4");
}

BOOST_AUTO_TEST_CASE(i5_a_slot_that_is_held_and_not_owned) {
  two_members();
  step(0, 10, 3, 3, owned(1));
  BOOST_TEST(broken() == "I5");
}

BOOST_AUTO_TEST_CASE(i6_a_view_that_is_cleared_and_not_installed) {
  two_members();
  step(0, 10, 2, 3, none);
  BOOST_TEST(broken() == "I6");
}

BOOST_AUTO_TEST_CASE(i6_an_actor_that_still_runs_in_a_slot_that_is_cleared) {
  two_members();
  const SlotSet mine = owned(0);
  step(0, 10, 3, 3, mine);
  invariants.actor_lives(0, 5, first_of(mine));
  step(0, 10, 3, 2, none);
  BOOST_TEST(broken() == "");
  step(0, 10, 3, 3, none);
  BOOST_TEST(broken() == "I6");
}

BOOST_AUTO_TEST_CASE(i7_slots_that_are_gained_before_all_have_cleared) {
  two_members();
  step(0, 10, 3, 3, none);
  step(1, 11, 3, 2, none);
  const SlotSet mine = owned(0);
  invariants.gained({0, Incarnation{10}, Epoch{3}, Epoch{3}, term_one, {}, {}, &latest, &mine, &none, true}, {mine, Epoch{3}});
  BOOST_TEST(broken() == "I7");
}

BOOST_AUTO_TEST_CASE(i8_two_nodes_that_are_live_for_a_slot) {
  two_members();
  const SlotSet mine = owned(0);
  step(0, 10, 3, 3, mine);
  // n1 has lost it but is not done with it.
  truth.open[0] = false;
  invariants.stepped({1, Incarnation{11}, Epoch{3}, Epoch{2}, term_one, {}, Instant{1000}, &latest, &none, &mine, true});
  BOOST_TEST(broken() == "");
  truth.open[0] = true;
  invariants.stepped({1, Incarnation{11}, Epoch{3}, Epoch{2}, term_one, {}, Instant{1001}, &latest, &none, &mine, true});
  BOOST_TEST(broken() == "I8");
}

BOOST_AUTO_TEST_CASE(i8_two_actors_of_a_key) {
  invariants.actor_lives(0, 5, SlotId{0});
  truth.open[0] = false;
  invariants.actor_lives(1, 5, SlotId{0});
  BOOST_TEST(broken() == "");
  truth.open[0] = true;
  invariants.actor_lives(1, 5, SlotId{0});
  BOOST_TEST(broken() == "I8");
}

BOOST_AUTO_TEST_CASE(i9_a_fence_that_does_not_grow) {
  invariants.start_begins(0, 5, Fence{7});
  invariants.start_begins(1, 6, Fence{7});
  BOOST_TEST(broken() == "");
  invariants.start_begins(1, 5, Fence{7});
  BOOST_TEST(broken() == "I9");
}

BOOST_AUTO_TEST_CASE(i9_a_handler_without_a_lease) {
  two_members();
  const SlotSet mine = owned(0);
  step(0, 10, 3, 3, mine);
  invariants.handler_begins(0, 5, first_of(mine));
  BOOST_TEST(broken() == "");
  truth.open[0] = false;
  invariants.handler_begins(0, 5, first_of(mine));
  BOOST_TEST(broken() == "I9");
}

BOOST_AUTO_TEST_CASE(i9_a_handler_in_a_slot_that_is_not_held) {
  two_members();
  step(0, 10, 3, 3, owned(0));
  invariants.handler_begins(0, 5, first_of(owned(1)));
  BOOST_TEST(broken() == "I9");
}

BOOST_AUTO_TEST_CASE(i10_an_output_after_the_lease) {
  truth.open[2] = false;
  invariants.output_leaves(1, 5);
  BOOST_TEST(broken() == "");
  invariants.output_leaves(2, 5);
  BOOST_TEST(broken() == "I10");
}

BOOST_AUTO_TEST_CASE(i10_a_message_of_a_gone_incarnation_that_is_accepted) {
  two_members();
  invariants.accepted(*latest, 1, Incarnation{12});
  BOOST_TEST(broken() == "I10");
}

BOOST_AUTO_TEST_CASE(i11_an_incarnation_that_comes_back) {
  two_members();
  truth.open[1] = false;
  choose({member(0, 10)}, 4, term_one);
  choose({member(0, 10), member(1, 12)}, 5, term_one);
  BOOST_TEST(broken() == "");
  choose({member(0, 10), member(1, 11)}, 6, term_one);
  BOOST_TEST(broken() == "I11");
}

BOOST_AUTO_TEST_CASE(i12_an_answer_from_before_an_acknowledged_start) {
  const Fence early = invariants.call_begins(5);
  invariants.call_ends(5, invariants.call_begins(5), Fence{9});
  invariants.call_ends(5, early, Fence{8});  // it was asked before the 9 was told to anybody
  BOOST_TEST(broken() == "");
  invariants.call_ends(5, invariants.call_begins(5), Fence{8});
  BOOST_TEST(broken() == "I12");
}

BOOST_AUTO_TEST_CASE(i13_a_call_that_was_made_after_a_newer_start_had_begun) {
  two_members();
  invariants.start_begins(0, 5, Fence{9});
  const Fence before = invariants.newest_start(5);
  invariants.start_begins(0, 5, Fence{12});
  invariants.confirmed_call_ends(5, before, Fence{9});  // it may come late
  BOOST_TEST(broken() == "");
  invariants.confirmed_call_ends(5, invariants.newest_start(5), Fence{9});
  BOOST_TEST(broken() == "I13");
}

BOOST_AUTO_TEST_CASE(i13_a_message_of_a_start_that_was_over_when_it_left) {
  two_members();
  const auto old = invariants.latest();
  choose({member(0, 10), member(1, 11)}, 4, term_one);
  invariants.superseded_accepted(0, *old, 1);  // it does not know the newest view
  BOOST_TEST(broken() == "");
  invariants.superseded_accepted(0, *invariants.latest(), 1);
  BOOST_TEST(broken() == "I13");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(invariants_in_etcd, EtcdHistory)

BOOST_AUTO_TEST_CASE(i1_each_view_is_made_from_the_one_before) {
  two_members();
  put({member(0, 10), member(1, 11)}, 4, Term{3});
  BOOST_TEST(broken() == "");
  BOOST_TEST(invariants.elections() == 2U);
}

BOOST_AUTO_TEST_CASE(i1_a_view_that_is_put_over_another_of_its_epoch) {
  two_members();
  put({member(0, 10)}, 3, Term{2});
  BOOST_TEST(broken() == "I1");
}

BOOST_AUTO_TEST_CASE(i1_a_view_of_a_term_that_is_over) {
  two_members();
  put({member(0, 10), member(1, 11)}, 4, Term{3});
  invariants.put_in_etcd(view_in_etcd({member(0, 10)}, Epoch{5}, Term{2}), Term{3});
  BOOST_TEST(broken() == "I1");
}

BOOST_AUTO_TEST_CASE(i1_a_new_coordinator_that_changes_more_than_itself) {
  two_members();
  put({member(0, 10)}, 4, Term{3});
  BOOST_TEST(broken() == "I1");
}

BOOST_AUTO_TEST_CASE(i3_a_grant_of_a_term_that_was_not_found_current_since_the_renewal) {
  two_members();
  step(1, 11, 3, 3, none);
  invariants.sent(1, Renew{Incarnation{11}, Epoch{3}, Epoch{3}, 1, false, 0});
  invariants.set_now(100);
  invariants.confirmed_by_etcd(Term{2});
  invariants.sent(0, Grant{Incarnation{11}, 1, Term{2}, Epoch{3}, Epoch{}});
  BOOST_TEST(broken() == "");
  invariants.set_now(200);
  invariants.sent(1, Renew{Incarnation{11}, Epoch{3}, Epoch{3}, 2, false, 0});
  invariants.sent(0, Grant{Incarnation{11}, 2, Term{2}, Epoch{3}, Epoch{}});
  BOOST_TEST(broken() == "I3");
}

BOOST_AUTO_TEST_SUITE_END()
