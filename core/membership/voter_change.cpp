#include "reki/core/membership/voter_change.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "reki/core/base/limits.hpp"

namespace reki::membership {
namespace {

using State = SetVotersReply::State;

constexpr std::uint16_t numbers_max = std::numeric_limits<std::uint16_t>::max();

VoterChange no(State state, std::string why) { return {{state, std::move(why)}, {}}; }

const Voter* voter_on(std::span<const Voter> voters, const NodeId& node) {
  const auto it = std::ranges::find(voters, node, &Voter::node);
  return it == voters.end() ? nullptr : &*it;
}

/// Why no cluster could have these voters; empty: it could.
std::string fault_of(const View& view, std::span<const NodeId> nodes) {
  if (nodes.size() % 2 == 0 || nodes.size() > limits::voters_max) {
    return "that makes " + std::to_string(nodes.size()) +
           " voters; name 1, 3 or 5 (an even number survives no more failures than one fewer)";
  }
  for (const NodeId& node : nodes) {
    if (std::ranges::count(nodes, node) != 1) return "node '" + node.value + "' is named twice; name it once";
    if (voter_on(view.voters(), node) == nullptr && view.find(node) == nullptr) {
      return "node '" + node.value + "' is no member of the cluster; start it, or name one that 'reki nodes' lists";
    }
  }
  return {};
}

}  // namespace

std::uint16_t highest_number(const View& view) {
  std::uint16_t out = 0;
  for (const Voter& v : view.voters()) out = std::max(out, v.number);
  return out;
}

bool are_voters(const View& view, std::span<const NodeId> nodes) {
  return nodes.size() == view.voters().size() && std::ranges::all_of(view.voters(), [&](const Voter& v) {
           return std::ranges::find(nodes, v.node) != nodes.end();
         });
}

const Voter* voter_without_store(const View& view, const StandingOf& standing) {
  const auto it = std::ranges::find_if(view.voters(), [&](const Voter& v) {
    const std::uint64_t offered = standing(v.node).store;
    return offered != 0 && offered != v.store;
  });
  return it == view.voters().end() ? nullptr : &*it;
}

std::vector<Voter> with_store(const View& view, const NodeId& node, std::uint64_t store) {
  std::vector<Voter> out(view.voters().begin(), view.voters().end());
  const std::uint16_t highest = highest_number(view);
  if (highest == numbers_max) return out;
  *std::ranges::find(out, node, &Voter::node) = {static_cast<std::uint16_t>(highest + 1), store, node, view.find(node)->control};
  std::ranges::sort(out, {}, &Voter::number);
  return out;
}

VoterChange voters_for(const View& view, std::span<const NodeId> nodes, const StandingOf& standing) {
  if (std::string fault = fault_of(view, nodes); !fault.empty()) return no(State::refused, std::move(fault));
  std::uint16_t highest = highest_number(view);
  if (numbers_max - highest < static_cast<int>(nodes.size())) {
    return no(State::refused, "the cluster has used up the numbers of its voters: make another");
  }
  VoterChange out{{State::under_way, {}}, {}};
  std::vector<NodeId> fresh;
  std::string away;
  std::size_t there = 0;
  std::size_t awaited = 0;
  for (const NodeId& node : nodes) {
    const Standing now = standing(node);
    const Voter* const votes = voter_on(view.voters(), node);
    if (votes != nullptr) out.voters.push_back(*votes);
    else fresh.push_back(node);
    // Who votes and offers an empty store has lost the one that it votes with.
    const bool counts = now.is_there && (votes == nullptr || now.store == 0);
    there += counts ? 1 : 0;
    awaited += now.is_awaited ? 1 : 0;
    if (!counts) away += (away.empty() ? "" : ", ") + node.value;
    if (votes == nullptr && now.is_there && now.store == 0) {
      return no(State::not_yet, "node '" + node.value + "' offers no empty register: it gave up its vote a moment ago, or is of a reki that "
                "has registers on voters only, or has no data directory");
    }
  }
  if (2 * there <= nodes.size() && 2 * (there + awaited) > nodes.size()) {
    return no(State::not_yet, "the coordinator is new, and has not heard from " + away + " yet");
  }
  if (2 * there <= nodes.size()) {
    return no(State::refused, "of the new voters a majority has to be there, and " + away + " are not: start them first");
  }
  if (fresh.empty()) {
    // Fewer, or it would be no change. One of them gets another number, so that the highest grows.
    out.voters.back().number = ++highest;
  }
  for (const NodeId& node : fresh) {
    if (standing(node).is_awaited) return no(State::not_yet, "the coordinator is new, and has not heard from '" + node.value + "' yet");
    if (!standing(node).is_there) return no(State::refused, "node '" + node.value + "' does not renew its lease; see 'reki status'");
    out.voters.push_back({++highest, standing(node).store, node, view.find(node)->control});
  }
  std::ranges::sort(out.voters, {}, &Voter::number);
  return out;
}

std::string differing_voters(std::span<const NodeId> named, const View& view) {
  if (named.empty() || view.voters().empty() || !view.old_voters().empty() || are_voters(view, named)) return {};
  std::string now;
  std::string wanted;
  for (const Voter& v : view.voters()) now += " " + v.node.value;
  for (const NodeId& node : named) wanted += " " + node.value;
  return "the voters are" + now + ", and the config names" + wanted + ", which changes nothing once a cluster is made; correct it, or run 'reki voters set" + wanted + "'";
}

}  // namespace reki::membership
