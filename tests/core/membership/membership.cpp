// The parts of one node's membership together: what a message, the passing of time, a written record lead to.
#include "reki/core/membership/membership.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>

#include "machines.hpp"
#include "reki/core/membership/ballot.hpp"

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;
using namespace test;

namespace {

constexpr Term term = ballot_of(2, 2);

/// n1, its effects, and what the test has other nodes say.
struct MembershipFixture {
  Timing timing = lan();
  Instant now = start + 2s;
  std::optional<Membership> machine;
  bool disk_works = true;
  std::vector<AgentEvent> events;
  Outbox out;

  /// With the store of voter 1, which has accepted this view; null: an empty store.
  void begin(const ViewPtr& view) {
    const Term accepted = view == nullptr ? Term{} : view->term();
    begin(VoterRecord{view == nullptr ? "" : "c", 101, accepted, accepted, view});
  }
  void begin(std::optional<VoterRecord> voter, bool etcd = false) {
    machine.emplace(Membership::Options{{member("n1", 0), timing, {n1, n2, n3}, 7, {}}, std::move(voter), etcd});
    machine->tick(clocks());
    effects();
    // Before it votes it asks whether the register was rescued without it.
    for (const LineageAsk& ask : sent<LineageAsk>(out)) {
      hear(n2, LineageIs{ask.nonce});
      hear(n3, LineageIs{ask.nonce});
    }
    std::erase_if(out.items, [](const auto& item) { return std::holds_alternative<LineageAsk>(item.body); });
  }
  /// View 4 of n2, with itself as it is now, or without it.
  ViewPtr view_of_n2(bool with_me = false, std::uint32_t epoch = 4) const {
    std::vector<Member> members{member("n2", 2), member("n3", 3)};
    if (with_me) members.push_back(member("n1", machine->agent().incarnation().value));
    return view({"", Epoch{epoch}, term, n2, 0, voters(3), {}}, std::move(members));
  }
  Clocks clocks() const { return {now, now}; }

  /// Carries out what is to be done, in the order that the header asks for.
  void effects() {
    while (disk_works) {
      const auto write = machine->take_write();
      if (!write) break;
      machine->persisted(write->version, clocks());
    }
    for (AgentEvent& event : machine->take_events()) events.push_back(std::move(event));
    std::vector<Outbox::Item> messages;
    machine->take_messages(messages);
    for (auto& item : messages) out.items.push_back(std::move(item));
  }
  void hear(const NodeId& from, Body body) {
    machine->on({from, std::move(body)}, clocks());
    effects();
  }
  void wake() {
    now = std::max(now, machine->next_wake());
    machine->tick(clocks());
    effects();
  }
  void run(Duration d) {
    for (const Instant end = now + d; machine->next_wake() <= end;) wake();
  }
  EtcdTxn asks_etcd() {
    for (int i = 0; i < 100; ++i) {
      if (auto txn = machine->take_etcd()) return *txn;
      wake();
    }
    BOOST_FAIL("it asks nothing");
    return {};
  }
  /// n2 answers as a voter who would have it.
  void vote_of_n2() {
    std::vector<Outbox::Item> asked;
    std::swap(asked, out.items);
    for (const auto& item : asked) {
      if (item.to != n2) continue;
      if (const auto* m = std::get_if<PreVote>(&item.body)) hear(n2, PreVoteReply{m->store, m->ballot, term, true});
      if (const auto* m = std::get_if<Prepare>(&item.body)) {
        hear(n2, Promise{m->store, m->ballot, term, machine->acceptor()->record().view, 1s});
      }
      if (const auto* m = std::get_if<Accept>(&item.body)) hear(n2, Accepted{m->store, m->ballot, m->view->epoch()});
      if (const auto* m = std::get_if<Heartbeat>(&item.body)) hear(n2, HeartbeatAck{m->store, m->ballot, m->seq});
    }
  }
  void lead() {
    begin(view_of_n2());
    for (int i = 0; i < 100 && machine->coordinator() == nullptr; ++i) {
      wake();
      vote_of_n2();
    }
    BOOST_TEST_REQUIRE((machine->coordinator() != nullptr));
    vote_of_n2();
    out.items.clear();
  }
};

}  // namespace

// --- alone

BOOST_FIXTURE_TEST_SUITE(membership_alone, MembershipFixture)

BOOST_AUTO_TEST_CASE(a_node_that_is_its_own_cluster_elects_itself_joins_and_gains_all_slots) {
  begin(view({"", Epoch{1}, {}, {}, 0, voters(1), {}}, {}));
  run(1s);
  BOOST_TEST_REQUIRE((machine->coordinator() != nullptr));
  BOOST_TEST((machine->leads() == machine->agent().term()));
  BOOST_TEST((machine->coordinator()->view() == machine->agent().view()));
  const auto gained = only<Gained>(events);
  BOOST_TEST_REQUIRE(gained.size() == 1U);
  BOOST_TEST(gained[0].slots.size() == slot_count);
  BOOST_TEST(machine->agent().gate(now));
}

BOOST_AUTO_TEST_CASE(what_its_parts_say_to_each_other_is_no_message_to_others) {
  machine.emplace(Membership::Options{{member("n1", 0), timing, {n1}, 7, {}},
                                      VoterRecord{"c", 101, {}, {}, view({"", Epoch{1}, {}, {}, 0, voters(1), {}}, {})},
                                      false});
  run(1s);
  BOOST_TEST(machine->leads().has_value());
  BOOST_TEST(out.items.empty());
}

BOOST_AUTO_TEST_CASE(nothing_that_depends_on_a_record_is_said_before_it_is_written) {
  begin(view_of_n2());
  disk_works = false;
  hear(n2, Prepare{101, ballot_of(3, 2)});
  BOOST_TEST(receivers<Promise>(out) == "");
  const auto write = machine->take_write();
  BOOST_TEST_REQUIRE(write.has_value());
  BOOST_TEST((write->record.promised == ballot_of(3, 2)));
  machine->persisted(write->version, clocks());
  effects();
  BOOST_TEST(receivers<Promise>(out) == "n2");
}

BOOST_AUTO_TEST_CASE(a_candidate_asks_the_others_once_its_own_promise_is_written) {
  begin(view_of_n2());
  disk_works = false;
  while (receivers<PreVote>(out).empty()) wake();
  vote_of_n2();
  BOOST_TEST(receivers<Prepare>(out) == "");
  const auto write = machine->take_write();
  BOOST_TEST_REQUIRE(write.has_value());
  machine->persisted(write->version, clocks());
  BOOST_TEST((machine->next_wake() == now));
  wake();
  BOOST_TEST(receivers<Prepare>(out) == "n2 n3");
}

BOOST_AUTO_TEST_CASE(it_wakes_for_whichever_of_its_parts_is_first) {
  begin(view_of_n2());
  BOOST_TEST((machine->next_wake() == machine->agent().next_wake()));
  lead();
  hear(n2, Join{member("n4", 4), machine->coordinator()->view()->epoch(), 0});
  BOOST_TEST((machine->next_wake() - now <= timing.batch));
}

BOOST_AUTO_TEST_SUITE_END()

// --- messages

BOOST_FIXTURE_TEST_SUITE(membership_messages, MembershipFixture)

BOOST_AUTO_TEST_CASE(what_is_for_the_coordinator_is_answered_with_where_it_is) {
  begin(std::nullopt);
  hear(n2, ViewPush{view_of_n2(true)});
  out.items.clear();
  hear(n4, Join{member("n4", 4), Epoch{0}, 0});
  hear(n3, Renew{Incarnation{3}, Epoch{4}, Epoch{4}, 1, false, 0});
  hear(NodeId{"guard/n3"}, Stopped{n3, Incarnation{3}});
  BOOST_TEST(receivers<Hint>(out) == "n4 n3 guard/n3");
  const Hint hint = sent<Hint>(out)[0];
  BOOST_TEST((hint.term == term && hint.coordinator == n2 && hint.control == control_of("n2")));
}

BOOST_AUTO_TEST_CASE(who_asks_from_elsewhere_with_the_coordinators_id_is_told_where_that_one_is_as_long_as_it_answers) {
  begin(std::nullopt);
  hear(n2, ViewPush{view_of_n2(true)});
  const auto ask = [&](const std::string& control) {
    out.items.clear();
    Join join{member("n2", 22), Epoch{4}, 0};
    join.member.control = control;
    hear(n2, join);
  };
  hear(n2, News{term, Epoch{4}, Epoch{4}});
  ask("tcp://elsewhere:1");
  BOOST_TEST(receivers<Hint>(out) == "");
  BOOST_REQUIRE(sent<Refused>(out).size() == 1U);
  BOOST_TEST((sent<Refused>(out)[0].incarnation == Incarnation{22}));
  BOOST_TEST(sent<Refused>(out)[0].why == "node 'n2' is alive at tcp://n2:1, and is the coordinator: another process has this id. Give each "
                                          "node its own id");
  ask(control_of("n2"));  // a process that comes back to its place
  BOOST_TEST(receivers<Hint>(out) == "n2");
  now = now + 2 * timing.renew + 1ms;  // it may be gone, and come back elsewhere
  ask("tcp://elsewhere:1");
  BOOST_TEST(receivers<Hint>(out) == "n2");
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_is_a_voter_and_no_member_is_found_too) {
  begin(std::nullopt);
  hear(n2, ViewPush{view({"", Epoch{4}, term, n2, 0, voters(3), {}}, {member("n3", 3)})});
  out.items.clear();
  hear(n4, Join{member("n4", 4), Epoch{0}, 0});
  BOOST_TEST(sent<Hint>(out)[0].control == control_of("n2"));
}

BOOST_AUTO_TEST_CASE(one_that_knows_no_view_gives_no_hint) {
  begin(std::nullopt);
  out.items.clear();
  hear(n4, Join{member("n4", 4), Epoch{0}, 0});
  BOOST_TEST(out.items.empty());
}

BOOST_AUTO_TEST_CASE(one_that_was_the_coordinator_until_just_now_gives_no_hint) {
  lead();
  hear(n2, Nack{102, *machine->leads(), ballot_of(9, 2)});
  BOOST_TEST(!machine->leads().has_value());
  out.items.clear();
  hear(n4, Join{member("n4", 4), Epoch{0}, 0});
  BOOST_TEST(receivers<Hint>(out) == "");
}

BOOST_AUTO_TEST_CASE(the_coordinator_answers_itself) {
  lead();
  hear(n4, Join{member("n4", 4), Epoch{0}, 0});
  BOOST_TEST(receivers<ViewPush>(out) == "n4");
  BOOST_TEST(receivers<Hint>(out) == "");
}

BOOST_AUTO_TEST_CASE(a_node_without_a_voter_takes_no_part_in_the_register) {
  begin(std::nullopt);
  hear(n2, ViewPush{view_of_n2(true)});
  out.items.clear();
  hear(n2, PreVote{101, ballot_of(3, 2)});
  hear(n2, Prepare{101, ballot_of(3, 2)});
  hear(n2, Accept{101, ballot_of(3, 2), view_of_n2(true, 5)});
  hear(n2, Heartbeat{101, ballot_of(3, 2), 1});
  hear(n2, InitProbe{});
  BOOST_TEST(out.items.empty());
  BOOST_TEST(!machine->take_write().has_value());
  run(3s);
  BOOST_TEST(receivers<PreVote>(out) == "");
}

BOOST_AUTO_TEST_CASE(an_empty_store_is_offered_until_a_view_is_in_it) {
  begin(ViewPtr{});
  hear(n2, ViewPush{view_of_n2()});
  BOOST_TEST(sent<Join>(out).back().store == 101U);
  hear(n2, Accept{101, term, view_of_n2(false, 5)});
  wake();
  BOOST_TEST(sent<Join>(out).back().store == 0U);
}

BOOST_AUTO_TEST_CASE(an_empty_store_joins_no_proposal_that_a_chosen_view_has_overtaken) {
  begin(ViewPtr{});
  hear(n2, ViewPush{view_of_n2()});
  out.items.clear();
  const Term before = ballot_of(1, 3);
  for (const std::uint32_t epoch : {3U, 4U}) {
    hear(n3, Accept{101, before, view({"", Epoch{epoch}, before, n3, 0, voters(3), {}}, {})});
    BOOST_TEST(machine->acceptor()->empty());
  }
  BOOST_TEST(receivers<Accepted>(out) == "");
  hear(n2, Accept{101, term, view_of_n2()});  // the chosen one, which came on the other way first
  BOOST_TEST(!machine->acceptor()->empty());
}

BOOST_AUTO_TEST_CASE(a_store_that_a_view_counts_out_is_retired_once_no_coordinator_counts_it_in_any_more) {
  begin(view_of_n2());
  hear(n2, Heartbeat{101, term, 1});
  const Instant heard = now;
  hear(n2, ViewPush{view({"", Epoch{5}, term, n2, 0, {voter(2)}, {}}, {member("n2", 2)})});
  while (now < heard + timing.wait) {
    BOOST_TEST(machine->acceptor()->record().store == 101U);
    BOOST_TEST(sent<Join>(out).back().store == 0U);
    wake();
  }
  run(200ms);
  const std::uint64_t fresh = machine->acceptor()->record().store;
  BOOST_TEST(fresh != 101U);
  BOOST_TEST(machine->acceptor()->empty());
  BOOST_TEST(sent<Join>(out).back().store == fresh);
  out.items.clear();
  run(2s);
  BOOST_TEST(receivers<PreVote>(out) == "");
}

BOOST_AUTO_TEST_CASE(a_node_that_knows_a_view_begins_no_cluster_with_its_empty_store) {
  begin(ViewPtr{});
  hear(n2, ViewPush{view_of_n2()});
  out.items.clear();
  hear(n2, InitProbe{});
  const auto first = view({"", Epoch{1}, {}, {}, 0, voters(3), {}}, {});
  hear(n2, Init{101, first});
  const auto states = sent<InitState>(out);
  BOOST_TEST_REQUIRE(states.size() == 2U);
  for (const InitState& state : states) BOOST_TEST((!state.empty && state.cluster == "c" && state.epoch == Epoch{4}));
  BOOST_TEST(machine->acceptor()->empty());
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_votes_no_more_hands_its_office_over_with_the_view_that_says_so) {
  lead();
  const auto renew = [&](const NodeId& node, std::uint64_t incarnation) {
    const Epoch newest = machine->coordinator()->view()->epoch();
    hear(node, Renew{Incarnation{incarnation}, newest, newest, 1, false, 0});
  };
  renew(n2, 2);
  renew(n3, 3);
  hear(NodeId{"voters/1"}, SetVoters{3, {n2}});
  const auto accept = [&](const NodeId& node, std::uint64_t store) {
    const auto asked = sent<Accept>(out);
    BOOST_TEST_REQUIRE(!asked.empty());
    hear(node, Accepted{store, asked.back().ballot, asked.back().view->epoch()});
  };
  accept(n2, 102);
  BOOST_TEST((machine->coordinator() != nullptr && machine->coordinator()->view()->old_voters().size() == 3));
  accept(n2, 102);
  BOOST_TEST(receivers<Resign>(out) == "n2");
  BOOST_TEST((machine->coordinator() == nullptr && !machine->leads().has_value()));
}

BOOST_AUTO_TEST_CASE(voters_wait_for_a_coordinator_as_long_as_the_views_profile_says_whatever_the_config_does) {
  const auto of_stage = [&](const ViewPtr& like, Stage stage) {
    ViewHead head = like->head();
    head.settings = with_stage(head.settings, stage);
    return view(std::move(head), {like->members().begin(), like->members().end()});
  };
  // Whether it would have n3 as coordinator so long after it has heard n2.
  const auto is_fresh = [&](Duration after) {
    hear(n2, Heartbeat{101, term, 1});
    now = now + after;
    out.items.clear();
    hear(n3, PreVote{101, ballot_of(9, 3)});
    return !sent<PreVoteReply>(out).at(0).granted;
  };
  const Duration between = (lan().heartbeat_fresh + cloud().heartbeat_fresh) / 2;
  begin(view_of_n2());
  BOOST_TEST(!is_fresh(between));
  hear(n2, ViewPush{of_stage(view_of_n2(false, 5), Stage::cloud)});
  BOOST_TEST(is_fresh(between));
  hear(n2, ViewPush{of_stage(view_of_n2(false, 6), Stage::mix)});
  BOOST_TEST(!is_fresh(between));
  begin(of_stage(view_of_n2(), Stage::cloud));  // as its own register tells
  BOOST_TEST(is_fresh(between));
}

BOOST_AUTO_TEST_CASE(a_view_far_ahead_of_what_is_stored_is_not_fetched_whoever_says_that_there_is_one) {
  begin(view_of_n2());
  machine->heard_epoch(n3, Epoch{4 + (1U << 20) + 1}, clocks());
  effects();
  BOOST_TEST(sent<ViewFetch>(out).empty());
  machine->heard_epoch(n3, Epoch{4 + (1U << 20)}, clocks());
  effects();
  BOOST_TEST(sent<ViewFetch>(out).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_newer_view_that_somebody_on_the_data_plane_has_is_fetched) {
  begin(std::nullopt);
  hear(n2, ViewPush{view_of_n2(true)});
  machine->heard_epoch(n3, Epoch{5}, clocks());
  effects();
  BOOST_TEST(receivers<ViewFetch>(out) == "n3");
}

BOOST_AUTO_TEST_CASE(what_a_view_takes_is_stopped_and_then_reported_cleared) {
  begin(std::nullopt);
  hear(n2, ViewPush{
               view({"", Epoch{4}, term, n2, 0, voters(3), {}}, {member("n1", machine->agent().incarnation().value)})});
  hear(n2, News{term, Epoch{4}, Epoch{4}});
  hear(n2, ViewPush{view_of_n2(true, 5)});
  const auto lost = only<Lost>(events);
  BOOST_TEST_REQUIRE(lost.size() == 1U);
  out.items.clear();
  machine->slots_stopped(lost[0].slots, lost[0].of, clocks());
  effects();
  BOOST_TEST(sent<Renew>(out).back().cleared.value == 5U);
}

BOOST_AUTO_TEST_CASE(a_node_that_cannot_work_asks_for_no_lease) {
  begin(std::nullopt);
  hear(n2, ViewPush{view_of_n2(true)});
  machine->set_working(false);
  out.items.clear();
  wake();
  BOOST_TEST(sent<Renew>(out).back().seq == 0U);
}

BOOST_AUTO_TEST_CASE(a_node_that_leaves_says_so) {
  begin(std::nullopt);
  hear(n2, ViewPush{view_of_n2(true)});
  machine->leave(clocks());
  effects();
  BOOST_TEST(sent<Renew>(out).back().leaving);
}

BOOST_AUTO_TEST_SUITE_END()

// --- who is the coordinator

BOOST_FIXTURE_TEST_SUITE(membership_office, MembershipFixture)

BOOST_AUTO_TEST_CASE(an_elected_one_is_the_coordinator_until_a_higher_ballot_deposes_it) {
  lead();
  BOOST_TEST((machine->leads() == machine->agent().term()));
  BOOST_TEST(machine->agent().coordinator().value == "n1");
  hear(n2, Nack{102, *machine->leads(), ballot_of(9, 2)});
  BOOST_TEST(!machine->leads().has_value());
  BOOST_TEST((machine->coordinator() == nullptr));
}

BOOST_AUTO_TEST_CASE(one_that_resigns_tells_the_voters_and_is_it_no_more) {
  lead();
  const Term was = *machine->leads();
  machine->resign(clocks());
  effects();
  BOOST_TEST(receivers<Resign>(out) == "n2 n3");
  BOOST_TEST((sent<Resign>(out)[0].term == was));
  BOOST_TEST((machine->coordinator() == nullptr));
  out.items.clear();
  run(timing.wait + -1ns);
  BOOST_TEST(receivers<PreVote>(out) == "");  // whoever was told is first
}

BOOST_AUTO_TEST_CASE(a_voter_that_is_told_that_the_coordinator_resigns_tries_at_once) {
  begin(view_of_n2());
  hear(n2, Heartbeat{101, term, 1});
  hear(n2, ViewPush{view_of_n2(true)});
  const Instant heard = now;
  hear(n2, Resign{term});
  while (receivers<PreVote>(out).empty()) wake();
  BOOST_TEST((now - heard < 1ms));
}

BOOST_AUTO_TEST_CASE(its_own_acceptor_no_longer_speaks_for_a_coordinator_that_resigns) {
  begin(view_of_n2());
  hear(n2, Heartbeat{101, term, 1});
  hear(n3, PreVote{101, ballot_of(3, 3)});
  hear(n2, Resign{term});
  hear(n3, PreVote{101, ballot_of(3, 3)});
  const auto replies = sent<PreVoteReply>(out);
  BOOST_TEST_REQUIRE(replies.size() == 2U);
  BOOST_TEST((!replies[0].granted && replies[1].granted));
}

BOOST_AUTO_TEST_CASE(the_resignation_of_an_earlier_coordinator_means_nothing) {
  begin(view_of_n2());
  hear(n2, Heartbeat{101, term, 1});
  const Instant heard = now;
  hear(n3, Resign{ballot_of(1, 3)});
  while (receivers<PreVote>(out).empty()) wake();
  BOOST_TEST((now - heard >= timing.election_min));
}

BOOST_AUTO_TEST_CASE(a_voter_that_hears_of_the_coordinators_death_tries_at_once) {
  begin(view_of_n2());
  hear(n2, Heartbeat{101, term, 1});
  hear(n2, ViewPush{view_of_n2(true)});
  const Instant heard = now;
  hear(NodeId{"guard/n2"}, Stopped{n2, Incarnation{2}});
  while (receivers<PreVote>(out).empty()) wake();
  BOOST_TEST((now - heard < 1ms));
}

BOOST_AUTO_TEST_CASE(the_death_of_another_or_of_an_earlier_incarnation_is_no_reason_to_try) {
  begin(view_of_n2());
  hear(n2, Heartbeat{101, term, 1});
  hear(n2, ViewPush{view_of_n2(true)});
  const Instant heard = now;
  hear(NodeId{"guard/n3"}, Stopped{n3, Incarnation{3}});
  hear(NodeId{"guard/n2"}, Stopped{n2, Incarnation{1}});
  while (receivers<PreVote>(out).empty()) wake();
  BOOST_TEST((now - heard >= timing.election_min));
}

BOOST_AUTO_TEST_CASE(a_death_that_it_heard_of_before_its_election_counts_after_it) {
  begin(view_of_n2());
  hear(n2, ViewPush{view_of_n2(true)});
  hear(NodeId{"guard/n3"}, Stopped{n3, Incarnation{3}});
  for (int i = 0; i < 100 && machine->coordinator() == nullptr; ++i) {
    wake();
    vote_of_n2();
  }
  const Instant elected = now;
  while (machine->coordinator()->view()->find(n3) != nullptr) {
    wake();
    vote_of_n2();
  }
  BOOST_TEST((now - elected <= timing.renew));
}

BOOST_AUTO_TEST_CASE(a_message_of_the_register_that_is_not_for_its_present_ballot_does_nothing) {
  begin(view_of_n2());
  out.items.clear();
  hear(n2, Promise{102, ballot_of(3, 1), term, view_of_n2(), 1s});
  hear(n2, Accepted{102, ballot_of(3, 1), Epoch{5}});
  hear(n2, HeartbeatAck{102, ballot_of(3, 1), 1});
  BOOST_TEST(out.items.empty());
  BOOST_TEST(!machine->leads().has_value());
}

BOOST_AUTO_TEST_SUITE_END()

// --- with etcd

BOOST_FIXTURE_TEST_SUITE(membership_etcd, MembershipFixture)

BOOST_AUTO_TEST_CASE(it_asks_etcd_and_no_voters) {
  begin(std::nullopt, true);
  const EtcdTxn txn = asks_etcd();
  BOOST_TEST(txn.reads());
  BOOST_TEST(!machine->take_etcd().has_value());
  BOOST_TEST(!machine->take_write().has_value());
}

BOOST_AUTO_TEST_CASE(a_view_that_etcd_shows_is_installed) {
  begin(std::nullopt, true);
  const EtcdTxn txn = asks_etcd();
  EtcdReply reply;
  reply.number = txn.number;
  reply.outcome = EtcdReply::Outcome::refused;
  reply.coordinator = {{"5 n2 77", 10}};
  reply.view = {{view({"", Epoch{4}, Term{5}, n2, 0, {}, {}}, {member("n2", 2)}), 9}};
  machine->etcd_answered(reply, clocks());
  effects();
  BOOST_TEST((machine->agent().view() == reply.view->view));
  BOOST_TEST(machine->agent().coordinator().value == "n2");
  BOOST_TEST(only<Installed>(events).size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
