#pragma once

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "machines.hpp"
#include "reki/core/membership/ballot.hpp"
#include "reki/core/membership/coordinator.hpp"

namespace test {

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;

struct FakeRegister final : Register {
  std::vector<ViewPtr> proposed;
  std::uint64_t rounds = 0;
  void propose(ViewPtr next) override { proposed.push_back(std::move(next)); }
  std::uint64_t confirm() override { return ++rounds; }
};

/// n1, the coordinator of n1/1, n2/2 and n3/3, since `start`. Its loop has run without a stop for ten seconds before.
struct CoordinatorFixture {
  static constexpr Term term = ballot_of(3, 1);

  Timing timing = lan();
  FakeRegister reg;
  WaitingClock clock{timing.lease / 4};
  Coordinator coordinator{timing, n1, reg, clock};
  Outbox out;
  Instant now = start + -10s;

  CoordinatorFixture() {
    clock.advance({now, now});
    while (now < start) step(100ms);
  }
  /// Time passes, and its loop runs once.
  void step(Duration d) {
    now = now + d;
    clock.advance({now, now});
  }
  /// Time passes until then, as for a loop that is never late; `alive` renew all along, and are granted.
  void run_to(Instant until, const std::vector<NodeId>& alive = {}) {
    while (now < until) {
      step(std::min<Duration>(50ms, until - now));
      for (const NodeId& node : alive) renew(node);
      tick();
      if (!alive.empty()) confirm();
      tick();
    }
  }
  void tick() { coordinator.tick(); }

  void begin(const ViewPtr& view, Duration since_grants = 0s) {
    coordinator.begin({term, view, since_grants}, out);
    tick();
  }
  static ViewPtr first_view(std::vector<Voter> of = voters(3), std::vector<Voter> old = {}) {
    return view({"", Epoch{5}, term, n1, 0, std::move(of), std::move(old)},
                {member("n1", 1), member("n2", 2), member("n3", 3)});
  }
  void begin() { begin(first_view()); }

  Renew renewal(const NodeId& node) {
    const Member* const m = coordinator.view()->find(node);
    const Epoch newest = coordinator.view()->epoch();
    const Epoch cleared{node == behind ? newest.value - 1 : newest.value};
    return {m == nullptr ? Incarnation{} : m->incarnation, newest, cleared, ++seq, false, 0};
  }
  /// A renewal of one that has cleared the newest view, unless it is `behind`.
  std::uint64_t renew(const NodeId& node) {
    coordinator.on(node, renewal(node), out);
    return seq;
  }
  void report(const NodeId& node, Epoch cleared) {
    Renew m = renewal(node);
    m.seq = 0;
    m.installed = m.cleared = cleared;
    coordinator.on(node, m, out);
  }
  void offer(const NodeId& node, std::uint64_t store, bool under_the_newest_view = true) {
    Renew m = renewal(node);
    m.store = store;
    if (!under_the_newest_view) m.installed = m.cleared = Epoch{m.installed.value - 1};
    coordinator.on(node, m, out);
  }
  void say_leaving(const NodeId& node) {
    Renew m = renewal(node);
    m.leaving = true;
    coordinator.on(node, m, out);
  }
  void join(const std::string& node, std::uint64_t incarnation, Epoch base) {
    coordinator.on(NodeId{node}, Join{member(node, incarnation), base, 0}, out);
    tick();
  }
  void join(const std::string& node, std::uint64_t incarnation) {
    join(node, incarnation, coordinator.view()->epoch());
  }
  void stopped(const NodeId& from, const NodeId& node, std::uint64_t incarnation) {
    coordinator.on(from, Stopped{node, Incarnation{incarnation}}, out);
    tick();
  }
  /// The newest round is confirmed.
  void confirm() { coordinator.on(Confirmed{reg.rounds}, out); }
  /// The newest proposal is chosen.
  const View& choose() {
    coordinator.on(Chosen{reg.proposed.back()}, out);
    tick();
    return *coordinator.view();
  }
  /// The view that is proposed after all but the last; fails the test if there is none.
  const View& proposal(std::size_t number = 1) const {
    BOOST_TEST_REQUIRE(reg.proposed.size() == number);
    return *reg.proposed.back();
  }
  /// "n2#4": who has been granted which renewal.
  std::string granted() {
    std::string found;
    for (const auto& item : out.items) {
      const auto* const grant = std::get_if<Grant>(&item.body);
      if (grant != nullptr) found += (found.empty() ? "" : " ") + item.to.value + "#" + std::to_string(grant->seq);
    }
    out.items.clear();
    return found;
  }

  /// "33: why": what that node has been refused with last; empty: nothing.
  std::string refused(const std::string& node) {
    std::string found;
    for (const auto& item : out.items) {
      const auto* const m = std::get_if<Refused>(&item.body);
      if (m != nullptr && item.to.value == node) found = std::to_string(m->incarnation.value) + ": " + m->why;
    }
    out.items.clear();
    return found;
  }

  std::uint64_t seq = 0;  ///< Of the last renewal.
  NodeId behind;
};

}  // namespace test
