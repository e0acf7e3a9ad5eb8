#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "reki/node/mailbox.hpp"
#include "reki/node/outputs.hpp"
#include "reki/node/runtime.hpp"

namespace reki {

/// A message of the runtime's own, in line with the others.
class ControlEnvelope final : public Envelope {
 public:
  /// Stop the actor; without a reason: only look at what the entry wants, a start after a back-off.
  explicit ControlEnvelope(std::optional<StopReason> r = {}) : Envelope(&message_tag<ControlEnvelope>, {}), reason(r) {}
  void encode(Bytes&) const override {}

  const std::optional<StopReason> reason;
};

/// The running part of one key: its actor, its mailbox, and the turns that workers run of it.
///
/// Made with its entry in the table, under the shard's lock, and scheduled at once; from then on it belongs to whoever
/// runs its turn, and while idle to its shard's lock. Its turn alone starts, stops and destroys the actor. It is
/// destroyed together with its entry, by its own turn.
class ActorCell final : public Turn {
 public:
  ActorCell(Runtime& runtime, Shard& shard, Activation& activation, TypeEntry& type)
      : runtime_(runtime), shard_(shard), activation_(activation), type_(type) {}
  ~ActorCell() override;

  void run() override;

  // With the shard's lock held.
  [[nodiscard]] bool is_idle() const { return mailbox_.is_idle(); }
  [[nodiscard]] std::size_t queued() const { return mailbox_.size(); }
  /// True: schedule it.
  [[nodiscard]] bool push(EnvelopePtr envelope) { return mailbox_.push(envelope.release()); }
  /// Has its entry looked at again. A message and not a flag, so that a turn that is just ending cannot miss it.
  [[nodiscard]] bool push_wake() { return mailbox_.push(new ControlEnvelope); }
  /// A new cell's first turn is its maker's to schedule.
  void claim_first_turn() { (void)mailbox_.wake(); }
  /// Ends it after what is in its mailbox, but not later than `drain_until`. True: schedule it.
  [[nodiscard]] bool push_stop(StopReason reason, Instant drain_until);
  [[nodiscard]] const ActorType& type() const { return *type_.type; }
  /// Orders actors by when they were started, over all keys; 0 before the first start.
  [[nodiscard]] std::uint64_t born() const { return born_; }
  /// With which its first start goes on.
  void set_state(Bytes state) { state_ = std::make_unique<Bytes>(std::move(state)); }
  /// Nothing that it does has an effect from now on, but for what has passed its second look at the gate already.
  [[nodiscard]] bool is_revoked() const { return revoked_.load(std::memory_order_acquire); }
  void revoke() { revoked_.store(true, std::memory_order_release); }

 private:
  class Scope;
  enum class Step : std::uint8_t {
    more,
    idle,
    gone,
    suspended,  ///< The gate is closed. The cell may run on another thread already, or be gone.
  };
  /// What came of a handler that ended after the lease had.
  struct Unreleased {
    EnvelopePtr envelope;
    Result<void> outcome;
    Bytes reply;
    std::vector<Outputs::Held> held;
    bool stop_wanted = false;
  };

  Step turn();
  /// Makes the actor if its entry wants one, or ends the entry if it wants none.
  Step start();
  Result<std::unique_ptr<AnyActor>> construct(Scope& scope);
  Step start_failed(const Error& error);
  Step handle(EnvelopePtr envelope, Instant now);
  Result<void> invoke(Scope& scope, Envelope& envelope, Bytes& reply);
  void answer(EnvelopePtr envelope, Result<void> outcome, Bytes reply);
  /// The second look at the gate: what a handler did may take effect.
  [[nodiscard]] bool may_release() const;
  /// Decides over what was held back: it takes effect, never will, or waits on.
  Step settle();
  Step crashed(EnvelopePtr envelope, const std::string& text);
  Step stopped_self();
  Step stop(StopReason reason);
  /// After the actor is gone: those in the mailbox are decided over again, and the entry goes on or goes.
  Step ended_locked(ActivationTable::After after, Followups& followups);
  void say_goodbye(StopReason reason);
  void set_args(const Bytes& args) { args_ = args.empty() ? nullptr : std::make_unique<Bytes>(args); }
  void destroy_actor();
  void drop_timers();

  Runtime& runtime_;
  Shard& shard_;
  Activation& activation_;
  TypeEntry& type_;
  Mailbox mailbox_;
  std::unique_ptr<AnyActor> actor_;                 ///< Turn only.
  std::unique_ptr<Bytes> args_;                     ///< Of the first start, for restarts; null: empty. Turn only.
  std::unique_ptr<Bytes> state_;                    ///< For the first start; shard's lock until that, then turn only.
  std::unique_ptr<std::vector<TimerId>> timers_;    ///< Turn only.
  std::unique_ptr<Unreleased> unreleased_;          ///< Turn only.
  std::uint64_t born_ = 0;                          ///< Guarded by the shard's mutex.
  std::atomic<std::int64_t> drain_until_{INT64_MAX};  ///< Instant::ns
  std::atomic<bool> revoked_{false};
  bool has_args_ = false;                           ///< `args_` are those of the start. Turn only.
};

}  // namespace reki
