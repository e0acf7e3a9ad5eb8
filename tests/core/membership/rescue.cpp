// A register that has lost most of its voters goes on from one that is left: the rules of docs/membership.md, section 9.
#include "reki/core/membership/rescue.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "rescue_fixture.hpp"
#include "reki/core/membership/ballot.hpp"
#include "reki/core/membership/reach.hpp"
#include "reki/core/view/generation.hpp"

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;
using namespace test;

namespace {

constexpr Lineage lineage_1 = lineage_of(9, 0xabcdef0000000000);  // of voter 1, in the first round

std::string text_of_plan(Nodes& r) {
  const auto plan = plan_rescue(r.answers(), 1);
  return plan ? "rescue " + plan->survivor.value : plan.error().text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rescue_of_a_register)

// --- epochs

BOOST_AUTO_TEST_CASE(an_epoch_never_gets_into_the_next_generation) {
  BOOST_TEST((next_epoch(epoch_of(3, 7)) == epoch_of(3, 8)));
  BOOST_TEST(!next_epoch(epoch_of(3, epoch_number_max)).has_value());
  BOOST_TEST((epoch_of(0, 5) == Epoch{5}));
  const auto last = view({"", epoch_of(0, epoch_number_max), {}, {}, 0, voters(1), {}}, {});
  BOOST_TEST((first_view_of_term(*last, Term{1}, n1) == nullptr));
}

BOOST_AUTO_TEST_CASE(survivors_begin_generations_of_their_own_above_all_of_before) {
  BOOST_TEST((next_generation(0, 1) == 9U));
  BOOST_TEST((next_generation(0, 3) == 11U));
  BOOST_TEST((next_generation(9, 4) == 20U));
  BOOST_TEST((next_generation(15, 0) == 16U));
  BOOST_TEST(!next_generation(56, 0).has_value());
  BOOST_TEST(generation_of(lineage_of(63, ~0ULL)) == 63U);
}

BOOST_AUTO_TEST_CASE(no_message_takes_a_node_into_another_generation) {
  const Known known{epoch_of(0, epoch_number_max - 5), Term{}};
  BOOST_TEST(!fault_of(News{{}, epoch_of(1, 1), {}}, known).empty());
  BOOST_TEST(!fault_of(ViewPush{view({"", epoch_of(9, 1), {}, {}, 0, voters(1), {}}, {})}, {Epoch{5}, {}}).empty());
  BOOST_TEST(fault_of(News{{}, epoch_of(9, 4), {}}, {epoch_of(9, 2), {}}).empty());
  BOOST_TEST(fault_of(News{{}, epoch_of(9, 4), {}}, {}).empty());
}

// --- the act

BOOST_AUTO_TEST_CASE(every_fence_after_a_rescue_is_above_every_one_before) {
  Nodes r;
  r.begin_all();
  const Epoch before = std::max({r.highest_fence(n1), r.highest_fence(n2), r.highest_fence(n3), r.highest_fence(n4)});
  r.lose_most();
  r.nodes.at(n1).events.clear();
  r.nodes.at(n4).events.clear();
  r.rescue(n1, lineage_1);
  r.run(5s);
  BOOST_TEST(r.serves(n1));
  BOOST_TEST(r.serves(n4));
  BOOST_TEST((r.lowest_fence(n1) > before));
  BOOST_TEST((r.lowest_fence(n4) > before));
  // And above all that the old voters ever give out, wherever they are.
  BOOST_TEST((r.lowest_fence(n1) > epoch_of(0, epoch_number_max)));
}

BOOST_AUTO_TEST_CASE(the_survivors_store_is_retired_and_another_begins_the_register_in_one_write) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  const Term promised = r.nodes.at(n1).disk.promised;
  r.nodes.at(n1).disk_works = false;
  r.rescue(n1, lineage_1);
  const auto write = r.nodes.at(n1).machine->take_write();
  BOOST_TEST_REQUIRE(write.has_value());
  const VoterRecord& made = write->record;
  BOOST_TEST((made.lineage == lineage_1));
  BOOST_TEST(made.retired == 101U);
  BOOST_TEST(made.store != 101U);
  BOOST_TEST((made.promised == promised));
  BOOST_TEST((made.view->epoch() == epoch_of(9, 1)));
  BOOST_TEST(made.view->members().empty());
  BOOST_TEST_REQUIRE(made.view->voters().size() == 1U);
  BOOST_TEST(made.view->voters()[0].store == made.store);
  BOOST_TEST(made.view->voters()[0].number == 4U);
  // Until it is on the disk it is of neither.
  r.nodes.at(n1).said.clear();
  r.say(n1, Prepare{101, ballot_of(100, 2)}, {}, n2);
  r.run(1s);
  BOOST_TEST(r.nodes.at(n1).said.empty());
  BOOST_TEST((r.nodes.at(n1).machine->lineage() == Lineage{}));
}

BOOST_AUTO_TEST_CASE(the_store_of_before_says_nothing_any_more_but_that_it_was_rescued) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  r.rescue(n1, lineage_1);
  r.nodes.at(n1).said.clear();
  r.say(n1, Prepare{101, ballot_of(100, 2)}, {}, n2);
  r.say(n1, Heartbeat{101, ballot_of(100, 2), 5}, {}, n2);
  BOOST_TEST(r.nodes.at(n1).said.size() == 2U);
  BOOST_TEST(std::holds_alternative<LineageIs>(r.nodes.at(n1).said[0]));
  BOOST_TEST(std::holds_alternative<LineageIs>(r.nodes.at(n1).said[1]));
}

BOOST_AUTO_TEST_CASE(nothing_runs_for_two_seconds_after_the_act_and_anew_after_each_start) {
  Nodes r;  // its leases are short, but the survivor may have missed a change
  r.begin_all();
  r.lose_most();
  r.rescue(n1, lineage_1);
  r.run(1900ms);
  BOOST_TEST(!r.nodes.at(n1).machine->leads().has_value());
  r.end(n1);
  r.run(3s);
  r.begin(n1);
  r.run(1900ms);
  BOOST_TEST(!r.nodes.at(n1).machine->leads().has_value());
  r.run(2s);
  BOOST_TEST(r.serves(n1));
  // Once it has run, a start is like any other.
  r.end(n1);
  r.begin(n1);
  r.run(700ms);
  BOOST_TEST(r.nodes.at(n1).machine->leads().has_value());
}

BOOST_AUTO_TEST_CASE(the_act_is_refused_if_the_survivor_is_not_as_people_have_seen_it_or_is_served) {
  Nodes r;
  r.begin_all();
  const VoterRecord& disk = r.nodes.at(n1).disk;
  r.rescue(n1, lineage_1);  // it has a lease
  BOOST_TEST((disk.lineage == Lineage{}));
  r.lose_most();
  Rescue other = r.act(n1, lineage_1);
  other.store = 102;
  r.say(n1, other, {});
  other = r.act(n1, lineage_1);
  other.epoch = Epoch{other.epoch.value - 1};
  r.say(n1, other, {});
  r.say(n1, r.act(n1, lineage_of(0, 77)), {});
  BOOST_TEST((disk.lineage == Lineage{}));
  r.say(n4, Rescue{104, {}, {}, lineage_1}, {});  // an empty register
  BOOST_TEST((r.nodes.at(n4).disk.lineage == Lineage{}));
  r.rescue(n1, lineage_1);
  BOOST_TEST((disk.lineage == lineage_1));
  r.rescue(n1, lineage_of(17, 1));  // of what was there before
  BOOST_TEST((disk.lineage == lineage_1));
}

// --- who hears of it

BOOST_AUTO_TEST_CASE(a_voter_that_comes_back_is_told_before_it_votes_writes_it_down_and_stops_for_good) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  r.rescue(n1, lineage_1);
  r.run(5s);
  r.begin(n2);
  r.begin(n3);  // both: a majority of the old ones, which could choose anything
  r.run(2s);
  for (const NodeId& id : {n2, n3}) {
    const auto& node = r.nodes.at(id);
    BOOST_TEST(node.machine->is_over());
    BOOST_TEST(node.disk.is_over());
    BOOST_TEST((node.disk.lineage == lineage_1));
    BOOST_TEST(node.disk.retired == (id == n2 ? 102U : 103U));
    BOOST_TEST(!r.has_voted(id));
  }
  BOOST_TEST(r.serves(n1));
}

BOOST_AUTO_TEST_CASE(a_voter_that_reaches_nobody_votes_after_a_while) {
  Nodes r;
  r.begin(n2);
  r.run(2s);
  BOOST_TEST(r.has_voted(n2));  // it asks to be elected
}

BOOST_AUTO_TEST_CASE(who_is_told_says_nothing_until_that_is_on_its_disk) {
  Nodes r;
  r.begin_all();
  r.nodes.at(n2).disk_works = false;
  r.say(n2, LineageIs{}, lineage_1);
  r.nodes.at(n2).said.clear();
  r.say(n2, Prepare{102, ballot_of(100, 1)}, {}, n1);
  r.run(2s);
  BOOST_TEST(r.nodes.at(n2).said.empty());
  BOOST_TEST(!r.nodes.at(n2).machine->is_over());
  // Its last word before is not said either.
  const auto write = r.nodes.at(n2).machine->take_write();
  BOOST_TEST_REQUIRE(write.has_value());
  BOOST_TEST(write->record.is_over());
  r.nodes.at(n2).machine->persisted(write->version, r.clocks());
  r.effects(n2);
  BOOST_TEST(r.nodes.at(n2).machine->is_over());
  BOOST_TEST(r.nodes.at(n2).said.empty());
}

BOOST_AUTO_TEST_CASE(a_node_without_a_vote_drops_its_actors_and_joins_as_another_incarnation) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  const Incarnation before = r.nodes.at(n4).machine->agent().incarnation();
  r.rescue(n1, lineage_1);
  r.run(5s);
  BOOST_TEST(only<Fenced>(r.nodes.at(n4).events).size() == 1U);
  BOOST_TEST((r.nodes.at(n4).machine->agent().incarnation() != before));
  BOOST_TEST((r.nodes.at(n4).disk.lineage == lineage_1));
  BOOST_TEST(r.nodes.at(n4).disk.retired == 0U);
  BOOST_TEST(r.serves(n4));
  // Its empty register is good for a vote.
  const ViewPtr& now = r.nodes.at(n1).machine->agent().view();
  BOOST_TEST((now->find(n4) != nullptr));
  r.end(n4);
  r.begin(n4);
  r.run(3s);
  BOOST_TEST(r.serves(n4));
}

BOOST_AUTO_TEST_CASE(a_lost_voter_with_an_empty_directory_joins_and_has_no_vote) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  r.rescue(n1, lineage_1);
  r.nodes.at(n2).disk = {"", 202, {}, {}, nullptr};
  r.begin(n2);
  r.run(5s);
  BOOST_TEST(r.serves(n2));
  BOOST_TEST(r.nodes.at(n2).machine->acceptor()->empty());
  BOOST_TEST(r.nodes.at(n1).machine->agent().view()->voters().size() == 1U);
}

BOOST_AUTO_TEST_CASE(two_rescues_apart_do_not_mix_and_the_later_generation_stays) {
  Nodes r;
  r.begin_all();
  r.end(n3);
  r.end(n2);
  r.run(3s);
  r.rescue(n1, lineage_of(*next_generation(0, 1), 1));
  r.run(4s);
  BOOST_TEST(r.serves(n1));
  const auto first = r.nodes.at(n1).disk.view->epoch();
  // Somebody who reached n2 alone has rescued that one too.
  r.end(n1);
  r.end(n4);
  r.begin(n2);
  r.run(2s);
  r.rescue(n2, lineage_of(*next_generation(0, 2), 2));
  r.run(4s);
  BOOST_TEST(r.serves(n2));
  BOOST_TEST((r.nodes.at(n2).disk.view->epoch() > first));
  r.begin(n1);
  r.run(2s);
  BOOST_TEST(r.nodes.at(n1).machine->is_over());
  BOOST_TEST(r.serves(n2));
}

BOOST_AUTO_TEST_CASE(of_two_copies_of_one_store_neither_takes_anything_of_the_other) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  r.rescue(n1, lineage_1);
  r.run(4s);
  const Lineage copy = lineage_of(generation_of(lineage_1), 1);
  r.nodes.at(n1).said.clear();
  const std::string fault = r.nodes.at(n1).machine->on({n2, ViewFetch{}, copy}, r.clocks());
  r.effects(n1);
  BOOST_TEST(fault.find("another rescue") != std::string::npos);
  BOOST_TEST(std::ranges::none_of(r.nodes.at(n1).said, [](const Body& b) {
    return std::holds_alternative<LineageIs>(b) || std::holds_alternative<ViewPush>(b);
  }));
  BOOST_TEST(r.serves(n1));
}

// --- what people are told

BOOST_AUTO_TEST_CASE(a_plan_names_the_survivor_and_each_lost_store) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  const auto plan = plan_rescue(r.answers(), 0xff);
  BOOST_TEST_REQUIRE(plan.has_value());
  BOOST_TEST(plan->survivor.value == "n1");
  BOOST_TEST(generation_of(plan->act.lineage) == 9U);
  BOOST_TEST_REQUIRE(plan->lost.size() == 2U);
  BOOST_TEST(text_of(plan->lost[0]) == "n2/66");
  BOOST_TEST(text_of(plan->lost[1]) == "n3/67");
  const auto named = [&](std::vector<std::string> names) { return check_named(*plan, names).has_value(); };
  BOOST_TEST(named({"n3/67", "n2/66"}));
  BOOST_TEST(!named({"n2/66"}));
  BOOST_TEST(!named({"n2/66", "n3/68"}));
  BOOST_TEST(!named({"n2/66", "n3/67", "n1/65"}));
  r.say(n1, plan->act, plan->now);
  BOOST_TEST((r.nodes.at(n1).disk.lineage == plan->act.lineage));
}

BOOST_AUTO_TEST_CASE(nothing_is_rescued_while_a_majority_answers_or_a_node_is_served) {
  Nodes r;
  r.begin_all();
  BOOST_TEST(text_of_plan(r).find("has a coordinator") != std::string::npos);
  r.end(n3);
  r.run(1s);
  BOOST_TEST(text_of_plan(r).find("has a coordinator") != std::string::npos);
  r.lose_most();
  BOOST_TEST(text_of_plan(r) == "rescue n1");
  r.begin(n3);
  BOOST_TEST(text_of_plan(r).find("a majority of the voters answers") != std::string::npos);
  r.end(n1);
  r.end(n3);
  BOOST_TEST(text_of_plan(r).find("no node that answers") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_is_rescued_whose_rescue_somebody_knows_of) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  r.rescue(n1, lineage_1);
  r.run(1s);
  r.end(n1);
  r.end(n2);
  r.run(1s);
  BOOST_TEST(text_of_plan(r).find("was rescued before") != std::string::npos);  // n4 knows
  r.begin(n1);
  BOOST_TEST(text_of_plan(r).find("a majority of the voters answers") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(of_several_survivors_the_one_with_the_newest_register_goes_on) {
  const auto state = [&](std::uint16_t k, std::uint64_t round, std::uint32_t epoch) {
    RescueAnswer a{NodeId{"n" + std::to_string(k)}, control_of("n" + std::to_string(k)), {}};
    a.state.store = 100U + k;
    a.state.accepted = ballot_of(round, 1);
    a.state.view = view({"", Epoch{epoch}, ballot_of(round, 1), n1, 0, voters(5), {}}, {});
    return a;
  };
  const std::vector<RescueAnswer> answers{state(1, 3, 9), state(2, 4, 8)};
  const auto plan = plan_rescue(answers, 1);
  BOOST_TEST_REQUIRE(plan.has_value());
  BOOST_TEST(plan->survivor.value == "n2");
  BOOST_TEST(plan->others.size() == 1U);
  BOOST_TEST(plan->lost.size() == 3U);
  const std::vector<RescueAnswer> same{state(1, 4, 8), state(2, 4, 9)};
  BOOST_TEST(plan_rescue(same, 1)->survivor.value == "n2");
}

BOOST_AUTO_TEST_CASE(what_a_survivor_has_not_seen_is_told) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  auto answers = r.answers();
  BOOST_TEST(plan_rescue(answers, 1)->ahead.empty());
  answers.back().state.known = Epoch{1000};  // n4
  BOOST_TEST(plan_rescue(answers, 1)->ahead == "n4");
}

BOOST_AUTO_TEST_CASE(a_register_is_rescued_again_in_the_next_round) {
  Nodes r;
  r.begin_all();
  r.lose_most();
  r.rescue(n1, lineage_1);
  r.run(5s);
  const auto next = next_generation(generation_of(lineage_1), r.nodes.at(n1).disk.view->voters()[0].number);
  BOOST_TEST_REQUIRE(next.has_value());
  BOOST_TEST(*next == 20U);
}

BOOST_AUTO_TEST_SUITE_END()
