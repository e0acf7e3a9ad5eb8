#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "machines.hpp"
#include "reki/core/membership/membership.hpp"
#include "reki/core/membership/rescue.hpp"

namespace test {

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;

/// Three voters and one more node, their disks, and a network that loses nothing.
struct Nodes {
  struct Node {
    std::optional<Membership> machine;
    VoterRecord disk;
    bool disk_works = true;
    std::vector<AgentEvent> events;
    std::vector<Body> said;
  };
  Instant now = start;
  std::map<NodeId, Node> nodes;
  std::deque<std::pair<NodeId, Message>> mail;
  std::uint64_t processes = 0;

  explicit Nodes(Settings settings = {}) {
    ViewHead head{"", Epoch{1}, {}, {}, 0, voters(3), {}};
    head.settings = settings;
    const ViewPtr first = view(std::move(head), {});
    for (std::uint16_t k = 1; k <= 3; ++k) nodes[NodeId{"n" + std::to_string(k)}].disk = {"c", 100U + k, {}, {}, first};
    nodes[n4].disk = {"", 104, {}, {}, nullptr};
  }
  [[nodiscard]] Clocks clocks() const { return {now, now}; }
  void begin(const NodeId& id) {
    Node& node = nodes.at(id);
    node.events.clear();
    node.said.clear();
    node.machine.emplace(Membership::Options{{member(id.value, 0), lan(), {n1, n2, n3, n4}, ++processes, {}}, node.disk, false});
    node.machine->tick(clocks());
    effects(id);
  }
  void end(const NodeId& id) { nodes.at(id).machine.reset(); }
  void begin_all() {
    for (const NodeId& id : {n1, n2, n3, n4}) begin(id);
    run(3s);
    BOOST_TEST_REQUIRE(serves(n1));
    BOOST_TEST_REQUIRE(serves(n4));
  }
  /// The machines of n2 and n3 are gone.
  void lose_most() {
    end(n2);
    end(n3);
    run(3s);
    BOOST_TEST_REQUIRE(!serves(n1));
  }
  void effects(const NodeId& id) {
    Node& node = nodes.at(id);
    for (bool more = true; more;) {
      more = false;
      if (auto write = node.disk_works ? node.machine->take_write() : std::nullopt) {
        node.disk = write->record;
        node.machine->persisted(write->version, clocks());
        more = true;
      }
      for (AgentEvent& event : node.machine->take_events()) {
        if (const auto* lost = std::get_if<Lost>(&event)) node.machine->slots_stopped(lost->slots, lost->of, clocks());
        node.events.push_back(std::move(event));
        more = true;
      }
    }
    std::vector<Outbox::Item> out;
    node.machine->take_messages(out);
    for (auto& item : out) {
      node.said.push_back(item.body);
      mail.emplace_back(item.to, Message{id, std::move(item.body), node.machine->lineage()});
    }
  }
  void deliver() {
    for (; !mail.empty(); mail.pop_front()) {
      auto& [to, message] = mail.front();
      const auto node = nodes.find(to);
      if (node == nodes.end() || !node->second.machine) continue;
      node->second.machine->on(message, clocks());
      effects(to);
    }
  }
  void run(Duration time) {
    for (const Instant until = now + time; now < until;) {
      deliver();
      Instant next = until;
      for (auto& [id, node] : nodes) {
        if (node.machine) next = std::min(next, std::max(node.machine->next_wake(), now + 100us));
      }
      now = next;
      for (auto& [id, node] : nodes) {
        if (!node.machine || node.machine->next_wake() > now) continue;
        node.machine->tick(clocks());
        effects(id);
      }
    }
    deliver();
  }
  void say(const NodeId& to, Body body, Lineage lineage, const NodeId& from = NodeId{"rescue/1"}) {
    mail.emplace_back(to, Message{from, std::move(body), lineage});
    deliver();
  }
  [[nodiscard]] Rescue act(const NodeId& survivor, Lineage lineage) {
    const VoterRecord& r = nodes.at(survivor).disk;
    return {r.store, r.accepted, r.view->epoch(), lineage};
  }
  void rescue(const NodeId& survivor, Lineage lineage) { say(survivor, act(survivor, lineage), {}); }
  [[nodiscard]] bool serves(const NodeId& id) const {
    const auto& machine = nodes.at(id).machine;
    return machine && machine->agent().gate(now) && !machine->agent().held().empty();
  }
  [[nodiscard]] Epoch highest_fence(const NodeId& id) const {
    Epoch out;
    for (const Gained& gained : only<Gained>(nodes.at(id).events)) out = std::max(out, gained.epoch);
    return out;
  }
  [[nodiscard]] Epoch lowest_fence(const NodeId& id) const {
    Epoch out{UINT32_MAX};
    for (const Gained& gained : only<Gained>(nodes.at(id).events)) out = std::min(out, gained.epoch);
    return out;
  }
  [[nodiscard]] bool has_voted(const NodeId& id) const {
    return std::ranges::any_of(nodes.at(id).said, [](const Body& b) {
      return std::holds_alternative<Promise>(b) || std::holds_alternative<Accepted>(b) || std::holds_alternative<HeartbeatAck>(b) ||
             std::holds_alternative<PreVoteReply>(b) || std::holds_alternative<PreVote>(b) || std::holds_alternative<Grant>(b);
    });
  }
  /// As `reki voters rescue` hears them.
  [[nodiscard]] std::vector<RescueAnswer> answers() {
    std::vector<RescueAnswer> out;
    for (auto& [id, node] : nodes) {
      if (!node.machine) continue;
      node.said.clear();
      say(id, RescueProbe{}, {});
      for (const Body& body : node.said) {
        if (const auto* state = std::get_if<RescueState>(&body)) out.push_back({id, control_of(id.value), *state});
      }
    }
    return out;
  }
};

}  // namespace test
