// What the proposer does once it is the coordinator's.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <utility>
#include <vector>

#include "proposer_fixture.hpp"

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;
using namespace test;

namespace {

/// Whether it ends the process.
template <class Do>
bool aborts(Do act) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    close(STDERR_FILENO);
    act();
    _exit(0);
  }
  int status = 0;
  BOOST_TEST_REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace

// --- what it does as coordinator

BOOST_FIXTURE_TEST_SUITE(proposer_leads, ProposerFixture)

BOOST_AUTO_TEST_CASE(a_proposal_is_chosen_once_a_majority_has_accepted_it) {
  lead();
  const ViewPtr next_view = next();
  proposer.propose(next_view);
  proposer.flush(now, out);
  BOOST_TEST(receivers<Accept>(out) == "n1 n2 n3");
  accepted(own_store, Epoch{6});
  accepted(103, Epoch{5});  // an old answer
  BOOST_TEST(take<Chosen>().empty());
  accepted(103, Epoch{6});
  const auto chosen = take<Chosen>();
  BOOST_TEST_REQUIRE(chosen.size() == 1U);
  BOOST_TEST((chosen[0].view == next_view));
}

BOOST_AUTO_TEST_CASE(one_proposal_is_outstanding_at_a_time) {
  lead();
  proposer.propose(next());
  BOOST_TEST(aborts([&] { proposer.propose(next()); }));
}

BOOST_AUTO_TEST_CASE(the_next_epoch_is_proposed_after_its_predecessor_was_chosen_in_the_own_ballot_and_no_other) {
  lead();
  BOOST_TEST(aborts([&] { proposer.propose(view_of(5, proposer.ballot(), voters(3))); }));
  BOOST_TEST(aborts([&] { proposer.propose(view_of(7, proposer.ballot(), voters(3))); }));
  nack(ballot_of(12, 2));
  BOOST_TEST(aborts([&] { proposer.propose(next()); }));
}

BOOST_AUTO_TEST_CASE(a_proposal_is_repeated_every_half_renewal_until_it_is_chosen) {
  lead();
  proposer.propose(next());
  proposer.flush(now, out);
  const Instant asked = now;
  out.items.clear();
  now = asked + timing.renew / 2;
  tick();
  BOOST_TEST(receivers<Accept>(out) == "n1 n2 n3");
  accepted(own_store, Epoch{6});
  accepted(102, Epoch{6});
  out.items.clear();
  now = now + timing.renew / 2;
  tick();
  BOOST_TEST(receivers<Accept>(out) == "");
}

BOOST_AUTO_TEST_CASE(a_change_of_voters_needs_a_majority_of_both) {
  lead();
  proposer.propose(view_of(6, proposer.ballot(), {voter(1), voter(4), voter(5)}, voters(3)));
  proposer.flush(now, out);
  BOOST_TEST(receivers<Accept>(out) == "n1 n4 n5 n2 n3");
  accepted(own_store, Epoch{6});
  accepted(104, Epoch{6});
  BOOST_TEST(take<Chosen>().empty());
  accepted(102, Epoch{6});
  BOOST_TEST(take<Chosen>().size() == 1U);
}

BOOST_AUTO_TEST_CASE(while_voters_change_a_round_needs_a_majority_of_both) {
  lead();
  proposer.propose(view_of(6, proposer.ballot(), {voter(1), voter(4), voter(5)}, voters(3)));
  proposer.flush(now, out);
  for (const std::uint64_t store : {101, 104, 102}) accepted(store, Epoch{6});
  (void)proposer.take_events();
  const std::uint64_t round = proposer.confirm();
  proposer.flush(now, out);
  BOOST_TEST(receivers<Heartbeat>(out) == "n1 n4 n5 n2 n3");
  ack(own_store, round);
  ack(102, round);
  BOOST_TEST(take<Confirmed>().empty());
  ack(105, round);
  BOOST_TEST(take<Confirmed>().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_round_is_confirmed_once_a_majority_has_acknowledged_it) {
  lead();
  const std::uint64_t round = proposer.confirm();
  proposer.flush(now, out);
  BOOST_TEST(receivers<Heartbeat>(out) == "n1 n2 n3");
  BOOST_TEST(sent<Heartbeat>(out)[0].seq == round);
  ack(own_store, round);
  ack(own_store, round);
  ack(777, round);
  BOOST_TEST(take<Confirmed>().empty());
  ack(102, round);
  const auto confirmed = take<Confirmed>();
  BOOST_TEST_REQUIRE(confirmed.size() == 1U);
  BOOST_TEST(confirmed[0].round == round);
}

BOOST_AUTO_TEST_CASE(rounds_have_growing_numbers_and_a_later_one_holds_for_those_before) {
  lead();
  const std::uint64_t first = proposer.confirm();
  const std::uint64_t second = proposer.confirm();
  BOOST_TEST(first < second);
  ack(own_store, second);
  ack(102, first);
  ack(102, second);
  const auto confirmed = take<Confirmed>();
  BOOST_TEST_REQUIRE(confirmed.size() == 2U);
  BOOST_TEST(confirmed[0].round == first);
  BOOST_TEST(confirmed[1].round == second);
}

BOOST_AUTO_TEST_CASE(an_acknowledgement_of_another_ballot_confirms_nothing) {
  lead();
  const std::uint64_t round = proposer.confirm();
  const Term other{proposer.ballot().value - 1};
  for (const std::uint64_t store : {101, 102, 103}) proposer.on(HeartbeatAck{store, other, round}, now);
  BOOST_TEST(take<Confirmed>().empty());
}

BOOST_AUTO_TEST_CASE(a_coordinator_beats_every_renewal_even_if_nobody_asks_for_a_lease) {
  lead();
  const Instant begun = now;
  int rounds = 0;
  for (; now < begun + 10 * timing.renew; now = now + 5ms) {
    tick();
    if (!sent<Heartbeat>(out).empty()) {
      ++rounds;
      ack(own_store, sent<Heartbeat>(out)[0].seq);
      ack(102, sent<Heartbeat>(out)[0].seq);
    }
    out.items.clear();
  }
  BOOST_TEST(rounds == 9);
  BOOST_TEST(deposed().empty());
}

BOOST_AUTO_TEST_CASE(if_woken_when_it_asked_for_it_a_coordinator_begins_a_round_each_renewal_time) {
  lead();
  std::vector<Instant> begun;
  std::uint64_t last = 0;
  for (int wakes = 0; wakes < 20; ++wakes) {
    wake();
    for (const Heartbeat& h : sent<Heartbeat>(out)) {
      if (std::exchange(last, h.seq) != h.seq) begun.push_back(now);
    }
    out.items.clear();
    ack(own_store, last);
    ack(102, last);
    BOOST_TEST_REQUIRE((proposer.next_wake() > now));
  }
  BOOST_REQUIRE(begun.size() > 5);
  for (std::size_t i = 1; i < begun.size(); ++i) BOOST_TEST((begun[i] - begun[i - 1] == timing.renew));
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_is_confirmed_no_more_goes) {
  lead();
  const Duration patience = timing.wait + timing.election_max;
  const Instant begun = now;
  for (; now - begun <= patience; now = now + 10ms) {
    tick();
    ack(own_store, 1000);  // a minority
    BOOST_TEST_REQUIRE(proposer.leading());
  }
  tick();
  BOOST_TEST(!proposer.leading());
  BOOST_TEST(deposed().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_is_refused_for_a_higher_ballot_goes_at_once) {
  lead();
  nack(ballot_of(12, 2));
  BOOST_TEST(!proposer.leading());
  BOOST_TEST(deposed().size() == 1U);
  BOOST_TEST((proposer.next_wake() - now >= timing.election_min));
}

BOOST_AUTO_TEST_CASE(a_coordinator_stays_when_a_voter_has_not_heard_of_it_yet_or_refuses_another_ballot) {
  lead();
  nack(ballot_of(2, 2));
  proposer.on(Nack{102, ballot_of(2, 1), ballot_of(12, 2)}, now);
  BOOST_TEST(proposer.leading());
}

BOOST_AUTO_TEST_CASE(a_deposed_coordinator_forgets_what_it_has_proposed) {
  lead();
  proposer.propose(next());
  nack(ballot_of(12, 2));
  accepted(own_store, Epoch{6});
  accepted(102, Epoch{6});
  BOOST_TEST(take<Chosen>().empty());
  out.items.clear();
  tick();
  BOOST_TEST(out.items.empty());
}

BOOST_AUTO_TEST_CASE(a_voter_that_is_there_but_missed_a_view_is_sent_it_again) {
  lead();
  accepted(102, Epoch{5});
  ack(103, 1);
  out.items.clear();
  now = now + timing.renew / 2;
  tick();
  BOOST_TEST(receivers<Accept>(out) == "n3");
  BOOST_TEST(sent<Accept>(out)[0].view->epoch().value == 5U);
  accepted(103, Epoch{5});
  out.items.clear();
  now = now + timing.renew / 2;
  tick();
  BOOST_TEST(receivers<Accept>(out) == "");
}

BOOST_AUTO_TEST_CASE(a_voter_that_does_not_answer_is_sent_no_view) {
  lead();
  now = now + timing.renew / 2;
  tick();
  BOOST_TEST(receivers<Accept>(out) == "");
}

BOOST_AUTO_TEST_CASE(one_that_resigns_tells_the_voters_and_lets_them_try_first) {
  lead();
  const Term term = proposer.ballot();
  proposer.resign(now, out);
  BOOST_TEST(receivers<Resign>(out) == "n1 n2 n3");
  BOOST_TEST((sent<Resign>(out)[0].term == term));
  BOOST_TEST(!proposer.leading());
  BOOST_TEST(deposed().size() == 1U);
  BOOST_TEST((proposer.next_wake() == now + timing.wait));
}

BOOST_AUTO_TEST_CASE(one_that_is_no_coordinator_has_nothing_to_resign) {
  prepare();
  out.items.clear();
  proposer.resign(now, out);
  BOOST_TEST(out.items.empty());
  BOOST_TEST(deposed().empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(reigns)

BOOST_AUTO_TEST_CASE(a_reign_begins_with_the_last_view_of_the_one_before) {
  const ViewPtr last = view_of(4, ballot_of(2, 2), {voter(1), voter(4)}, voters(2));
  const ViewPtr first = first_view_of_term(*last, ballot_of(3, 1), n1);
  BOOST_TEST(first->epoch().value == 5U);
  BOOST_TEST((first->term() == ballot_of(3, 1) && first->coordinator() == n1));
  BOOST_TEST(std::ranges::equal(first->members(), last->members()));
  BOOST_TEST((first->table() == last->table()));
  BOOST_TEST(std::ranges::equal(first->voters(), last->voters()));
  BOOST_TEST(std::ranges::equal(first->old_voters(), last->old_voters()));
  BOOST_TEST(first->cluster_id() == last->cluster_id());
  BOOST_TEST(first->hash_seed() == last->hash_seed());
}

BOOST_AUTO_TEST_SUITE_END()
