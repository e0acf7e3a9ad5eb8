// What the simulator reaches rarely, or only shows by its consequences; everything else about the agent is in tests/sim.
#include "reki/core/membership/member_agent.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>

#include "reki/core/membership/ballot.hpp"

using namespace reki;
using namespace reki::membership;

namespace {

constexpr Term term = ballot_of(1, 1);
const NodeId coordinator{"n0"};
const NodeId self{"n1"};

Member member(const NodeId& node, Incarnation incarnation) {
  Member m;
  m.node_id = node;
  m.incarnation = incarnation;
  m.addr = "tcp://127.0.0.1:1";
  return m;
}

/// Node n1 of a cluster whose coordinator is n0, and what it says and does.
struct Agent {
  Timing timing;
  Instant now{1'000'000'000};
  Outbox out;
  MemberAgent agent{{member(self, {}), timing, {coordinator}, 7, {}}};

  static ViewPtr view(std::uint32_t epoch, std::vector<Member> members) {
    ViewHead head{"c", Epoch{epoch}, term, coordinator, 1, {{1, 101, coordinator, "tcp://127.0.0.1:2"}}, {}};
    const SlotTable table = next_table({}, {}, slot_members(members));
    return std::make_shared<const View>(*View::make(std::move(head), std::move(members), table));
  }
  ViewPtr with_me(std::uint32_t epoch, MemberState state = MemberState::up) const {
    std::vector<Member> members{member(coordinator, Incarnation{1}), member(self, agent.incarnation())};
    members.back().state = state;
    return view(epoch, members);
  }
  static ViewPtr without_me(std::uint32_t epoch) { return view(epoch, {member(coordinator, Incarnation{1})}); }
  void barrier(std::uint32_t epoch) { agent.on(coordinator, News{term, Epoch{epoch}, Epoch{epoch}}, now, out); }

  template <class Event>
  std::vector<Event> take() {
    std::vector<Event> found;
    for (AgentEvent& e : agent.take_events()) {
      if (auto* const wanted = std::get_if<Event>(&e)) found.push_back(std::move(*wanted));
    }
    return found;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(member_agent, Agent)

BOOST_AUTO_TEST_CASE(slots_are_gained_behind_the_barrier_and_not_before) {
  agent.on(ViewPush{with_me(2)}, now, out);
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
  agent.on(ViewPush{with_me(2)}, now, out);
  agent.leave(now, out);
  agent.on(ViewPush{without_me(3)}, now, out);
  BOOST_CHECK(agent.phase() == MemberAgent::Phase::gone);
  barrier(2);
  BOOST_TEST(take<Gained>().empty());
  BOOST_TEST(agent.held().empty());
  BOOST_TEST(!agent.gate(now));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_dropped_with_slots_is_fenced_and_asks_as_another) {
  agent.on(ViewPush{with_me(2)}, now, out);
  barrier(2);
  const Incarnation was = agent.incarnation();
  take<Installed>();
  out.items.clear();
  agent.on(ViewPush{without_me(3)}, now, out);
  const auto fenced = take<Fenced>();
  BOOST_REQUIRE(fenced.size() == 1U);
  BOOST_TEST(fenced[0].was.value == was.value);
  BOOST_TEST(fenced[0].now.value == agent.incarnation().value);
  BOOST_TEST(agent.incarnation().value != was.value);
  BOOST_REQUIRE(!out.items.empty());
  const auto* const join = std::get_if<Join>(&out.items[0].body);
  BOOST_REQUIRE(join != nullptr);
  BOOST_TEST(join->base.value == 3U);
  BOOST_TEST(join->member.incarnation.value == agent.incarnation().value);
}

BOOST_AUTO_TEST_CASE(a_lease_counts_from_when_its_renewal_was_sent) {
  agent.on(ViewPush{with_me(2)}, now, out);  // renews at once: it has cleared the view
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

BOOST_AUTO_TEST_SUITE_END()
