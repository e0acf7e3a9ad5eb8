#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "reki/core/base/random.hpp"
#include "reki/core/membership/acceptor.hpp"
#include "reki/core/membership/register.hpp"

namespace reki::membership {

/// Decides when a voter tries to become coordinator, and chooses views once it is: the proposer of single-register Paxos
/// with a stable leader. One proposal is outstanding at a time, and the view of epoch e+1 is proposed only after that
/// of epoch e was chosen in this proposer's own ballot.
///
/// Pure. Works beside the `Acceptor` of the same node, which it asks by message like all others. Thread: control.
/// ```
/// idle -> probing    nothing heard from a coordinator for a random time: would the voters have me? (pre-vote)
///      -> claiming   my own store promises first, on disk: so that no later process of mine uses this ballot again
///      -> preparing  the others promise
///      -> electing   the newest view they have accepted, with epoch + 1 and me, is accepted
///      -> leading
/// ```
///
/// More members than a class should have: all are the state of one machine, and an event looks at most of them.
class Proposer final : public Register {
 public:
  Proposer(const Timing& timing, NodeId self, std::uint64_t seed)
      : timing_(timing), self_(std::move(self)), random_(seed) {}

  /// Call it whenever `next_wake` has come, and after the acceptor has heard something.
  void tick(const Acceptor& acceptor, Instant now, Outbox& out);
  [[nodiscard]] Instant next_wake() const { return phase_ == Phase::idle ? try_at_ : resend_at_; }

  void on(const PreVoteReply& m, const Acceptor& acceptor, Instant now, Outbox& out);
  void on(const Promise& m, Instant now, Outbox& out);
  void on(const Accepted& m, Instant now, Outbox& out);
  void on(const HeartbeatAck& m, Instant now);
  void on(const Nack& m, Instant now);

  /// The coordinator is known to be gone: try at once, voters of a lower place first.
  void hurry(const Acceptor& acceptor, Instant now);
  /// Stops being coordinator, if it is one.
  void resign(Instant now, Outbox& out);

  /// Its store votes no more: it is no candidate.
  void give_up(Instant now) { step_down(now); }
  /// The cluster's profile has changed.
  void set_timing(const Timing& timing) { timing_ = timing; }

  void propose(ViewPtr next) override;
  std::uint64_t confirm() override;
  /// Sends what the two above have begun.
  void flush(Instant now, Outbox& out);

  [[nodiscard]] bool leading() const { return phase_ == Phase::leading; }
  [[nodiscard]] Term ballot() const { return ballot_; }
  /// Since the last call, in order.
  std::vector<RegisterEvent> take_events() { return std::exchange(events_, {}); }

 private:
  enum class Phase : std::uint8_t { idle, probing, claiming, preparing, electing, leading };
  /// What one voter has answered in the present phase.
  struct Answers {
    std::uint64_t store = 0;
    bool granted = false;
    bool promised = false;
    Epoch accepted;
    std::uint64_t acked = 0;
    Instant heard;  ///< When it last answered a heartbeat.
  };

  void step_down(Instant now);
  void retry_later(Instant now);
  void probe(const Acceptor& acceptor, Instant now, Outbox& out);
  void claim(const Acceptor& acceptor, Instant now, Outbox& out);
  void show(const ViewPtr& view, Term accepted, Outbox& out) const;
  void elect(Instant now, Outbox& out);
  void resend(Instant now, Outbox& out);
  void chosen(Instant now);
  template <class Make>
  void to_voters(const View& view, Make make, Outbox& out) const;
  void send_accepts(Outbox& out);
  void catch_up(Instant now, Outbox& out);
  Answers& answers_of(std::uint64_t store);
  template <class Has>
  [[nodiscard]] bool have(const View& view, Has has) const;
  [[nodiscard]] Duration random_delay();

  Timing timing_;
  const NodeId self_;
  SplitMix random_;

  Phase phase_ = Phase::idle;
  Term ballot_;
  std::uint16_t number_ = 0;
  std::uint64_t store_ = 0;
  std::uint64_t round_seen_ = 0;
  Instant try_at_;
  Instant phase_since_;
  Instant resend_at_ = Instant::never();
  Duration delay_{0};
  std::vector<Answers> answers_;
  std::vector<RegisterEvent> events_;

  // candidate
  ViewPtr known_;    ///< The newest accepted view that is known of.
  Term known_ballot_;
  Instant show_from_;  ///< Who has not answered by then is shown the view.
  ViewPtr own_;      ///< What this node's store had when it became a candidate, and claimed.
  Term own_ballot_;  ///< In which it had accepted that.
  Instant promises_at_;  ///< Nobody who promised has acknowledged an earlier coordinator after this.

  // coordinator
  ViewPtr view_;     ///< Chosen in this ballot.
  ViewPtr pending_;  ///< Proposed.
  bool pending_unsent_ = false;
  std::uint64_t round_ = 0;
  bool round_unsent_ = false;
  Instant round_sent_at_;
  std::uint64_t confirmed_ = 0;
  Instant confirmed_at_;
};

}  // namespace reki::membership
