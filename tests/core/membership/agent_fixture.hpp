#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "machines.hpp"
#include "reki/core/membership/ballot.hpp"
#include "reki/core/membership/member_agent.hpp"

namespace test {

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;

/// Node n1 of a cluster whose coordinator is n0, and what it says and does.
struct AgentFixture {
  static constexpr Term term = ballot_of(1, 1);
  static inline const NodeId coordinator{"n0"};
  static inline const NodeId self{"n1"};
  static inline const NodeId seed{"n7"};

  Timing timing = lan();
  Instant now{1'000'000'000};
  Outbox out;
  MemberAgent agent{with({coordinator})};

  MemberAgent::Options with(std::vector<NodeId> seeds, Incarnation previous = {}) const {
    return {member("n1", 0), timing, std::move(seeds), 7, previous};
  }
  void become(MemberAgent::Options options) {
    std::destroy_at(&agent);
    std::construct_at(&agent, std::move(options));
  }
  static ViewPtr view(std::uint32_t epoch, std::vector<Member> members, Term in = term) {
    return test::view({"", Epoch{epoch}, in, coordinator, 0, voters(1), {}}, std::move(members));
  }
  Member me(MemberState state = MemberState::up) const { return member("n1", agent.incarnation().value, state); }
  /// It shares the slots with n0.
  ViewPtr with_me(std::uint32_t epoch, MemberState state = MemberState::up) const {
    return view(epoch, {member("n0", 1), me(state)});
  }
  /// It owns all of them.
  ViewPtr only_me(std::uint32_t epoch) const { return view(epoch, {me()}); }
  static ViewPtr without_me(std::uint32_t epoch) { return view(epoch, {member("n0", 1)}); }
  void push(const ViewPtr& v) { agent.on(ViewPush{v}, now, out); }
  void barrier(std::uint32_t epoch) { agent.on(coordinator, News{term, Epoch{epoch}, Epoch{epoch}}, now, out); }
  void grant(std::uint64_t seq) {
    agent.on(coordinator, Grant{agent.incarnation(), seq, term, agent.installed(), {}}, now, out);
  }
  /// A member of view `epoch` that holds all of its slots in it.
  void hold(const ViewPtr& v) {
    push(v);
    barrier(v->epoch().value);
    (void)agent.take_events();
    out.items.clear();
  }
  void wake() {
    now = agent.next_wake();
    out.items.clear();
    agent.tick(now, out);
  }
  void leave() { agent.leave(now, out); }
  void slots_stopped(const Lost& lost) { agent.slots_stopped(lost.slots, lost.of, now, out); }
  Renew last_renewal() const {
    const auto all = sent<Renew>(out);
    BOOST_TEST_REQUIRE(!all.empty());
    return all.back();
  }

  template <class Event>
  std::vector<Event> take() {
    return test::only<Event>(agent.take_events());
  }
};

}  // namespace test
