#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reki/core/membership/messages.hpp"

/// What the tests of the membership machines build and look for: small views, and the messages of one kind.
namespace test {

inline const reki::NodeId n1{"n1"};
inline const reki::NodeId n2{"n2"};
inline const reki::NodeId n3{"n3"};
inline const reki::NodeId n4{"n4"};
inline const reki::NodeId n5{"n5"};
inline constexpr reki::Instant start{1'000'000'000'000};

inline std::string control_of(const std::string& node) { return "tcp://" + node + ":2"; }

inline reki::Member member(const std::string& node, std::uint64_t incarnation,
                           reki::MemberState state = reki::MemberState::up) {
  return {reki::NodeId{node}, reki::Incarnation{incarnation}, "tcp://" + node + ":1", 1, "", state, control_of(node)};
}

/// Voter k is on node nk, with store 100 + k.
inline reki::Voter voter(std::uint16_t number) {
  const std::string node = "n" + std::to_string(number);
  return {number, 100U + number, reki::NodeId{node}, control_of(node)};
}

inline std::vector<reki::Voter> voters(std::uint16_t count) {
  std::vector<reki::Voter> out;
  for (std::uint16_t k = 1; k <= count; ++k) out.push_back(voter(k));
  return out;
}

/// Of cluster "c", with the table made from nothing. The members are sorted.
inline reki::membership::ViewPtr view(reki::ViewHead head, std::vector<reki::Member> members) {
  head.cluster_id = "c";
  head.hash_seed = 1;
  std::ranges::sort(members, {}, &reki::Member::node_id);
  const reki::SlotTable table = reki::next_table({}, {}, reki::slot_members(members));
  return std::make_shared<const reki::View>(reki::View::make(std::move(head), std::move(members), table).value());
}

/// The events of one kind, oldest first.
template <class Event, class Events>
std::vector<Event> only(const Events& events) {
  std::vector<Event> out;
  for (const auto& event : events) {
    if (const auto* const wanted = std::get_if<Event>(&event)) out.push_back(*wanted);
  }
  return out;
}

/// The messages of one kind, oldest first.
template <class M>
std::vector<M> sent(const reki::membership::Outbox& out) {
  std::vector<M> found;
  for (const auto& item : out.items) {
    if (const auto* const wanted = std::get_if<M>(&item.body)) found.push_back(*wanted);
  }
  return found;
}

/// To whom the messages of one kind go, in order: "n1 n2".
template <class M>
std::string receivers(const reki::membership::Outbox& out) {
  std::string found;
  for (const auto& item : out.items) {
    if (std::holds_alternative<M>(item.body)) found += (found.empty() ? "" : " ") + item.to.value;
  }
  return found;
}

/// "n1/1 n2/2-": node and incarnation; a dash for one that leaves.
inline std::string members_of(const reki::View& view) {
  std::string out;
  for (const reki::Member& m : view.members()) {
    out += (out.empty() ? "" : " ") + m.node_id.value + "/" + std::to_string(m.incarnation.value) +
           (m.state == reki::MemberState::leaving ? "-" : "");
  }
  return out;
}

/// "1:101 2:102": number and store.
inline std::string text_of(std::span<const reki::Voter> voters) {
  std::string out;
  for (const reki::Voter& v : voters) {
    out += (out.empty() ? "" : " ") + std::to_string(v.number) + ":" + std::to_string(v.store);
  }
  return out;
}

}  // namespace test
