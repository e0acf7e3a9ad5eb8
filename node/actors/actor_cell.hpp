#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reki/core/activation/activation.hpp"
#include "reki/node/actors/cell_host.hpp"
#include "reki/node/actors/mailbox.hpp"
#include "reki/node/actors/outputs.hpp"
#include "reki/node/actors/workers.hpp"

namespace reki {

class CellContext;

/// A message of the runtime's own, in line with the others.
class ControlEnvelope final : public Envelope {
 public:
  /// Stop the actor; without a reason: only look at what the entry wants, a start after a back-off.
  explicit ControlEnvelope(std::optional<StopReason> r = {}) : Envelope(&message_tag<ControlEnvelope>, {}), reason(r) {}
  void encode(Bytes&) const override {}

  const std::optional<StopReason> reason;
};

/// One key's actor with its mailbox, and the turns that workers run of it.
///
/// Made with its entry in the table, under the shard's lock, and scheduled at once; from then on it belongs to whoever
/// runs its turn, and while idle to its shard's lock. Its turn alone starts, stops and destroys the actor; whether it
/// may, and what becomes of the entry, its host says (CellHost). It is destroyed together with its entry, by its own turn.
class ActorCell final : public Turn {
 public:
  /// Its first turn is its maker's to schedule.
  ActorCell(Activation& activation, CellType& type) : activation_(activation), type_(type) { (void)mailbox_.wake(); }
  ~ActorCell() override;

  void run() override;
  [[nodiscard]] Activation& activation() const { return activation_; }
  [[nodiscard]] const ActorType& type() const { return type_.type; }

  // With the shard's lock held.
  [[nodiscard]] bool is_idle() const { return mailbox_.is_idle(); }
  [[nodiscard]] std::size_t queued() const { return mailbox_.size(); }
  /// True: schedule it.
  [[nodiscard]] bool push(EnvelopePtr envelope) { return mailbox_.push(envelope.release()); }
  /// The same without the lock, for an actor that was live and may be no more. In a RcuReadSection.
  [[nodiscard]] Mailbox::Offered offer(Envelope& envelope) { return mailbox_.offer(&envelope); }
  /// Has its entry looked at again. By a message and not a flag, so that a turn that is just ending cannot miss it.
  [[nodiscard]] bool push_wake() { return mailbox_.push(new ControlEnvelope); }
  /// Ends it after what is in its mailbox, but not later than `drain_until`. True: schedule it.
  [[nodiscard]] bool push_stop(StopReason reason, Instant drain_until);
  /// Orders actors of all keys by when they were started; 0 before the first start.
  [[nodiscard]] std::uint64_t born() const { return born_; }
  /// With which its first start goes on.
  void set_state(Bytes state) { cold().state = std::move(state); }
  /// Nothing that it does has an effect from now on, except what has passed the second check of the gate already.
  [[nodiscard]] bool is_revoked() const { return revoked_.load(std::memory_order_acquire); }
  void revoke() { revoked_.store(true, std::memory_order_release); }

  // The same, in its own turn.
  /// Arguments are kept from the first start on, for restarts.
  [[nodiscard]] bool has_args() const { return has_args_; }
  void keep_args(const Bytes& args);
  void forget_args();
  void set_born(std::uint64_t number) { born_ = number; }
  /// Messages are taken without the lock from now on.
  void open_mailbox() { mailbox_.open(); }
  /// Closes it after the actor's end, and gives away what waits in it.
  [[nodiscard]] WaiterList close_mailbox();

 private:
  friend class CellContext;
  enum class Step : std::uint8_t {
    more,
    again,  ///< Look at the cell and its entry anew, before the mailbox.
    idle,
    gone,
    suspended,  ///< The gate is closed. The cell may run on another thread already, or be gone.
  };
  /// What a function has done, and has not left yet: its lease was over when it ended, or is to be confirmed.
  struct Unreleased {
    enum class Then : std::uint8_t { goes_on, stops_itself, crashes, ends };
    EnvelopePtr envelope{};  ///< Null: nobody is to be answered.
    Result<void> outcome{};
    Bytes reply{};
    std::vector<Outputs::Held> held{};
    Then then = Then::goes_on;
    std::uint64_t renewal = 0;  ///< To be granted first; 0: none.
    StopReason reason{};        ///< Of `ends`, with what `save` gave.
    std::optional<Bytes> state{};
  };
  /// Cold state: what few actors have, apart so that a million others do without.
  struct ColdState {
    Bytes args;                  ///< Of the first start, for restarts.
    std::optional<Bytes> state;  ///< For the first start; guarded by the shard's lock until that.
    std::vector<TimerId> timers;
    std::list<Unreleased> unreleased;  ///< In the order of turns. Only of a confirmed type more than one.
    bool is_to_be_told = false;         ///< Confirmations knows this cell.
  };

  CellHost& host() const { return type_.host; }
  ColdState& cold() {
    if (!cold_) cold_ = std::make_unique<ColdState>();
    return *cold_;
  }
  [[nodiscard]] bool has_unreleased() const { return cold_ && !cold_->unreleased.empty(); }
  [[nodiscard]] std::uint64_t next_renewal() const { return type_.confirmed ? host().confirmations.next() : 0; }
  Step turn();
  /// Makes the actor if its entry wants one, or ends the entry if it wants none.
  Step start();
  Result<ActorPtr> construct(CellContext& context);
  Step start_failed(const Error& error);
  /// `at`: the time, read before; afterwards the time then if it was read, else 0.
  Step handle(EnvelopePtr envelope, Instant& at);
  Step run_handler(EnvelopePtr envelope, Instant at, Instant& after);
  void answer(EnvelopePtr envelope, Result<void> outcome, Bytes reply);
  [[nodiscard]] Answer answer_of_handler(EnvelopePtr envelope, Result<void> outcome, Bytes reply) const;
  /// After a message whose handler wanted it. Its caller is answered when the key is free: who has the answer can start the
  /// next one at once.
  Step stop_itself(EnvelopePtr envelope, Result<void> outcome, Bytes reply);
  /// The second check of the gate: what a handler did may take effect.
  [[nodiscard]] bool may_release(Instant now) const;
  /// Decides over the unreleased outcomes: each takes effect, is dropped, or waits on. `more`: the next message may be handled.
  Step settle();
  Step hold(Unreleased done);
  Step release(Unreleased done);
  Step drop(Unreleased lost);
  Step wait_for_grant();
  /// Before it goes idle. False: look again.
  [[nodiscard]] bool is_told_later();
  void forget_grants();
  Step end(StopReason reason);
  Step suspend();
  Step crashed(EnvelopePtr envelope, const std::string& text);
  Step stop(StopReason reason) { return stop(reason, Unreleased{}); }
  /// `last`: the message whose handler wanted it; its caller is answered afterwards.
  Step stop(StopReason reason, Unreleased last);
  void say_goodbye(StopReason reason);
  Step say_confirmed_goodbye(Unreleased last, bool says_goodbye);
  void destroy_actor();
  void drop_timers();

  Mailbox::Taken taken_;                              ///< Turn only; far from the mailbox.
  Activation& activation_;
  CellType& type_;
  ActorPtr actor_;                                    ///< Turn only.
  std::unique_ptr<ColdState> cold_;                   ///< Turn only, but for what says otherwise.
  std::uint64_t born_ = 0;                            ///< Guarded by the shard's mutex.
  std::atomic<std::int64_t> drain_until_{INT64_MAX};  ///< Instant::ns
  [[no_unique_address]] Mailbox mailbox_;             // leaves room behind it for the three below
  std::atomic<bool> revoked_{false};
  std::atomic<StopReason> drained_for_{};             ///< Once there is a `drain_until_`.
  bool has_args_ = false;                             ///< Those of the start are kept. Turn only.
};

/// REQUIRES: it has one, which it keeps as long as its shard's lock is held.
inline ActorCell& cell_of(const Activation& a) { return *static_cast<ActorCell*>(a.cell.load(std::memory_order_relaxed)); }

}  // namespace reki
