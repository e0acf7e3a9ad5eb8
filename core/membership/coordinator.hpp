#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "reki/core/membership/messages.hpp"
#include "reki/core/membership/register.hpp"
#include "reki/core/membership/timing.hpp"
#include "reki/core/membership/waiting_clock.hpp"

namespace reki::membership {

/// While this node is the coordinator: grants leases, decides who joins, leaves and is dropped, and says when all have
/// let go of what a view took from them. Its table of renewals is the cluster's heartbeat monitor.
///
/// Pure; exists for one term. Thread: control.
///
/// A lease is granted only after a round of the register that began after its renewal had come was confirmed; so a
/// coordinator that was deposed without noticing can grant nothing. A silent member is dropped `Timing::wait` after the
/// last moment at which a lease of it can have begun, or once it, or its guard, has said `Stopped`.
class Coordinator {
 public:
  /// `clock` is the control thread's own, and is advanced before each call; all three must outlive this.
  Coordinator(const Timing& timing, const NodeId& self, Register& reg, const WaitingClock& clock)
      : timing_(timing), self_(self), register_(reg), clock_(clock) {}

  void begin(const Elected& e, Outbox& out);
  void on(const Chosen& m, Outbox& out);
  void on(const Confirmed& m, Outbox& out);
  void on(const NodeId& from, const Renew& m, Outbox& out);
  void on(const NodeId& from, const Join& m, Outbox& out);
  void on(const NodeId& from, const Stopped& m, Outbox& out);

  /// Call it when the waiting clock has come to `next_wake`, and after each of the above.
  void tick();
  [[nodiscard]] Instant next_wake() const { return wake_; }

  [[nodiscard]] const ViewPtr& view() const { return view_; }
  [[nodiscard]] Epoch barrier() const { return barrier_; }

 private:
  /// What is known of a member. In the order of the view's members.
  struct Record {
    Instant last;       ///< No lease of it can have begun later.
    Instant heard;      ///< When it asked for one.
    Instant uncleared;  ///< Since when it has not been done with the newest view; `never`: it is done.
    Epoch cleared;
    std::uint64_t store = 0;  ///< The empty store that it offers.
    bool stopped = false;
    bool leaving = false;
    bool doomed = false;  ///< The view that is being proposed drops it: no more grants, whatever becomes of that.
  };
  struct Candidate {
    Member member;
    Epoch base;
    std::uint64_t store = 0;
  };
  /// A renewal that waits for its confirmation.
  struct PendingRenewal {
    NodeId member;
    Incarnation incarnation;
    std::uint64_t seq = 0;
    std::uint64_t round = 0;  ///< That began after it had come; 0: has not begun.
  };
  struct Round {
    std::uint64_t number = 0;
    Instant began;
  };

  void install(ViewPtr view, Outbox& out);
  void begin_round();
  void cleared(Record& record, Epoch epoch, Outbox& out);
  void check_barrier(Outbox& out);
  [[nodiscard]] Record* find(const NodeId& node, Incarnation incarnation);
  [[nodiscard]] Instant silent_at(const Record& r) const;
  [[nodiscard]] bool is_silent(const Record& r) const;
  [[nodiscard]] bool may_drop(const Record& r) const { return r.stopped || is_silent(r); }
  [[nodiscard]] bool may_join(const Candidate& c) const;
  [[nodiscard]] Duration wait() const;
  /// What is to be changed now; else it sets `wake_` to when to look again.
  [[nodiscard]] bool change_is_due();
  [[nodiscard]] ViewPtr next_view();
  [[nodiscard]] bool wants_other_voters() const;
  void change_voters(ViewHead& head) const;

  const Timing& timing_;
  const NodeId& self_;
  Register& register_;
  const WaitingClock& clock_;

  ViewPtr view_;
  Epoch barrier_;  ///< All members of this view have cleared it. 0: of none that this coordinator knows.
  std::vector<Record> records_;
  std::map<NodeId, Candidate> candidates_;  ///< Those who want to join, for the next view.
  Instant batch_since_ = Instant::never();  ///< Since when a join or a leave has waited for others to share its view.
  bool proposing_ = false;

  std::deque<PendingRenewal> pending_renewals_;  ///< By round; those without one are last.
  std::deque<Round> rounds_;
  Instant wake_;
};

}  // namespace reki::membership
