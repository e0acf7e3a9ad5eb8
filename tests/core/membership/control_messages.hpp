#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "reki/core/base/hash.hpp"
#include "reki/core/membership/messages.hpp"

/// Messages of the control plane for the tests of what reads and writes them.
namespace test {

inline reki::Member control_member(const std::string& id) {
  return {reki::NodeId{id},
          reki::Incarnation{0xfedcba9876543210},
          "tcp://10.0.0.1:7101",
          2,
          "zone-a",
          reki::MemberState::up,
          "tcp://10.0.0.1:17101"};
}

/// Of two members and three voters, in the middle of a change of voters. Another `mix` is another table.
inline reki::membership::ViewPtr control_view(const std::string& cluster = "shop", std::uint32_t epoch = 5,
                                              std::uint64_t mix = 0) {
  using namespace reki;
  std::vector<Member> members{control_member("n1"), control_member("n2")};
  ViewHead head{cluster, Epoch{epoch}, Term{0x30001}, NodeId{"n1"}, 99, {}, {}};
  for (std::uint16_t i = 1; i <= 3; ++i) {
    head.voters.push_back({i, 0x1000U + i, NodeId{"n" + std::to_string(i)}, "tcp://10.0.0.1:1710" + std::to_string(i)});
  }
  head.old_voters = {head.voters[0]};
  SlotTable table = next_table({}, {}, slot_members(members));
  for (std::uint16_t s = 0; mix != 0 && s < slot_count; ++s) {
    table.assign(SlotId{s}, static_cast<MemberIndex>(mix64(mix * slot_count + s) & 1));
  }
  return std::make_shared<const View>(View::make(std::move(head), std::move(members), table).value());
}

/// One of each kind, in the order of `Body`, with another number in each field.
inline std::vector<reki::membership::Body> control_messages() {
  using namespace reki;
  using namespace reki::membership;
  const auto view = control_view();
  return {Renew{Incarnation{1ULL << 63}, Epoch{2}, Epoch{3}, 4, true, 5, 6},
          Grant{Incarnation{1}, 200, Term{3}, Epoch{70000}, Epoch{5}, 6},
          News{Term{1}, Epoch{2}, Epoch{3}},
          Join{control_member("n2"), Epoch{2}, 3, {std::chrono::milliseconds(4), std::chrono::milliseconds(5), EngineKind::etcd}},
          Stopped{NodeId{"n2"}, Incarnation{2}},
          StoppedAck{Incarnation{1}},
          ViewFetch{Epoch{1}},
          ViewPush{view},
          Hint{Term{1}, NodeId{"n1"}, "tcp://10.0.0.1:17101"},
          PreVote{1, Term{2}},
          PreVoteReply{1, Term{2}, Term{3}, true},
          Prepare{1, Term{2}},
          Promise{1, Term{2}, Term{3}, view, std::chrono::milliseconds(120)},
          Accept{1, Term{2}, view},
          Accepted{1, Term{2}, Epoch{3}},
          Heartbeat{1, Term{2}, 3},
          HeartbeatAck{1, Term{2}, 3},
          Nack{1, Term{2}, Term{3}},
          Resign{Term{1}},
          InitProbe{},
          InitState{1, true, "shop", Epoch{4}, {2, 3}},
          Init{1, view},
          Refused{Incarnation{1}, "no"},
          SetVoters{3, {NodeId{"n1"}, NodeId{"n4"}, NodeId{"n5"}}},
          SetVotersReply{SetVotersReply::State::refused, "no"},
          SetProfile{Epoch{70000}, Profile::cloud},
          SetProfileReply{SetProfileReply::State::not_yet, "no", Epoch{3}},
          ConfigSaid{Incarnation{1}, 0x89abcdef, "counter 3f2a1b9c", "counter.so 00c1d2e3"},
          SetLevel{Epoch{70000}, 2},
          SetLevelReply{SetLevelReply::State::done, "no", Epoch{3}},
          LineageAsk{1},
          LineageIs{2},
          RescueProbe{},
          RescueState{1, 2, Lineage{3}, Term{4}, view, Epoch{5}, true},
          Rescue{1, Term{2}, Epoch{3}, Lineage{4}}};
}

}  // namespace test
