// One step at a time; what the machine does in a cluster under faults is in tests/sim.
#include "reki/core/membership/etcd_register.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;

namespace {

using Outcome = EtcdReply::Outcome;
const NodeId self{"n1"};
const NodeId other{"n0"};

Member member(const NodeId& node) {
  Member m;
  m.node_id = node;
  m.incarnation = Incarnation{1};
  m.addr = m.control = "tcp://127.0.0.1:1";
  return m;
}

ViewPtr view(std::uint32_t epoch, Term term, const NodeId& coordinator) {
  const std::vector<Member> members{member(other), member(self)};
  ViewHead head{"c", Epoch{epoch}, term, coordinator, 1, {}, {}};
  return std::make_shared<const View>(*View::make(std::move(head), members, next_table({}, {}, slot_members(members))));
}

ViewPtr after(const View& v) { return first_view_of_term(v, v.term(), v.coordinator()); }

/// n1's register, its agent, and what is in etcd: n0 in term 5, written at revision 10, and the view of revision 9.
struct Machine {
  Timing timing;
  Instant now{1'000'000'000'000};
  Outbox out;
  MemberAgent agent{{member(self), timing, {other}, 7, {}}};
  EtcdRegister reg{timing, self, 3};
  EtcdReply::Coordinator coordinator{"5 n0 77", 10};
  EtcdReply::Current current{view(4, Term{5}, other), 9};

  Machine() { reg.tick(agent, now); }

  /// What it asks next, when it asks it; fails the test if it asks nothing for so long.
  EtcdTxn next(Duration patience = 2s) {
    for (const Instant end = now + patience; now <= end; now = std::max(now + 1us, reg.next_wake())) {
      reg.tick(agent, now);
      reg.flush(now);
      if (auto txn = reg.take_txn()) return *txn;
      if (reg.next_wake() > end) break;
    }
    BOOST_FAIL("it asks nothing");
    return {};
  }
  EtcdReply shown(const EtcdTxn& txn, Outcome outcome) const { return {txn.number, outcome, 100, coordinator, current}; }
  void refuse(const EtcdTxn& txn) { reg.on(shown(txn, Outcome::refused), now); }
  /// Only the coordinator's key, since the view is still the one that it knows.
  void read(const EtcdTxn& txn) { reg.on({txn.number, Outcome::done, 100, coordinator, std::nullopt}, now); }
  void done(const EtcdTxn& txn, std::int64_t revision) { reg.on({txn.number, Outcome::done, revision, {}, {}}, now); }
  void lost(const EtcdTxn& txn) { reg.on({txn.number, Outcome::unknown, 0, {}, {}}, now); }
  /// It has found n0 silent and claims.
  EtcdTxn claim() {
    refuse(next());
    EtcdTxn txn = next();
    read(txn);
    return next();
  }
  void lead() {
    done(claim(), 11);
    BOOST_TEST_REQUIRE(reg.leading());
    (void)reg.take_events();
  }
  template <class Event>
  std::vector<Event> take() {
    std::vector<Event> found;
    for (RegisterEvent& e : reg.take_events()) {
      if (auto* const wanted = std::get_if<Event>(&e)) found.push_back(std::move(*wanted));
    }
    return found;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_coordinator)

BOOST_AUTO_TEST_CASE(is_read_as_it_is_written) {
  const EtcdCoordinator someone{Term{12}, NodeId{"rack-1.n7"}, 0xffffffffffffffff};
  BOOST_TEST(text_of(someone) == "12 rack-1.n7 18446744073709551615");
  BOOST_TEST((parse_coordinator(text_of(someone)) == someone));
  const EtcdCoordinator nobody_yet{Term{1}, {}, 0};
  BOOST_TEST(text_of(nobody_yet) == "1");
  BOOST_TEST((parse_coordinator("1") == nobody_yet));
}

BOOST_AUTO_TEST_CASE(is_nothing_else) {
  for (const char* text : {"", "0", "x", "-1", "1 ", "1 n1", "1 n1 ", "1  7", "1 n1 x", "1 n1 7 ", "1n1 7",
                           "18446744073709551616", "1 n1 18446744073709551616"}) {
    BOOST_TEST(!parse_coordinator(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(etcd_register, Machine)

BOOST_AUTO_TEST_CASE(a_silent_coordinator_is_claimed_after_two_looks_at_the_same_revision) {
  const EtcdTxn first = next();
  BOOST_TEST(first.reads());
  BOOST_TEST(first.view_revision.value() == 0);
  refuse(first);
  const Instant seen = now;
  BOOST_TEST(reg.take_found() == current.view);
  const EtcdTxn second = next();
  BOOST_TEST(second.reads());
  BOOST_TEST(second.view_revision.value() == 9);  // so that a view that it has is not sent again
  BOOST_TEST(((now - seen) >= timing.heartbeat_fresh));
  now = now + 20ms;
  read(second);
  const EtcdTxn claim = next(0s);
  BOOST_TEST(claim.coordinator_revision.value() == 10);
  BOOST_TEST(claim.view_revision.value() == 9);
  BOOST_TEST((parse_coordinator(*claim.coordinator)->term == Term{6}));
  BOOST_TEST((parse_coordinator(*claim.coordinator)->node == self));
  BOOST_TEST((claim.view->epoch() == Epoch{5} && claim.view->term() == Term{6} && claim.view->coordinator() == self));
  now = now + 5ms;
  done(claim, 11);
  BOOST_TEST(reg.leading());
  const auto elected = take<Elected>();
  BOOST_TEST_REQUIRE(elected.size() == 1U);
  BOOST_TEST((elected[0].since_grants == now - seen));  // from the first look, not from the second
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_writes_is_left_alone) {
  refuse(next());
  for (int look = 0; look < 10; ++look) {
    ++coordinator.revision;
    const EtcdTxn txn = next();
    BOOST_TEST_REQUIRE(txn.reads());
    read(txn);
  }
}

BOOST_AUTO_TEST_CASE(a_stale_read_is_no_second_look) {
  refuse(next());
  coordinator.revision = 12;
  read(next());
  coordinator.revision = 10;  // as the first look had it
  read(next());
  BOOST_TEST(next().reads());
}

BOOST_AUTO_TEST_CASE(a_term_without_a_coordinator_is_claimed_at_the_first_look) {
  coordinator.text = "5";
  refuse(next());
  BOOST_TEST(!next(0s).reads());
}

BOOST_AUTO_TEST_CASE(who_is_known_to_be_gone_is_claimed_at_the_first_look_and_at_once) {
  reg.hurry(Term{5}, agent, now);
  refuse(next(1ms));
  BOOST_TEST(!next(0s).reads());
}

BOOST_AUTO_TEST_CASE(a_later_term_than_the_one_that_is_gone_is_waited_for) {
  reg.hurry(Term{4}, agent, now);
  refuse(next(1ms));
  BOOST_TEST(next().reads());
}

BOOST_AUTO_TEST_CASE(a_claim_that_comes_too_late_leaves_the_other_in_peace) {
  const EtcdTxn txn = claim();
  coordinator = {"6 n0 77", 12};
  current = {view(5, Term{6}, other), 12};
  refuse(txn);
  BOOST_TEST(!reg.leading());
  BOOST_TEST(take<Elected>().empty());
  BOOST_TEST(reg.take_found() == current.view);
  BOOST_TEST(next().reads());
}

BOOST_AUTO_TEST_CASE(a_claim_without_an_answer_is_looked_after_and_its_own_name_claimed_anew) {
  const EtcdTxn lost_one = claim();
  lost(lost_one);
  BOOST_TEST(!reg.leading());
  const EtcdTxn look = next();
  BOOST_TEST(look.reads());
  coordinator = {*lost_one.coordinator, 11};
  current = {lost_one.view, 11};
  refuse(look);
  const EtcdTxn again = next(0s);
  BOOST_TEST(again.coordinator_revision.value() == 11);
  BOOST_TEST((parse_coordinator(*again.coordinator)->term == Term{7}));
}

BOOST_AUTO_TEST_CASE(another_process_of_the_same_name_is_another) {
  coordinator.text = "5 n1 1234";
  refuse(next());
  BOOST_TEST(next().reads());
}

BOOST_AUTO_TEST_CASE(a_confirmation_writes_and_covers_what_began_before_it_was_asked) {
  lead();
  now = now + 50ms;
  const std::uint64_t before = reg.confirm();
  const EtcdTxn txn = next(0s);
  BOOST_TEST(txn.coordinator.value() == txn.coordinator_is.value());
  BOOST_TEST(txn.view == nullptr);
  const std::uint64_t later = reg.confirm();
  done(txn, 12);
  auto confirmed = take<Confirmed>();
  BOOST_TEST_REQUIRE(confirmed.size() == 1U);
  BOOST_TEST(confirmed[0].round == before);
  done(next(), 13);
  confirmed = take<Confirmed>();
  BOOST_TEST_REQUIRE(confirmed.size() == 1U);
  BOOST_TEST(confirmed[0].round == later);
}

BOOST_AUTO_TEST_CASE(an_unanswered_confirmation_confirms_nothing_and_is_asked_again) {
  lead();
  const std::uint64_t round = reg.confirm();
  lost(next());
  BOOST_TEST(take<Confirmed>().empty());
  done(next(), 13);
  const auto confirmed = take<Confirmed>();
  BOOST_TEST_REQUIRE(confirmed.size() == 1U);
  BOOST_TEST(confirmed[0].round == round);
}

BOOST_AUTO_TEST_CASE(a_coordinator_writes_every_renew_though_nobody_asks) {
  lead();
  for (int i = 0; i < 5; ++i) {
    const Instant before = now;
    const EtcdTxn txn = next();
    BOOST_TEST(((now - before) <= timing.renew));
    done(txn, 12 + i);
  }
}

BOOST_AUTO_TEST_CASE(another_coordinator_deposes_and_its_view_is_found) {
  lead();
  reg.confirm();
  const EtcdTxn txn = next();
  coordinator = {"7 n0 78", 20};
  current = {view(8, Term{7}, other), 20};
  refuse(txn);
  BOOST_TEST(!reg.leading());
  BOOST_TEST(take<Deposed>().size() == 1U);
  BOOST_TEST(reg.take_found() == current.view);
}

BOOST_AUTO_TEST_CASE(without_a_confirmation_for_too_long_it_steps_down) {
  lead();
  const Instant since = now;
  while (reg.leading() && now - since < 10s) {
    lost(next());
    now = now + 300ms;
    reg.tick(agent, now);
  }
  BOOST_TEST(take<Deposed>().size() == 1U);
  BOOST_TEST(((now - since) > timing.wait + timing.election_max));
  BOOST_TEST(((now - since) < timing.wait + timing.election_max + 1s));
}

BOOST_AUTO_TEST_CASE(a_view_is_put_over_its_predecessor_and_confirms_as_well) {
  lead();
  const std::uint64_t round = reg.confirm();
  const ViewPtr next_one = after(*view(5, Term{6}, self));
  reg.propose(next_one);
  const EtcdTxn txn = next(0s);  // before the confirmation
  BOOST_TEST(txn.view == next_one);
  BOOST_TEST(txn.view_revision.value() == 11);
  BOOST_TEST(txn.coordinator.value() == txn.coordinator_is.value());
  done(txn, 12);
  auto events = reg.take_events();
  BOOST_TEST_REQUIRE(events.size() == 2U);
  BOOST_TEST(std::get<Chosen>(events[0]).view == next_one);
  BOOST_TEST(std::get<Confirmed>(events[1]).round == round);
}

BOOST_AUTO_TEST_CASE(a_proposal_without_an_answer_is_repeated_until_it_is_known) {
  lead();
  const ViewPtr next_one = after(*view(5, Term{6}, self));
  reg.propose(next_one);
  const EtcdTxn first = next();
  lost(first);
  BOOST_TEST(take<Chosen>().empty());
  const EtcdTxn second = next();
  BOOST_TEST(second.view == next_one);
  coordinator = {*first.coordinator, 12};
  current = {std::make_shared<const View>(*next_one), 12};
  refuse(second);  // since the first has done it
  BOOST_TEST(take<Chosen>().size() == 1U);
  BOOST_TEST(reg.leading());
  reg.propose(after(*next_one));
  BOOST_TEST(next().view_revision.value() == 12);
}

BOOST_AUTO_TEST_CASE(a_view_that_somebody_else_put_deposes) {
  lead();
  reg.propose(after(*view(5, Term{6}, self)));
  const EtcdTxn txn = next();
  coordinator = {*txn.coordinator, 12};
  current = {view(6, Term{6}, other), 12};
  refuse(txn);
  const auto events = reg.take_events();
  BOOST_TEST_REQUIRE(events.size() == 1U);
  BOOST_TEST(std::holds_alternative<Deposed>(events[0]));
}

BOOST_AUTO_TEST_CASE(a_late_answer_to_a_given_up_transaction_is_ignored) {
  lead();
  reg.confirm();
  const EtcdTxn txn = next();
  lost(txn);
  done(txn, 12);
  BOOST_TEST(take<Confirmed>().empty());
}

BOOST_AUTO_TEST_CASE(who_resigns_tells_the_members) {
  lead();
  reg.resign(now, out);
  BOOST_TEST(take<Deposed>().size() == 1U);
  BOOST_TEST_REQUIRE(out.items.size() == 1U);
  BOOST_TEST((out.items[0].to == other));
  BOOST_TEST((std::get<Resign>(out.items[0].body).term == Term{6}));
}

BOOST_AUTO_TEST_SUITE_END()
