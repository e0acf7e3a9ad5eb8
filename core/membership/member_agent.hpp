#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reki/core/base/random.hpp"
#include "reki/core/membership/messages.hpp"
#include "reki/core/membership/timing.hpp"
#include "reki/core/view/slot_set.hpp"

namespace reki::membership {

// What a node has to do, in this order, as its agent decides.

/// Route by this view. The slots that this node neither holds nor owns in it belong to others.
struct Installed {
  ViewPtr view;
};
/// These slots are no longer this node's: stop their actors, hand their states over, then call `slots_stopped`.
struct Lost {
  SlotSet slots;
  Incarnation of;  ///< This node's, for `slots_stopped`.
};
/// These slots are this node's now, and starts in them have fences of this epoch.
struct Gained {
  SlotSet slots;
  Epoch epoch;
};
/// A view has dropped this incarnation: others may have the slots. Drop all actors without running anything of theirs. It
/// asks to be let in anew with the next `tick`, unless `set_working` has said before that something still runs.
struct Fenced {
  Incarnation was;
  Incarnation now;  ///< As which it asks to be let in again; 0: it was leaving, and asks no more.
};
/// The lease lasts until `end`. It has gone on if it had ended: nobody took the slots meanwhile.
struct LeaseExtended {
  Instant end;
  Instant from;  ///< Since when it counts: its renewal was sent then.
};
/// A view has a shorter lease: this node's ends then, at the latest. All who look at it have to see that before what is
/// said next leaves.
struct LeaseCut {
  Instant end;
  Instant from;
};
/// The cluster does not let this node in, and will not until a person has changed something. Said again with each try.
struct NotLetIn {
  std::string why;
};
using AgentEvent = std::variant<Installed, Lost, Gained, Fenced, LeaseExtended, NotLetIn, LeaseCut>;

/// One node's membership: renews its lease, installs views, lets go of slots and gains them behind the barrier.
///
/// Pure. Thread: control.
/// ```
/// joining -> member            a view has this incarnation
/// member -> joining            a view has it no more: another incarnation
/// member -> leaving -> gone    leave(): hands over, says Stopped, and is told that it is out
/// ```
///
/// More members than a class should have: all are the state of one machine, and an event looks at most of them.
class MemberAgent {
 public:
  struct Options {
    Member self;                ///< Without an incarnation.
    Timing timing;              ///< Until it knows a view: see `timing`.
    std::vector<NodeId> seeds;  ///< Nodes that may know the coordinator, this one among them or not.
    std::uint64_t seed = 0;     ///< Of the incarnations; a random number that no other process has had.
    Incarnation previous{};     ///< An earlier incarnation of this node that is known to be over; 0: none.
    Settings settings{};        ///< Of the node's config.
  };
  enum class Phase : std::uint8_t { joining, member, leaving, gone };

  explicit MemberAgent(Options options);

  void tick(Instant now, Outbox& out);
  [[nodiscard]] Instant next_wake() const;

  void on(const NodeId& from, const Grant& m, Instant now, Outbox& out);
  void on(const NodeId& from, const News& m, Instant now, Outbox& out);
  void on(const ViewPush& m, Instant now, Outbox& out);
  void on(const NodeId& from, const ViewFetch& m, Outbox& out) const;
  void on(const Hint& m, Instant now, Outbox& out);
  void on(const Refused& m);
  void on(const StoppedAck& m);
  /// Somebody on the data plane has a view of this epoch.
  void heard_epoch(const NodeId& from, Epoch epoch, Outbox& out);
  /// The actors of slots that a `Lost` named are gone. Of an earlier incarnation: ignored.
  void slots_stopped(const SlotSet& slots, Incarnation of, Instant now, Outbox& out);
  /// A newer view than its own, which it is not given, was made without this incarnation: another one asks to be let in, or
  /// nobody if the node leaves.
  void not_in(Instant now, Outbox& out);
  /// The register goes on in another lineage: this incarnation is over, and another asks to be let in there.
  void start_over(Instant now);
  /// Hand everything over and go.
  void leave(Instant now, Outbox& out);
  /// False: the node cannot do its work: it asks neither for a lease nor to be let in until it can, and then at once.
  void set_working(bool works);
  /// A number that nothing has had before, for the renewals of the step that follows.
  void draw(std::uint64_t random) { drawn_ = random; }
  /// Something is held until the renewal `seq`, or a later one, is granted: it is sent at once, unless one that was sent
  /// already is to be granted first; all who come meanwhile share it.
  void want_granted(std::uint64_t seq, Instant now, Outbox& out);
  /// The empty register store of this node, if it has one.
  void offer_store(std::uint64_t store) { store_ = store; }

  /// True while actors may run: the lease is not over. Workers ask the same of `lease_end`.
  [[nodiscard]] bool gate(Instant now) const { return now < lease_end_; }
  [[nodiscard]] Instant lease_end() const { return lease_end_; }
  /// Of the cluster's profile, which the newest view has, whatever the config says.
  [[nodiscard]] const Timing& timing() const { return timing_; }
  /// The newest renewal that was sent. What begins from now on is confirmed by a grant to a later one, and to no other.
  [[nodiscard]] std::uint64_t sent() const { return seq_; }
  /// The newest that was granted: this incarnation was in the newest view at some moment after it was sent.
  [[nodiscard]] std::uint64_t granted() const { return granted_; }
  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }
  /// The newest view it knows; null: none yet.
  [[nodiscard]] const ViewPtr& view() const { return view_; }
  /// In which it may start and run actors, while its lease lasts.
  [[nodiscard]] const SlotSet& held() const { return held_; }
  [[nodiscard]] Epoch installed() const { return installed_; }
  [[nodiscard]] Epoch cleared() const { return cleared_; }
  [[nodiscard]] const NodeId& coordinator() const { return coordinator_; }
  [[nodiscard]] Term term() const { return term_; }
  /// When the coordinator last answered.
  [[nodiscard]] Instant answered() const { return answered_; }

  std::vector<AgentEvent> take_events() { return std::exchange(events_, {}); }

 private:
  struct Sent {
    std::uint64_t seq = 0;
    std::uint64_t random = 0;
    Instant at;
  };

  void draw_incarnation();
  void learn(const NodeId& from, Term term);
  void heard(const NodeId& from, Epoch epoch, Epoch barrier, Outbox& out);
  void install(Instant now, Outbox& out);
  void cut_lease();
  void clear(Instant now, Outbox& out);
  void pass_barrier();
  void renew(Instant now, Outbox& out);
  [[nodiscard]] bool is_renewal_wanted() const;
  [[nodiscard]] Instant wanted_at() const;
  void say(const Body& body, Instant now, Outbox& out);
  void next_seed();

  const Options options_;
  Timing timing_;
  SplitMix random_;

  Phase phase_ = Phase::joining;
  Incarnation incarnation_;
  Incarnation previous_;  ///< To be told of, until it is acknowledged.
  std::uint64_t store_ = 0;
  bool works_ = true;
  ViewPtr view_;
  Epoch installed_;  ///< The newest view that has this incarnation. 0: none
  Epoch cleared_;
  Epoch barrier_;    ///< The view whose barrier has been passed.
  Epoch known_barrier_;
  SlotSet owned_;    ///< In the installed view.
  SlotSet held_;
  SlotSet stopping_;
  Instant lease_end_{0};
  Instant lease_from_{0};  ///< Sending of the latest renewal that was granted.

  NodeId coordinator_;
  Term term_;
  Instant answered_{0};
  Epoch fetched_;       ///< The newest view that was asked for since the last renewal.
  std::size_t seed_ = 0;
  Instant renew_at_{0};
  std::uint64_t seq_ = 0;
  std::uint64_t granted_ = 0;
  std::uint64_t wanted_ = 0;  ///< Something is held until this one is granted.
  std::uint64_t drawn_ = 0;
  std::array<Sent, 32> sent_{};
  std::vector<AgentEvent> events_;
};

}  // namespace reki::membership
