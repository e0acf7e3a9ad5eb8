#include "describe.hpp"

#include <array>

#include "reki/core/membership/ballot.hpp"

namespace test {

using namespace reki;
using namespace reki::membership;

namespace {

std::string str(Term t) { return std::to_string(round_of(t)) + "." + std::to_string(t.value & 0xffff); }
std::string str(Epoch e) { return std::to_string(e.value); }
std::string str(std::uint64_t n) { return std::to_string(n); }
std::string str(ChangeState state) {
  constexpr std::array states{"done", "under way", "not yet", "refused"};
  return states[static_cast<std::size_t>(state)];
}
std::string short_of(std::uint64_t store) { return std::to_string(store % 100000); }
struct Describe {
  const IncarnationName& name;

  std::string str(Incarnation i) const { return name(i); }
  template <class T>
  std::string str(const T& value) const {
    return test::str(value);
  }
  std::string str(const ViewPtr& v) const {
    if (v == nullptr) return "no view";
    std::string out = "view " + str(v->epoch()) + " of " +
                      (v->coordinator() == NodeId{} ? "nobody" : v->coordinator().value) + " in " + str(v->term()) +
                      " {";
    for (const Member& m : v->members()) {
      out += " " + m.node_id.value + (m.state == MemberState::leaving ? "-" : "") + "/" + str(m.incarnation);
    }
    for (const Voter& w : v->voters()) out += " v" + str(std::uint64_t{w.number}) + "@" + w.node.value;
    return out + (v->old_voters().empty() ? " }" : " joint }");
  }

  std::string operator()(const Renew& m) const {
    return "Renew " + str(m.incarnation) + " #" + str(m.seq) + " installed " + str(m.installed) + " cleared " +
           str(m.cleared) + (m.leaving ? " leaving" : "") + (m.store != 0 ? " store " + short_of(m.store) : "");
  }
  std::string operator()(const Grant& m) const {
    return "Grant " + str(m.incarnation) + " #" + str(m.seq) + " term " + str(m.term) + " epoch " + str(m.epoch) +
           " barrier " + str(m.barrier);
  }
  std::string operator()(const News& m) const {
    return "News term " + str(m.term) + " epoch " + str(m.epoch) + " barrier " + str(m.barrier);
  }
  std::string operator()(const Join& m) const { return "Join " + str(m.member.incarnation) + " base " + str(m.base); }
  std::string operator()(const Refused& m) const { return "Refused " + str(m.incarnation) + " " + m.why; }
  std::string operator()(const Stopped& m) const { return "Stopped " + m.node.value + "/" + str(m.incarnation); }
  std::string operator()(const StoppedAck& m) const { return "StoppedAck " + str(m.incarnation); }
  std::string operator()(const ViewFetch& m) const { return "ViewFetch " + str(m.have); }
  std::string operator()(const ViewPush& m) const { return "ViewPush " + str(m.view); }
  std::string operator()(const Hint& m) const { return "Hint " + m.coordinator.value + " in " + str(m.term); }
  std::string operator()(const PreVote& m) const { return "PreVote " + str(m.ballot); }
  std::string operator()(const PreVoteReply& m) const {
    return std::string(m.granted ? "PreVoteReply yes " : "PreVoteReply no ") + str(m.ballot) + " promised " +
           str(m.promised);
  }
  std::string operator()(const Prepare& m) const { return "Prepare " + str(m.ballot) + " to " + short_of(m.store); }
  std::string operator()(const Promise& m) const {
    return "Promise " + str(m.ballot) + " accepted " + str(m.accepted) + " " + str(m.view) + " since " +
           (m.since_ack ? str(static_cast<std::uint64_t>(m.since_ack->count() / 1000)) + " us" : "?");
  }
  std::string operator()(const Accept& m) const { return "Accept " + str(m.ballot) + " " + str(m.view); }
  std::string operator()(const Accepted& m) const { return "Accepted " + str(m.ballot) + " epoch " + str(m.epoch); }
  std::string operator()(const Heartbeat& m) const { return "Heartbeat " + str(m.ballot) + " #" + str(m.seq); }
  std::string operator()(const HeartbeatAck& m) const { return "HeartbeatAck " + str(m.ballot) + " #" + str(m.seq); }
  std::string operator()(const Nack& m) const { return "Nack " + str(m.ballot) + " promised " + str(m.promised); }
  std::string operator()(const Resign& m) const { return "Resign " + str(m.term); }
  std::string operator()(const InitProbe&) const { return "InitProbe"; }
  std::string operator()(const InitState& m) const {
    return m.empty ? "InitState empty" : "InitState view " + str(m.epoch);
  }
  std::string operator()(const Init& m) const { return "Init " + str(m.view); }
  std::string operator()(const SetVoters& m) const {
    std::string out = "SetVoters after " + str(std::uint64_t{m.highest});
    for (const NodeId& node : m.nodes) out += " " + node.value;
    return out;
  }
  std::string operator()(const SetVotersReply& m) const {
    return "SetVotersReply " + str(m.state) + (m.why.empty() ? "" : " ") + m.why;
  }
  std::string operator()(const SetProfile& m) const { return "SetProfile " + std::string(name_of(m.profile)) + " from " + str(m.base); }
  std::string operator()(const SetLevel& m) const { return "SetLevel " + std::to_string(m.level) + " from " + str(m.base); }
  std::string operator()(const SetLevelReply& m) const {
    return "SetLevelReply " + str(m.state) + " epoch " + str(m.epoch) + (m.why.empty() ? "" : " ") + m.why;
  }
  std::string operator()(const SetProfileReply& m) const {
    return "SetProfileReply " + str(m.state) + " epoch " + str(m.epoch) + (m.why.empty() ? "" : " ") + m.why;
  }
  std::string operator()(const ConfigSaid& m) const { return "ConfigSaid " + str(m.incarnation) + " " + m.types + "; " + m.plugins; }

  std::string operator()(const LineageAsk&) const { return "LineageAsk"; }
  std::string operator()(const LineageIs&) const { return "LineageIs"; }
  std::string operator()(const RescueProbe&) const { return "RescueProbe"; }
  std::string operator()(const RescueState& m) const { return "RescueState store " + short_of(m.store) + " accepted " + str(m.accepted); }
  std::string operator()(const Rescue& m) const { return "Rescue store " + short_of(m.store) + " epoch " + str(m.epoch); }

  std::string operator()(const Installed& e) const { return "Installed " + str(e.view); }
  std::string operator()(const Lost& e) const { return "Lost " + str(std::uint64_t{e.slots.size()}) + " slots"; }
  std::string operator()(const Gained& e) const {
    return "Gained " + str(std::uint64_t{e.slots.size()}) + " slots at " + str(e.epoch);
  }
  std::string operator()(const Fenced& e) const { return "Fenced " + str(e.was) + ", now " + str(e.now); }
  std::string operator()(const NotLetIn& e) const { return "NotLetIn " + e.why; }
  std::string operator()(const LeaseExtended& e) const {
    return "LeaseExtended to " + str(static_cast<std::uint64_t>(e.end.ns / 1000)) + " us";
  }
  std::string operator()(const LeaseCut& e) const { return "LeaseCut to " + str(static_cast<std::uint64_t>(e.end.ns / 1000)) + " us"; }
};

}  // namespace

std::string digits(Incarnation incarnation) { return std::to_string(incarnation.value % 100000); }

std::string describe(const ViewPtr& view, const IncarnationName& name) { return Describe{name}.str(view); }
std::string describe(const Body& body, const IncarnationName& name) { return std::visit(Describe{name}, body); }
std::string describe(const AgentEvent& event, const IncarnationName& name) { return std::visit(Describe{name}, event); }
std::string describe(Term term) { return str(term); }

std::string describe(const EtcdTxn& txn) {
  std::string out = "#" + str(txn.number) + " if";
  if (txn.coordinator_is) out += " coordinator is '" + *txn.coordinator_is + "'";
  if (txn.coordinator_revision) out += " coordinator@" + std::to_string(*txn.coordinator_revision);
  if (txn.view_revision) out += " view@" + std::to_string(*txn.view_revision);
  if (txn.reads()) return out + " read";
  if (txn.coordinator) out += " put '" + *txn.coordinator + "'";
  return out + (txn.view ? " put " + describe(txn.view) : "");
}

std::string describe(const EtcdReply& reply) {
  std::string out = "#" + str(reply.number) + (reply.outcome == EtcdReply::Outcome::done ? " done" : " refused");
  if (reply.coordinator)
    out += " coordinator '" + reply.coordinator->text + "'@" + std::to_string(reply.coordinator->revision);
  if (reply.view) out += " " + describe(reply.view->view) + "@" + std::to_string(reply.view->revision);
  return out;
}

}  // namespace test
