#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "reki/core/activation/activation_table.hpp"
#include "reki/core/base/mutex.hpp"
#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/registry/shards/effects.hpp"
#include "reki/node/registry/shards/slot_host.hpp"

namespace reki {

/// What the shards of one registry have in common.
struct ShardContext {
  CellHost& host;
  RegistryTypes& types;
  const ClusterHooks* hooks;           ///< Null: no cluster.
  std::atomic<std::size_t> parked{0};  ///< Requests that wait for slots, in all shards.
};

/// One part of the key space: its table, its slots and the lock of both. Decides over requests by the table, makes and
/// destroys cells, and does to them what the table says.
///
/// The lock is held for a few dozen instructions, never over user code or I/O, and before no other lock but those of a
/// type's watches, the executor and the timers; never two shards'. What runs callers' code or wakes threads is left to
/// `effects`, for when the lock is released.
///
/// More functions than a class should have: each is one thing that happens to a key, and what they decide runs through each
/// other (an end admits those who waited, a slot that comes starts actors). So they stand in three files and not in three classes.
class Shard {
 public:
  static constexpr std::uint32_t count = SlotHost::shards;

  Shard(ShardContext& context, std::uint32_t number);
  /// Destroys cells that never came back from a turn before a bounded close; nobody runs them any more.
  ~Shard();

  Mutex& mutex() const ABSL_LOCK_RETURNED(mutex_) { return mutex_; }

  // Without the lock, in a RcuReadSection.

  [[nodiscard]] Activation* find(std::uint64_t hash, TypeIndex type, std::string_view key) const {
    return table_->find(hash, type, key);
  }
  /// Has the processor bring what is found there.
  void prefetch(std::uint64_t hash) const { table_->prefetch(hash); }
  /// Also with the lock.
  [[nodiscard]] bool holds(SlotId slot) const { return slots_.holds(slot); }

  // All others with the lock held: whoever forgets it does not compile with clang (core/base/mutex.hpp).

  // Requests: shard.cpp

  /// Decides over a request and does what the decision says.
  void admit(Request request, Instant now, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// The same for an envelope that was in a mailbox, a waiter list or a timer, or waited for its slot.
  void readmit(const KeyName& key, EnvelopePtr envelope, Instant now, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// The actor that a look-up looks for, if it is live and the answer is that at once.
  [[nodiscard]] const Activation* live_for(const Request& request, Instant now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Cells, each in its own turn: shard_cells.cpp. See CellHost.

  [[nodiscard]] Result<StartPermit> permit_start(ActorCell& cell) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void started(ActorCell& cell, bool stop_wanted, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool start_failed(ActorCell& cell, const Error& error, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool crashed(ActorCell& cell, EnvelopePtr envelope, const std::string& text, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool stopped(ActorCell& cell, StopReason reason, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void close(ActorCell& cell) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Time: shard_cells.cpp

  /// The back-off of a key is over.
  void restart_due(const KeyName& key, Instant now, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Deadlines, ends of crash loops, idle actors. False: nobody waits for anything.
  bool tick(Instant now, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Answers those who wait with `code`, if their deadline has passed.
  void expire(Instant now, ErrorCode code, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// False: it is busy, and in use from now on.
  bool passivate(Activation& a, Instant now, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] Activation* least_recently_used(const TypeEntry& type) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return table_->least_recently_used(type.index);
  }
  [[nodiscard]] RetiredActivations take_retired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return table_->take_retired(); }

  // Slots: shard_slots.cpp. See SlotMoves.

  void expect(const SlotSet& owned) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void expect_only(const SlotSet& owned, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void gain(const SlotSet& slots, Epoch epoch, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void lose(const SlotSet& slots, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void revoke(const SlotSet& slots) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Of the whole shard, and nobody waits for a slot any more.
  void abandon(Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] Result<void> arrive(SlotHost::Arrival arrival) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool is_empty(const SlotSet& slots) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool is_vacated() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // What there is

  [[nodiscard]] Activation* first_in(SlotId slot) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return table_->first_in(slot); }
  /// The one behind it in its slot; null if it is the last.
  [[nodiscard]] Activation* next_in_slot(Activation& a) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return table_->next_in_slot(a);
  }
  [[nodiscard]] std::size_t count_of(const TypeEntry& type) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return table_->count(type.index);
  }
  /// For lists and counts: it has an actor here, or will have one without being asked again. Not one of a slot that has been
  /// revoked: the key may have another elsewhere.
  [[nodiscard]] static bool is_shown(const Activation& a);
  /// Those of the type that are shown. Looks at all if one was revoked not long ago.
  [[nodiscard]] std::size_t count_shown(const TypeEntry& type) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] std::size_t size() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] std::uint64_t lookups() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return lookups_; }
  template <class Use>
  void each_entry(Use use) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (std::uint32_t s = number_; s < slot_count; s += count) {
      for (Activation* a = first_in(SlotId{static_cast<std::uint16_t>(s)}); a != nullptr; a = next_in_slot(*a)) use(*a);
    }
  }

 private:
  /// True if the request may be decided over here and now; else it has been parked, sent elsewhere or refused.
  bool is_here(Request& request, Instant now, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool has_outlived_its_slot(const Request& stop) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void keep(const ActivationTable::Verdict& verdict, Request request, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void start_cell(Activation& a, TypeEntry& type, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void stop(Activation& a, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void deliver(Activation& a, EnvelopePtr envelope, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// An answer to those who waited for a start that is there.
  void welcome(Activation& a, WaiterList waiters, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  /// After the end of a start: those in the mailbox are decided over again, and the entry goes on or goes. True: the cell is
  /// gone.
  bool ended(ActorCell& cell, ActivationTable::After after, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// Goes on after an event of the table. True if the entry is gone, or at least its cell.
  bool follow(Activation& a, ActivationTable::Next next, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  /// The reason for the stop of an actor of this slot: `moved`, `closing` or `stopped`.
  [[nodiscard]] StopReason stop_reason(SlotId slot) const;
  [[nodiscard]] Instant drain_until(const ActorCell& cell, StopReason reason) const;
  // Right after the table's own change.
  void tell_start(const Activation& a, bool again, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void tell_end(const Activation& a, WatchReason reason, std::string_view text, Effects& effects)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void passivate_idle(Instant now, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void expire_parked(Instant now, ErrorCode code, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void stop_slot(SlotId slot, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Read without the lock too, and apart from what changes all the time.
  alignas(64) const std::unique_ptr<ActivationTable> table_;
  SlotHost slots_;
  ShardContext& context_;
  const std::uint32_t number_;

  alignas(64) mutable Mutex mutex_;
  std::uint64_t lookups_ ABSL_GUARDED_BY(mutex_) = 0;  ///< Those that took the lock.
  bool may_have_revoked_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace reki
