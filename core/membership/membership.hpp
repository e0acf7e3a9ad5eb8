#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "reki/core/membership/acceptor.hpp"
#include "reki/core/membership/coordinator.hpp"
#include "reki/core/membership/etcd_register.hpp"
#include "reki/core/membership/lineage_check.hpp"
#include "reki/core/membership/member_agent.hpp"
#include "reki/core/membership/proposer.hpp"
#include "reki/core/membership/reach.hpp"
#include "reki/core/membership/waiting_clock.hpp"

namespace reki::membership {

/// All that one node decides about who is in the cluster and who owns what. Its parts: the agent; the acceptor and
/// proposer of the embedded register if the node is a voter, or the register in etcd; and the coordinator while it is
/// elected.
///
/// Pure: `effects = machine.on(event, now)`. The shell (node/membership/membership_thread.hpp, or the simulator)
/// carries out the effects in this order: write the record if there is one, `persisted`, act on the events, ask etcd,
/// send. Thread: control.
class Membership {
 public:
  struct Options {
    MemberAgent::Options agent;
    /// The store of this node's voter; nothing: it has none.
    std::optional<VoterRecord> voter;
    /// The register is in etcd, and there are no voters.
    bool etcd = false;
  };
  explicit Membership(Options options);

  /// Why it is refused unread (`fault_of` in reach.hpp, or of another lineage); empty: it is not. One with a view of a level that
  /// the program does not support is not taken either, and told of with `NotLetIn`.
  std::string on(const Message& m, Clocks now);
  /// Call it at `next_wake` at the latest.
  void tick(Clocks now);
  [[nodiscard]] Instant next_wake() const { return wake_; }

  void persisted(std::uint64_t version, Clocks now);
  void etcd_answered(const EtcdReply& reply, Clocks now);
  void slots_stopped(const SlotSet& slots, Incarnation of, Clocks now);
  void heard_epoch(const NodeId& from, Epoch epoch, Clocks now);
  void leave(Clocks now);
  /// MemberAgent::draw; call it before each of these. And MemberAgent::want_granted.
  void draw(std::uint64_t random) { agent_.draw(random); }
  void want_granted(std::uint64_t seq, Clocks now);
  /// False: no lease is asked for, so that others take over. Until it is true again.
  void set_working(bool works) { agent_.set_working(works); }
  /// For the end of the process: another node is to be coordinator at once.
  void resign(Clocks now);

  // Effects, since they were last taken.

  struct Write {
    std::uint64_t version = 0;
    VoterRecord record;
  };
  [[nodiscard]] std::optional<Write> take_write();
  /// At most one is outstanding; `etcd_answered` has to follow.
  [[nodiscard]] std::optional<EtcdTxn> take_etcd() { return etcd_ ? etcd_->take_txn() : std::nullopt; }
  [[nodiscard]] std::vector<AgentEvent> take_events() { return agent_.take_events(); }
  /// Messages to other nodes. The vector is the caller's to reuse; it is cleared first.
  void take_messages(std::vector<Outbox::Item>& out);

  [[nodiscard]] const MemberAgent& agent() const { return agent_; }
  [[nodiscard]] const Acceptor* acceptor() const { return acceptor_ ? &*acceptor_ : nullptr; }
  /// The term in which this node is the coordinator, as far as it knows; nothing: it is not.
  [[nodiscard]] std::optional<Term> leads() const;
  /// Of the register; each frame that leaves has to say it.
  [[nodiscard]] Lineage lineage() const { return lineage_; }
  /// The register was rescued without this node's store, and that is on the disk: nothing is said or done any more, the
  /// process must end.
  [[nodiscard]] bool is_over() const { return over_; }
  /// Null unless this node is the coordinator, as far as it knows.
  [[nodiscard]] const Coordinator* coordinator() const { return coordinator_ ? &*coordinator_ : nullptr; }

 private:
  [[nodiscard]] Known known() const;
  /// What is of its lineage and plausible.
  void read(const Message& m);
  /// `chosen`: the view, if it is known to have been chosen.
  void left_behind(const View* chosen, const std::string& why);
  void follow_view();
  void settle();
  void turn_of_register();
  void deliver(const NodeId& from, const Body& body);
  void register_events();
  [[nodiscard]] std::string rival_of(const Join& m) const;
  [[nodiscard]] bool is_overtaken(const Accept& m) const;
  void on_register(const RegisterEvent& event, Register& reg);
  void suspect(const Stopped& m);
  void retire_store();
  [[nodiscard]] bool is_halted() const { return over_ || turning_ != 0; }
  [[nodiscard]] bool may_act() const;
  [[nodiscard]] std::string other_lineage(const Message& m);
  void halt();
  void turn();
  [[nodiscard]] RescueState rescue_state() const;
  void rescue(const Rescue& m);
  void hurry(Term gone);

  // One for each kind of message.
  template <class M>
  void take(const NodeId& from, const M& m);

  const MemberAgent::Options options_;
  Timing timing_;  ///< As the newest view says.
  Clocks now_;
  WaitingClock clock_;
  MemberAgent agent_;
  std::optional<Acceptor> acceptor_;
  SplitMix stores_;  ///< Numbers of stores that follow one that a view has counted out.
  Proposer proposer_;
  std::optional<EtcdRegister> etcd_;  ///< In place of the two.
  std::optional<Coordinator> coordinator_;

  // A rescue.
  Lineage lineage_;
  LineageCheck check_;
  /// The change of the record that has to be on the disk before anything else is said or done; 0: none.
  std::uint64_t turning_ = 0;
  bool over_ = false;
  Instant rest_until_;  ///< On the waiting clock. Nothing runs in a rescued register before.

  /// Said while another node was the coordinator, which may be the one that stopped. If this node is elected they count
  /// for its coordinator. The newest few.
  std::deque<Stopped> stopped_;
  Outbox out_;
  std::vector<Outbox::Item> away_;
  Instant wake_{0};
};

}  // namespace reki::membership
