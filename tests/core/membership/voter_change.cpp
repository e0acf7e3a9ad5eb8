#include "reki/core/membership/voter_change.hpp"

#include "coordinator_fixture.hpp"

using namespace test;

namespace {

using State = SetVotersReply::State;

/// n1 to n5, members of a view in which the first `count` vote. All are there; who does not vote offers store 200 + k.
struct ChangeFixture {
  ViewPtr view;
  std::vector<NodeId> away;
  std::vector<NodeId> without_store;
  std::vector<NodeId> with_lost_store;
  std::vector<NodeId> awaited;

  explicit ChangeFixture(std::vector<Voter> of = voters(3)) {
    std::vector<Member> members;
    for (int k = 1; k <= 5; ++k) members.push_back(member("n" + std::to_string(k), static_cast<std::uint64_t>(k)));
    view = test::view({"", Epoch{5}, ballot_of(3, 1), n1, 0, std::move(of), {}}, std::move(members));
  }
  Standing standing(const NodeId& node) const {
    const auto is_in = [&](const std::vector<NodeId>& nodes) { return std::ranges::find(nodes, node) != nodes.end(); };
    const bool votes = std::ranges::find(view->voters(), node, &Voter::node) != view->voters().end();
    const bool offers = (!votes || is_in(with_lost_store)) && !is_in(without_store);
    return {!is_in(away) && !is_in(awaited), offers ? 200U + static_cast<std::uint64_t>(node.value[1] - '0') : 0, is_in(awaited)};
  }
  VoterChange change(std::vector<NodeId> nodes) const {
    return voters_for(*view, nodes, [&](const NodeId& node) { return standing(node); });
  }
  /// "1:101 4:204", or why not.
  std::string told(std::vector<NodeId> nodes) const {
    const VoterChange out = change(std::move(nodes));
    return out.voters.empty() ? out.reply.why : text_of(out.voters);
  }
  bool refuses(std::vector<NodeId> nodes, const std::string& text, State state = State::refused) const {
    const VoterChange out = change(std::move(nodes));
    BOOST_TEST_INFO(out.reply.why);
    return out.voters.empty() && out.reply.state == state && out.reply.why.find(text) != std::string::npos;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(voter_change)

BOOST_AUTO_TEST_CASE(new_voters_have_the_stores_that_they_offer_and_numbers_above_all) {
  const ChangeFixture three;
  BOOST_TEST(three.told({n5, n1, n4, n2, n3}) == "1:101 2:102 3:103 4:205 5:204");
  BOOST_TEST(three.told({n1, n2, n4}) == "1:101 2:102 4:204");
  BOOST_TEST(three.told({n4}) == "4:204");
  const VoterChange change = three.change({n4});
  BOOST_TEST((change.voters[0].node == n4 && change.voters[0].control == control_of("n4")));
  BOOST_TEST(ChangeFixture(voters(1)).told({n1, n2, n3}) == "1:101 2:202 3:203");
}

BOOST_AUTO_TEST_CASE(a_new_coordinator_waits_to_hear_of_those_that_a_majority_needs) {
  ChangeFixture three;
  three.awaited = {n2, n3};
  BOOST_TEST(three.refuses({n1, n2, n4}, "has not heard from n2", State::not_yet) == false);  // two are there
  BOOST_TEST(three.refuses({n1, n2, n3}, "has not heard from n2, n3 yet", State::not_yet));
  BOOST_TEST(three.refuses({n2}, "has not heard from n2 yet", State::not_yet));
  three.away = {n3};
  three.awaited = {n2};
  BOOST_TEST(three.refuses({n3}, "start them first"));
}

BOOST_AUTO_TEST_CASE(the_highest_number_grows_also_when_there_are_fewer) {
  const ChangeFixture five(voters(5));
  BOOST_TEST(five.told({n1, n2, n3}) == "1:101 2:102 6:103");
  BOOST_TEST(five.told({n1}) == "6:101");
  BOOST_TEST(five.told({n5}) == "6:105");
}

BOOST_AUTO_TEST_CASE(there_are_1_3_or_5_members_each_named_once) {
  const ChangeFixture three;
  BOOST_TEST(three.refuses({}, "0 voters; name 1, 3 or 5"));
  BOOST_TEST(three.refuses({n1, n2}, "2 voters"));
  BOOST_TEST(three.refuses({n1, n2, n3, n4}, "4 voters"));
  BOOST_TEST(three.refuses({n1, n2, n2}, "'n2' is named twice"));
  BOOST_TEST(three.refuses({n1, n2, NodeId{"n9"}}, "'n9' is no member"));
}

BOOST_AUTO_TEST_CASE(a_new_voter_has_to_be_there_with_an_empty_store) {
  ChangeFixture three;
  three.without_store = {n4};
  BOOST_TEST(three.refuses({n1, n2, n4}, "'n4' offers no empty register", State::not_yet));
  three.away = {n4};
  BOOST_TEST(three.refuses({n1, n2, n4}, "'n4' does not renew its lease"));
}

BOOST_AUTO_TEST_CASE(a_majority_of_the_new_voters_has_to_be_there) {
  ChangeFixture three;
  three.away = {n3};
  BOOST_TEST(three.refuses({n3}, "n3 are not: start them"));
  BOOST_TEST(three.told({n1, n2, n4}) == "1:101 2:102 4:204");
  BOOST_TEST(three.told({n2, n3, n4}) == "2:102 3:103 4:204");
  three.with_lost_store = {n2};  // is there, and does not vote
  BOOST_TEST(three.refuses({n2, n3, n4}, "n2, n3 are not"));
}

BOOST_AUTO_TEST_CASE(numbers_are_never_used_again_and_end_some_day) {
  const ChangeFixture last({{1, 101, n1, control_of("n1")}, {2, 102, n2, control_of("n2")}, {0xffff, 103, n3, control_of("n3")}});
  BOOST_TEST(last.refuses({n1}, "used up"));
  BOOST_TEST(text_of(with_store(*last.view, n1, 201)) == text_of(last.view->voters()));
}

BOOST_AUTO_TEST_CASE(a_config_that_names_others_is_told_of_with_the_verb) {
  const ChangeFixture three;
  const std::vector<NodeId> same{n3, n1, n2};
  const std::vector<NodeId> other{n1, n2, n4};
  BOOST_TEST(differing_voters(same, *three.view) == "");
  BOOST_TEST(differing_voters({}, *three.view) == "");
  const std::string text = differing_voters(other, *three.view);
  BOOST_TEST((text.find("the voters are n1 n2 n3") != std::string::npos), text);
  BOOST_TEST((text.find("'reki voters set n1 n2 n4'") != std::string::npos), text);
  const auto changing = test::view({"", Epoch{5}, ballot_of(3, 1), n1, 0, voters(3), voters(1)}, {member("n1", 1)});
  BOOST_TEST(differing_voters(other, *changing) == "");
}

BOOST_AUTO_TEST_SUITE_END()

// --- the coordinator

namespace {

/// n1 coordinates; n1 to n3 vote, and renew without a stop. They offer no store.
struct VotersFixture : CoordinatorFixture {
  SetVotersReply ask(std::vector<NodeId> nodes, std::uint16_t highest = 3) {
    out.items.clear();
    coordinator.on(NodeId{"voters/1"}, SetVoters{highest, std::move(nodes)}, out);
    tick();
    return sent<SetVotersReply>(out).at(0);
  }
  std::string state(std::vector<NodeId> nodes, std::uint16_t highest = 3) {
    static constexpr std::array names{"done", "under way", "not yet", "refused"};
    return names[static_cast<std::size_t>(ask(std::move(nodes), highest).state)];
  }
  void all_renew() {
    for (const NodeId& node : {n1, n2, n3}) renew(node);
  }
  void begin_with(std::vector<Voter> of) {
    begin(first_view(std::move(of)));
    all_renew();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(coordinator_set_voters, VotersFixture)

BOOST_AUTO_TEST_CASE(voters_that_people_want_come_in_one_view_with_those_before_and_in_the_next_without) {
  begin_with(voters(1));
  offer(n2, 202);
  offer(n3, 203);
  BOOST_TEST(state({n1, n2, n3}, 1) == "under way");
  BOOST_TEST(text_of(proposal().voters()) == "1:101 2:202 3:203");
  BOOST_TEST(text_of(proposal().old_voters()) == "1:101");
  BOOST_TEST(state({n1, n2, n3}, 1) == "under way");
  choose();
  BOOST_TEST(state({n3, n2, n1}, 1) == "under way");
  BOOST_TEST(text_of(proposal(2).voters()) == "1:101 2:202 3:203");
  BOOST_TEST(text_of(proposal(2).old_voters()) == "");
  choose();
  BOOST_TEST(state({n1, n2, n3}, 1) == "done");
  BOOST_TEST(reg.proposed.size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_old_copy_of_what_people_have_said_changes_nothing) {
  begin_with(voters(3));
  BOOST_TEST(state({n1}) == "under way");
  choose();
  choose();
  offer(n2, 202);
  offer(n3, 203);
  BOOST_TEST(state({n1, n2, n3}) == "refused");  // as it was asked for before, with 3
  BOOST_TEST(state({n1, n2, n3}, 4) == "under way");
}

BOOST_AUTO_TEST_CASE(another_change_waits_until_one_is_done) {
  begin_with(voters(3));
  BOOST_TEST(state({n1}) == "under way");
  BOOST_TEST(state({n2}) == "not yet");
  choose();
  BOOST_TEST(state({n2}) == "not yet");
}

BOOST_AUTO_TEST_CASE(what_people_want_waits_for_a_view_that_is_being_made_and_is_looked_at_again_then) {
  begin_with(voters(3));
  stopped(n3, n3, 3);
  BOOST_TEST(reg.proposed.size() == 1U);
  BOOST_TEST(state({n2}) == "under way");
  BOOST_TEST(state({n1}) == "not yet");
  stopped(n2, n2, 2);
  choose();
  BOOST_TEST(text_of(proposal(2).old_voters()) == "");  // n2 is gone meanwhile: nobody votes alone who is not there
  BOOST_TEST(text_of(proposal(2).voters()) == "1:101 2:102 3:103");
  choose();
  BOOST_TEST(state({n1}) == "under way");
}

BOOST_AUTO_TEST_CASE(who_has_not_renewed_to_this_coordinator_is_not_known_to_have_its_store) {
  begin(first_view(voters(3)));
  renew(n1);
  BOOST_TEST(state({n2}) == "not yet");
  step(3 * timing.renew);
  BOOST_TEST(state({n2}) == "refused");
  renew(n2);
  BOOST_TEST(state({n2}) == "under way");
}

BOOST_AUTO_TEST_CASE(a_store_that_is_lost_waits_for_people) {
  begin_with(voters(3));
  coordinator.on(NodeId{"voters/1"}, SetVoters{3, {n1}}, out);
  offer(n2, 202);
  tick();
  BOOST_TEST(text_of(proposal().voters()) == "4:101");
}

BOOST_AUTO_TEST_CASE(a_register_in_etcd_has_no_voters) {
  begin(view({"", Epoch{5}, term, n1, 0, {}, {}, {.engine = EngineKind::etcd}}, {member("n1", 1)}));
  BOOST_TEST((ask({n1}, 0).why.find("in etcd") != std::string::npos));
}

BOOST_AUTO_TEST_SUITE_END()
