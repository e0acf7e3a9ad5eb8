// When a voter tries to become coordinator, and how it is elected: one step at a time, beside an acceptor whose disk is
// the test's. What becomes of it in a cluster is in tests/sim.
#include "reki/core/membership/proposer.hpp"

#include "proposer_fixture.hpp"

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;
using namespace test;

// --- when it tries

BOOST_FIXTURE_TEST_SUITE(proposer_tries, ProposerFixture)

BOOST_AUTO_TEST_CASE(a_voter_that_hears_no_coordinator_for_a_random_time_asks_whether_it_would_be_elected) {
  const Instant begun = now;
  tick();
  BOOST_TEST(receivers<PreVote>(out) == "");
  BOOST_TEST((proposer.next_wake() - begun >= timing.election_min));
  BOOST_TEST((proposer.next_wake() - begun < timing.election_max));
  wake();
  BOOST_TEST(receivers<PreVote>(out) == "n1 n2 n3");
}

BOOST_AUTO_TEST_CASE(two_voters_wait_for_different_times) {
  Proposer other{timing, n1, 8};
  other.tick(acceptor, now, out);
  tick();
  BOOST_TEST((other.next_wake() != proposer.next_wake()));
}

BOOST_AUTO_TEST_CASE(a_heartbeat_puts_its_next_try_off) {
  tick();
  const Duration patience = proposer.next_wake() - now;
  for (int i = 0; i < 20; ++i) {
    now = now + timing.renew;
    acceptor.on(NodeId{"n9"}, Heartbeat{own_store, record.promised, 1}, now, out);
    out.items.clear();
    tick();
    BOOST_TEST((proposer.next_wake() == now + patience));
  }
  BOOST_TEST(receivers<PreVote>(out) == "");
}

BOOST_AUTO_TEST_CASE(a_voter_that_the_view_does_not_count_never_tries) {
  use({"c", 999, {}, {}, record.view});
  for (int i = 0; i < 10; ++i) wake();
  BOOST_TEST(out.items.empty());
}

BOOST_AUTO_TEST_CASE(a_voter_that_is_being_replaced_can_be_elected_to_end_that) {
  const Voter other{4, 204, n4, control_of("n4")};
  use({"c", own_store, ballot_of(2, 2), ballot_of(2, 2), view_of(4, ballot_of(2, 2), {other}, {voter(1)})});
  probe();
  pre_vote(own_store, true);
  pre_vote(204, true);
  promise(own_store);
  promise(204);
  accepted(own_store, Epoch{5});
  BOOST_TEST(!proposer.leading());
  accepted(204, Epoch{5});
  BOOST_TEST(proposer.leading());
}

BOOST_AUTO_TEST_CASE(voters_that_do_not_answer_are_shown_the_view_that_may_have_made_them_voters) {
  const Voter other{4, 204, n4, control_of("n4")};
  use({"c", own_store, ballot_of(2, 2), ballot_of(2, 2), view_of(4, ballot_of(2, 2), {other}, {voter(1)})});
  probe();
  BOOST_TEST(receivers<Accept>(out) == "");
  out.items.clear();
  wake();
  BOOST_TEST(receivers<Accept>(out) == "n4");
  BOOST_TEST((sent<Accept>(out)[0].ballot == record.accepted && sent<Accept>(out)[0].view == record.view));
  pre_vote(204, false);
  out.items.clear();
  wake();
  BOOST_TEST(receivers<Accept>(out) == "");
}

BOOST_AUTO_TEST_CASE(the_first_view_is_shown_to_nobody) {
  use({"c", own_store, {}, {}, view_of(1, {}, voters(3))});
  probe();
  for (int i = 0; i < 5; ++i) wake();
  BOOST_TEST(receivers<Accept>(out) == "");
}

BOOST_AUTO_TEST_CASE(an_empty_store_never_tries) {
  use({"", own_store, {}, {}, nullptr});
  for (int i = 0; i < 10; ++i) wake();
  BOOST_TEST(out.items.empty());
}

BOOST_AUTO_TEST_CASE(when_the_coordinator_is_known_to_be_gone_the_voter_of_the_lowest_place_tries_first) {
  tick();
  proposer.hurry(acceptor, now);
  BOOST_TEST((proposer.next_wake() == now + 1ns));
  const auto second_of = [&](const Voter& self) {
    VoterRecord its = record;
    its.store = self.store;
    const Acceptor a(timing, self.node, its);
    Proposer p(timing, self.node, 7);
    p.hurry(a, now);
    return p.next_wake() - now;
  };
  BOOST_TEST((second_of(voter(2)) == timing.renew / 4 + 1ns));
  BOOST_TEST((second_of(voter(3)) == timing.renew / 2 + 1ns));
}

BOOST_AUTO_TEST_CASE(a_candidate_is_not_hurried) {
  claim();
  const Instant before = proposer.next_wake();
  proposer.hurry(acceptor, now);
  BOOST_TEST((proposer.next_wake() == before));
}

BOOST_AUTO_TEST_SUITE_END()

// --- how it is elected

BOOST_FIXTURE_TEST_SUITE(proposer_candidate, ProposerFixture)

BOOST_AUTO_TEST_CASE(a_candidate_needs_the_pre_votes_of_a_majority) {
  probe();
  pre_vote(102, true);
  pre_vote(102, true);
  pre_vote(103, false);
  BOOST_TEST(receivers<Prepare>(out) == "");
  pre_vote(own_store, true);
  BOOST_TEST(receivers<Prepare>(out) == "n1");
}

BOOST_AUTO_TEST_CASE(the_pre_votes_of_another_ballot_or_of_strangers_do_not_count) {
  probe();
  const Term other{proposer.ballot().value - 1};
  proposer.on(PreVoteReply{102, other, {}, true}, acceptor, now, out);
  proposer.on(PreVoteReply{103, other, {}, true}, acceptor, now, out);
  pre_vote(777, true);
  pre_vote(778, true);
  BOOST_TEST(receivers<Prepare>(out) == "");
}

BOOST_AUTO_TEST_CASE(a_candidate_that_nobody_wants_leaves_no_trace_and_tries_again_later) {
  probe();
  pre_vote(102, false);
  pre_vote(103, false);
  out.items.clear();
  const Instant asked = now;
  while (now <= asked + timing.election_max) wake();
  BOOST_TEST(receivers<Prepare>(out) == "");
  BOOST_TEST((acceptor.record().promised == record.promised));
  out.items.clear();
  probe();
  BOOST_TEST(receivers<PreVote>(out) == "n1 n2 n3");
}

BOOST_AUTO_TEST_CASE(its_ballot_is_above_all_that_its_store_has_promised_and_ends_with_its_number) {
  BOOST_TEST((probe() == ballot_of(3, 1)));
}

BOOST_AUTO_TEST_CASE(its_ballot_is_above_all_that_it_has_been_told_of) {
  probe();
  pre_vote(102, true, ballot_of(8, 3));
  pre_vote(103, true, ballot_of(5, 2));
  BOOST_TEST((sent<Prepare>(out)[0].ballot == ballot_of(9, 1)));
}

BOOST_AUTO_TEST_CASE(its_own_store_promises_before_any_other_is_asked) {
  claim();
  BOOST_TEST(receivers<Prepare>(out) == "n1");
  promise(102);
  promise(103);
  for (int i = 0; i < 3; ++i) wake();
  BOOST_TEST(receivers<Prepare>(out) == "n1");
  promise(own_store);
  BOOST_TEST(receivers<Prepare>(out) == "n1 n1 n2 n3");
}

BOOST_AUTO_TEST_CASE(a_candidate_needs_the_promises_of_a_majority) {
  prepare();
  promise(own_store);
  promise(777);
  BOOST_TEST(receivers<Accept>(out) == "");
  promise(103);
  BOOST_TEST(receivers<Accept>(out) == "n1 n2 n3");
}

BOOST_AUTO_TEST_CASE(a_promise_of_another_ballot_does_not_count) {
  prepare();
  Promise old = promise_of(102);
  old.ballot = Term{old.ballot.value - 1};
  promise(old);
  BOOST_TEST(receivers<Accept>(out) == "");
}

BOOST_AUTO_TEST_CASE(it_takes_the_last_view_over_with_the_next_epoch_its_term_and_itself) {
  elect();
  const ViewPtr first = sent<Accept>(out)[0].view;
  BOOST_TEST((*first == *first_view_of_term(*record.view, proposer.ballot(), n1)));
  BOOST_TEST((sent<Accept>(out)[0].ballot == proposer.ballot()));
}

BOOST_AUTO_TEST_CASE(of_the_views_that_have_been_accepted_it_takes_the_one_of_the_highest_ballot) {
  prepare();
  Promise other = promise_of(102);
  other.accepted = ballot_of(3, 3);
  other.view = view_of(4, ballot_of(3, 3), voters(3));
  promise(other);
  BOOST_TEST((*sent<Accept>(out)[0].view == *first_view_of_term(*other.view, proposer.ballot(), n1)));
}

BOOST_AUTO_TEST_CASE(of_the_views_of_one_ballot_it_takes_the_one_of_the_highest_epoch) {
  prepare();
  Promise other = promise_of(102);
  other.view = view_of(7, ballot_of(2, 2), voters(3));
  promise(other);
  BOOST_TEST(sent<Accept>(out)[0].view->epoch().value == 8U);
}

BOOST_AUTO_TEST_CASE(a_view_of_a_lower_ballot_is_not_taken_whatever_its_epoch) {
  prepare();
  Promise other = promise_of(102);
  other.accepted = ballot_of(1, 3);
  other.view = view_of(7, ballot_of(1, 3), voters(3));
  promise(other);
  BOOST_TEST(sent<Accept>(out)[0].view->epoch().value == 5U);
}

BOOST_AUTO_TEST_CASE(a_newer_view_with_other_voters_needs_the_promises_of_these_too) {
  prepare();
  out.items.clear();
  Promise other = promise_of(102);
  other.accepted = ballot_of(2, 3);
  other.view = view_of(6, ballot_of(2, 3), {voter(1), voter(4), voter(5)});
  promise(other);
  BOOST_TEST(receivers<Accept>(out) == "");
  BOOST_TEST(receivers<Prepare>(out) == "n1 n2 n3 n1 n4 n5");
  promise(103);
  BOOST_TEST(receivers<Accept>(out) == "");
  promise(104);
  BOOST_TEST(receivers<Accept>(out) == "n1 n4 n5");
}

BOOST_AUTO_TEST_CASE(a_candidate_that_the_newest_view_has_voted_out_gives_up) {
  prepare();
  out.items.clear();
  Promise other = promise_of(102);
  other.accepted = ballot_of(2, 3);
  other.view = view_of(6, ballot_of(2, 3), {voter(2), voter(3), {4, 201, n1, control_of("n1")}});
  promise(other);
  promise(103);
  BOOST_TEST(receivers<Accept>(out) == "");
  BOOST_TEST((proposer.next_wake() - now >= timing.election_min));
}

BOOST_AUTO_TEST_CASE(it_is_elected_once_a_majority_has_accepted_its_first_view) {
  elect();
  accepted(own_store, Epoch{5});
  accepted(own_store, Epoch{5});
  accepted(777, Epoch{5});
  BOOST_TEST(!proposer.leading());
  accepted(103, Epoch{5});
  BOOST_TEST(proposer.leading());
  const auto elected = take<Elected>();
  BOOST_TEST_REQUIRE(elected.size() == 1U);
  BOOST_TEST((elected[0].term == proposer.ballot()));
  BOOST_TEST((*elected[0].view == *first_view_of_term(*record.view, proposer.ballot(), n1)));
}

BOOST_AUTO_TEST_CASE(what_was_accepted_in_another_ballot_or_epoch_does_not_count) {
  elect();
  accepted(own_store, Epoch{5});
  proposer.on(Accepted{102, Term{proposer.ballot().value - 1}, Epoch{5}}, now, out);
  accepted(103, Epoch{4});
  BOOST_TEST(!proposer.leading());
}

BOOST_AUTO_TEST_CASE(no_earlier_lease_is_younger_than_the_last_acknowledgement_of_those_who_promised) {
  claim();
  Promise first = promise_of(own_store);
  first.since_ack = 700ms;
  promise(first);
  now = now + 5ms;
  Promise second = promise_of(102);
  second.since_ack = 300ms;
  promise(second);
  now = now + 10ms;
  accepted(own_store, Epoch{5});
  accepted(102, Epoch{5});
  BOOST_TEST((take<Elected>()[0].since_grants == 310ms));
}

BOOST_AUTO_TEST_CASE(a_promise_that_does_not_know_may_have_acknowledged_just_now) {
  claim();
  Promise first = promise_of(own_store);
  first.since_ack = 700ms;
  promise(first);
  promise(102);
  now = now + 10ms;
  accepted(own_store, Epoch{5});
  accepted(102, Epoch{5});
  BOOST_TEST((take<Elected>()[0].since_grants == 10ms));
}

BOOST_AUTO_TEST_CASE(what_is_lost_is_asked_again_every_half_renewal) {
  prepare();
  const Instant asked = now;
  out.items.clear();
  wake();
  BOOST_TEST((now - asked == timing.renew / 2));
  BOOST_TEST(receivers<Prepare>(out) == "n1 n2 n3");
  promise(102);
  out.items.clear();
  wake();
  BOOST_TEST((now - asked == timing.renew));
  BOOST_TEST(receivers<Accept>(out) == "n1 n2 n3");
}

BOOST_AUTO_TEST_CASE(a_candidate_that_gets_no_further_gives_up_and_tries_again_with_a_higher_ballot) {
  prepare();
  acceptor.on(n1, Prepare{own_store, proposer.ballot()}, now, out);
  const Term failed = proposer.ballot();
  const Instant asked = now;
  while (now <= asked + timing.election_max) wake();
  out.items.clear();
  BOOST_TEST((probe() > failed));
  BOOST_TEST((probe() == ballot_of(4, 1)));
}

BOOST_AUTO_TEST_CASE(a_candidate_whose_ballot_is_refused_for_a_higher_one_gives_up_at_once) {
  prepare();
  nack(ballot_of(12, 2));
  out.items.clear();
  promise(102);
  BOOST_TEST(receivers<Accept>(out) == "");
  BOOST_TEST(take<Deposed>().empty());  // it was none
  BOOST_TEST((probe() == ballot_of(13, 1)));
}

BOOST_AUTO_TEST_SUITE_END()
