#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reki/core/membership/level_change.hpp"
#include "reki/core/membership/messages.hpp"
#include "reki/core/membership/profile_change.hpp"
#include "reki/core/membership/register.hpp"
#include "reki/core/membership/timing.hpp"
#include "reki/core/membership/voter_change.hpp"
#include "reki/core/membership/waiting_clock.hpp"

namespace reki::membership {

/// Decides while this node is the coordinator: grants leases, makes the next view (who joins, leaves, is dropped,
/// votes), and completes the barrier of each view, once all members have stopped what it took from them. Its table of
/// renewals is the cluster's heartbeat monitor.
///
/// Pure; exists for one term. Thread: control.
///
/// A renewal is granted once the register has confirmed a round that began after the renewal arrived. So a coordinator
/// that was deposed without noticing grants nothing. A silent member is dropped `Timing::wait` after the last moment at
/// which a lease of it can have begun. It is dropped at once when it, or its guard, has said `Stopped`.
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
  void on(const NodeId& from, const SetVoters& m, Outbox& out);
  void on(const NodeId& from, const SetProfile& m, Outbox& out);
  void on(const NodeId& from, const SetLevel& m, Outbox& out);

  /// Call it when the waiting clock has come to `next_wake`, and after each of the above.
  void tick();
  [[nodiscard]] Instant next_wake() const { return wake_; }

  [[nodiscard]] const ViewPtr& view() const { return view_; }
  [[nodiscard]] Epoch barrier() const { return barrier_; }

 private:
  /// What is known of a member. In the order of the view's members.
  struct Record {
    Instant last;       ///< No lease of it can have begun later.
    Instant heard;      ///< When it last asked for a lease.
    Instant since;      ///< When this coordinator first knew it.
    Instant uncleared;  ///< Since when the newest view waits for it to clear; `never`: it has cleared it.
    Epoch cleared;
    std::uint64_t store = 0;  ///< The empty store that it offers.
    bool renewed = false;  ///< It has said so itself: what is known of its store is true of this process.
    bool stopped = false;
    bool leaving = false;
    bool doomed = false;  ///< The outstanding proposal drops it: no more grants, even if it is not chosen.
  };
  struct Candidate {
    Member member;
    Epoch base;
    std::uint64_t store = 0;
    Instant since;  ///< When it first asked.
  };
  /// A renewal that waits for its confirmation.
  struct PendingRenewal {
    NodeId member;
    Incarnation incarnation;
    std::uint64_t seq = 0;
    std::uint64_t random = 0;
    std::uint64_t round = 0;  ///< The first that began after it arrived; 0: not begun yet.
  };
  struct Round {
    std::uint64_t number = 0;
    Instant began;
  };

  void install(const ViewPtr& view, Outbox& out);
  void begin_round();
  void cleared(Record& record, Epoch epoch, Outbox& out);
  void check_barrier(Outbox& out);
  [[nodiscard]] Record* find(const NodeId& node, Incarnation incarnation);
  [[nodiscard]] Instant silent_at(const Record& r) const;
  [[nodiscard]] bool is_silent(const Record& r) const;
  [[nodiscard]] bool may_drop(const Record& r) const { return r.stopped || is_silent(r); }
  [[nodiscard]] bool may_join(const Candidate& c) const;
  /// Of a living member with the candidate's id, for people; empty: there is none, as far as is known.
  [[nodiscard]] std::string rival_of(const Candidate& c) const;
  [[nodiscard]] Duration wait() const;
  /// Whether the next view is due. If not, `wake_` is when to look again.
  [[nodiscard]] bool change_is_due();
  [[nodiscard]] ViewPtr next_view();
  [[nodiscard]] bool waits_to_leave(std::size_t member) const;
  [[nodiscard]] bool someone_waits_to_leave() const;
  [[nodiscard]] SetVotersReply begin_change(const SetVoters& m);
  [[nodiscard]] VoterChange voters_for(const std::vector<NodeId>& nodes) const;
  [[nodiscard]] Standing standing_of(const NodeId& node) const;
  [[nodiscard]] bool wants_other_voters() const;
  [[nodiscard]] const Voter* voter_without_store() const;
  [[nodiscard]] bool change_voters(ViewHead& head);
  [[nodiscard]] bool is_cleared() const { return barrier_ >= view_->epoch(); }
  [[nodiscard]] bool change_profile(ViewHead& head) const;
  [[nodiscard]] std::optional<Level> next_level_of_view() const;
  [[nodiscard]] bool change_level(ViewHead& head) const;

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
  std::vector<NodeId> wanted_voters_;  ///< As people have asked, until a view has them; empty: they have not.
  ProfileChange profile_;
  LevelChange level_;

  std::deque<PendingRenewal> pending_renewals_;  ///< By round; those without one are last.
  std::deque<Round> rounds_;
  Instant wake_;
};

}  // namespace reki::membership
