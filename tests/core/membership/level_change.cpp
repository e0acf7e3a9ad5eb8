// How a cluster gets a higher level: what the coordinator makes of the wish, who is let in, and what is not taken.
#include "reki/core/membership/level_change.hpp"

#include <array>

#include "agent_fixture.hpp"
#include "coordinator_fixture.hpp"
#include "reki/core/membership/init.hpp"
#include "reki/core/membership/membership.hpp"
#include "reki/core/membership/reach.hpp"

using namespace test;

namespace {

using State = SetLevelReply::State;
constexpr LevelRange both{1, 2};

/// The same view, with these levels of n1, n2 and n3.
ViewPtr leveled(const ViewPtr& like, std::array<LevelRange, 3> levels, Level level = 1) {
  std::vector<Member> members{like->members().begin(), like->members().end()};
  for (std::size_t i = 0; i < members.size(); ++i) members[i].levels = levels[i];
  ViewHead head = like->head();
  head.level = level;
  return test::view(std::move(head), std::move(members));
}

/// n1 coordinates n1 to n3, who vote.
struct LevelFixture : CoordinatorFixture {
  void begin_with(LevelRange first, LevelRange second, LevelRange third, Level level = 1) {
    begin(leveled(first_view(), {first, second, third}, level));
    all_renew();
  }
  void all_renew(const NodeId& but = {}) {
    for (const NodeId& node : {n1, n2, n3}) {
      if (node != but) renew(node);
    }
    tick();
  }
  SetLevelReply ask(Level level, std::optional<Epoch> base = {}) {
    out.items.clear();
    coordinator.on(NodeId{"upgrade/1"}, SetLevel{base.value_or(coordinator.view()->epoch()), level}, out);
    tick();
    return sent<SetLevelReply>(out).at(0);
  }
  std::string answer(Level level, std::optional<Epoch> base = {}) {
    static constexpr std::array names{"done", "under way", "not yet", "refused"};
    const auto reply = ask(level, base);
    return names[static_cast<std::size_t>(reply.state)] + (reply.why.empty() ? std::string{} : ": " + reply.why);
  }
  std::string join_with(LevelRange levels) {
    out.items.clear();
    Join m{member("n4", 4), coordinator.view()->epoch(), 0};
    m.member.levels = levels;
    coordinator.on(n4, m, out);
    return refused("n4");
  }
};

/// Of a program of level 1, without a vote.
Membership machine_of(const std::string& node) {
  Membership::Options options;
  options.agent.self = member(node, 0);
  options.agent.timing = lan();
  options.agent.seeds = {n1};
  options.agent.seed = 9;
  return Membership(std::move(options));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(coordinator_set_level, LevelFixture)

BOOST_AUTO_TEST_CASE(it_is_one_view_once_all_support_it_and_done_once_all_have_cleared_that) {
  begin_with(both, both, both);
  BOOST_TEST(answer(2) == "under way");
  BOOST_TEST(proposal().level() == 2);
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2 n3/3");
  BOOST_TEST(answer(2) == "under way");
  choose();
  BOOST_TEST(answer(2) == "under way");
  all_renew(n3);
  BOOST_TEST(answer(2) == "under way");
  all_renew();
  BOOST_TEST(answer(2) == "done");
  BOOST_TEST(reg.proposed.size() == 1U);
}

BOOST_AUTO_TEST_CASE(it_is_refused_by_name_while_a_member_does_not_support_it) {
  begin_with(both, {1, 1}, {1, 1});
  BOOST_TEST(answer(2) == "refused: n2 supports level 1, n3 supports level 1; run a reki that supports level 2 on all nodes first");
  BOOST_TEST(answer(3).starts_with("refused: n1 supports levels 1 to 2, n2"));
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_CASE(it_is_refused_by_name_while_a_voter_is_not_there_to_say_what_it_supports) {
  begin_with(both, both, both);
  run_to(now + 3 * timing.renew + 1ms, {n1, n2});
  BOOST_TEST(answer(2).starts_with("refused: of the voters n3 do not renew their leases; start them with a reki that supports level 2"));
  std::vector<Voter> of = voters(3);
  of[2] = {3, 109, NodeId{"n9"}, control_of("n9")};  // no member
  begin(leveled(first_view(of), {both, both, both}));
  all_renew();
  BOOST_TEST(answer(2).starts_with("refused: of the voters n9 do not renew"));
}

BOOST_AUTO_TEST_CASE(what_people_wanted_waits_while_a_voter_is_away) {
  begin_with(both, both, both);
  BOOST_TEST(answer(2) == "under way");  // proposed, and not chosen
  run_to(now + 3 * timing.renew + 1ms, {n1, n2});
  BOOST_TEST(answer(2).starts_with("not yet: of the voters n3"));
}

BOOST_AUTO_TEST_CASE(no_level_is_ever_lowered) {
  begin_with(both, both, both, 2);
  BOOST_TEST(answer(1) == "refused: the cluster has level 2, and no level is ever lowered");
  BOOST_TEST(answer(2) == "done");
}

BOOST_AUTO_TEST_CASE(an_old_copy_of_the_wish_does_nothing) {
  begin_with(both, both, both);
  BOOST_TEST(answer(2, Epoch{4}) == "not yet: the view has changed meanwhile");
  BOOST_TEST(reg.proposed.empty());
}

BOOST_AUTO_TEST_CASE(who_does_not_support_the_level_is_refused_with_the_remedy_whatever_it_knows) {
  begin_with(both, both, both, 2);
  const std::string why = join_with({1, 1});
  BOOST_TEST(why == "4: the cluster has level 2, and this reki supports level 1; start a later one on this node, and leave its data directory as it is");
  out.items.clear();
  Join unknowing{member("n4", 4), Epoch{}, 0};
  coordinator.on(n4, unknowing, out);
  BOOST_TEST(refused("n4") == why);
  BOOST_TEST(join_with({3, 4}).find("start an earlier one on this node") != std::string::npos);
  BOOST_TEST(join_with({2, 4}) == "");
}

BOOST_AUTO_TEST_CASE(who_asked_before_the_level_was_raised_and_does_not_support_it_is_not_in_that_view) {
  begin_with(both, both, both);
  BOOST_TEST(join_with({1, 1}) == "");
  BOOST_TEST(answer(2) == "under way");
  BOOST_TEST(proposal().level() == 2);
  BOOST_TEST(members_of(proposal()) == "n1/1 n2/2 n3/3");
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_is_no_member_raises_nothing) {
  ViewHead head = first_view()->head();
  head.voters = {voter(2)};
  head.coordinator = n1;
  Member second = member("n2", 2);
  second.levels = both;
  begin(test::view(head, {second}));
  renew(n2);
  BOOST_TEST(answer(2) == "refused: the coordinator 'n1' is no member yet; ask again in a moment");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(level_of_a_view)

BOOST_AUTO_TEST_CASE(each_member_supports_it) {
  const auto two = leveled(CoordinatorFixture::first_view(), {both, both, both}, 2);
  BOOST_TEST(two->level() == 2);
  std::vector<Member> members{two->members().begin(), two->members().end()};
  members[1].levels = {1, 1};
  const auto made = View::make(two->head(), members, two->table());
  BOOST_REQUIRE(!made);
  BOOST_TEST(made.error().text == "a view has level 2, and 'n2' supports level 1");
  ViewHead head = two->head();
  head.level = 0;
  BOOST_TEST(!View::make(head, {two->members().begin(), two->members().end()}, two->table()).has_value());
  members[1].levels = {3, 2};
  BOOST_TEST(!validate(members[1]).has_value());
}

BOOST_AUTO_TEST_CASE(of_a_new_cluster_it_is_the_highest_that_all_its_voters_support) {
  const auto made = [](std::array<LevelRange, 3> levels) -> Result<Level> {
    Initialization init("c", 1, {}, {{n1, control_of("n1")}, {n2, control_of("n2")}, {n3, control_of("n3")}});
    Result<void> done;
    for (std::size_t i = 0; i < 3 && done; ++i) done = init.on(i, InitState{100 + i, true, "", {}, levels[i]});
    if (!done) return tl::make_unexpected(done.error());
    return std::get<Init>(init.due().at(0).body).view->level();
  };
  BOOST_TEST(made({LevelRange{1, 1}, both, {1, 3}}).value() == 1);
  BOOST_TEST(made({LevelRange{2, 4}, {1, 3}, {2, 3}}).value() == 3);
  const auto none = made({LevelRange{1, 1}, both, {2, 3}});
  BOOST_TEST((!none && none.error().text == "the voters support no level in common; run one reki on all of them"));
}

BOOST_AUTO_TEST_CASE(it_comes_back_from_bytes_and_the_first_one_needs_none) {
  const auto one = CoordinatorFixture::first_view();
  for (const auto& view : {one, leveled(one, {both, both, {2, 7}}, 2), leveled(one, {LevelRange{}, both, {1, 65535}})}) {
    const auto back = decode_view(encode(*view));
    BOOST_REQUIRE(back);
    BOOST_TEST((*back == *view));
  }
  BOOST_TEST(encode(*one).size() < encode(*leveled(one, {LevelRange{}, LevelRange{}, both})).size());
}

BOOST_AUTO_TEST_CASE(a_view_of_a_level_that_a_program_does_not_have_is_not_taken_wherever_it_comes_from) {
  const auto two = leveled(CoordinatorFixture::first_view(), {both, both, both}, 2);
  for (const Body& body : {Body{ViewPush{two}}, Body{Promise{1, Term{2}, Term{3}, two, {}}}, Body{Accept{1, Term{2}, two}}, Body{Init{1, two}}}) {
    BOOST_TEST(level_fault_of(body, {1, 1}).starts_with("the cluster has level 2, and this reki supports level 1; start a later one"));
    BOOST_TEST(level_fault_of(body, both).empty());
    BOOST_TEST(level_fault_of(body, {3, 4}).find("start an earlier one on this node, and run 'reki upgrade finish'") != std::string::npos);
  }
  Membership machine = machine_of("n4");
  const Clocks at{start, start};
  machine.tick(at);
  machine.on({n1, ViewPush{two}}, at);
  BOOST_TEST((machine.agent().view() == nullptr));
  const auto events = machine.take_events();
  BOOST_TEST(only<NotLetIn>(events).size() == 1U);
}

BOOST_AUTO_TEST_CASE(who_was_dropped_before_the_level_was_raised_learns_it_by_a_view_that_it_cannot_take) {
  const Clocks at{start, start};
  for (const bool leaves : {false, true}) {
    Membership machine = machine_of("n4");
    machine.tick(at);
    const Incarnation was = machine.agent().incarnation();
    machine.on({n1, ViewPush{AgentFixture::view(5, {member("n1", 1), member("n4", was.value)})}}, at);
    BOOST_REQUIRE((machine.agent().phase() == MemberAgent::Phase::member));
    if (leaves) machine.leave(at);
    (void)machine.take_events();
    ViewHead head = AgentFixture::view(6, {member("n1", 1)})->head();
    head.level = 2;
    Member other = member("n1", 1);
    other.levels = both;
    machine.on({n1, ViewPush{test::view(std::move(head), {other})}}, at);
    const auto events = machine.take_events();
    const auto fenced = only<Fenced>(events);
    BOOST_TEST(fenced.size() == (leaves ? 0U : 1U));  // who leaves has handed all over
    for (const Fenced& event : fenced) BOOST_TEST((event.was == was));
    BOOST_TEST((machine.agent().phase() == (leaves ? MemberAgent::Phase::gone : MemberAgent::Phase::joining)));
    BOOST_TEST(only<NotLetIn>(events).size() == (leaves ? 0U : 1U));
  }
}

BOOST_AUTO_TEST_SUITE_END()
