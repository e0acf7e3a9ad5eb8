#pragma once

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/activation/activation.hpp"
#include "reki/core/activation/activation_index.hpp"
#include "reki/core/activation/ended_requests.hpp"
#include "reki/core/activation/restart_policy.hpp"
#include "reki/core/activation/waiter.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/limits.hpp"

namespace reki {

/// Decides what becomes of every request for a key, and of every event of its actor: key → starting | live |
/// restarting | stopping. Of one shard: the slots s of the node with s mod shards == shard.
///
/// Pure: no clock, thread, allocation of actors, or user code. REQUIRES the shard's lock; factories and handlers run
/// outside of it. find and prefetch may run without the lock inside an RCU read section; Activation says what may be read
/// there.
///
/// A key has at most one entry, and an entry leaves `starting`, `live`, `stopping` only by the events below. So a key has
/// at most one actor.
class ActivationTable {
 public:
  struct Options {
    std::uint32_t shard = 0;
    std::uint32_t shards = 1;                 ///< A power of two, at most slot_count.
    std::span<const RestartPolicy> policies;  ///< A type each. Must outlive the table.
    std::size_t waiters_max = limits::waiters_per_key_max;
  };
  explicit ActivationTable(Options options);
  ~ActivationTable();
  ActivationTable(const ActivationTable&) = delete;
  ActivationTable& operator=(const ActivationTable&) = delete;

  // Slots

  /// Starts made in the slot from now on have fences of this epoch. REQUIRES: epoch is not lower than an earlier one.
  void acquire(SlotId slot, Epoch epoch);

  // Requests

  struct Verdict {
    enum class What : std::uint8_t {
      found,    ///< It is live: answer with its fence and `started`.
      deliver,  ///< It is live: put the message into its mailbox.
      wait,     ///< Call `wait` with a waiter that owns the request.
      start,    ///< The same, and then see to its start.
      stop,     ///< The same, and then see to its end.
      repeated, ///< It has been done before, and what it started or stopped is over: answer with `fence` and `started`.
      refuse,   ///< Answer with `code`.
    };
    What what = What::refuse;
    Activation* activation = nullptr;
    ErrorCode code = ErrorCode::ok;
    Duration retry_after{0};
    bool started = false;                     ///< found, repeated: this very request had started it (a retry).
    Waiter::For waits_for = Waiter::For::start;
    Fence fence{};                            ///< repeated
  };
  /// Decides over a request. With `start` the entry is made already, with `stop` it is closed to messages already.
  Verdict request(std::uint64_t hash, TypeIndex type, std::string_view key, const Demand& demand, Instant now);
  /// Keeps a request as its verdict said. REQUIRES: the verdict was wait, start or stop, and nothing came between.
  void wait(const Verdict& verdict, Waiter* waiter);
  [[nodiscard]] Activation* find(std::uint64_t hash, TypeIndex type, std::string_view key) const {
    return index_.find(hash, type, key);
  }
  /// Prefetches the key's entry: among many entries it is in no cache.
  void prefetch(std::uint64_t hash) const { index_.prefetch(hash); }

  // Events of an actor

  /// What its runtime has to do after an event.
  enum class Next : std::uint8_t {
    nothing,
    start,  ///< See to its start.
    erase,  ///< Call `erase`.
  };
  struct After {
    Next next = Next::nothing;
    /// Those whose wait is over, oldest first; `waits_for` says what they waited for.
    WaiterList released;
  };
  /// Right before a factory runs: gives the start its fence. False if nobody waits for it any more, or no number is
  /// left in the slot: nothing must run; call `start_failed`.
  [[nodiscard]] bool begin_start(Activation& a, Instant now);
  /// on_start has returned: live, or stopping if a stop was asked for. Returns those who waited for the start.
  WaiterList started(Activation& a, Instant now);
  /// The factory or on_start failed, or begin_start said no. Released are those who waited for the start or its end;
  /// if `restart` was set, the key is restarting or down now, and each start-waiter's request is to be made again.
  After start_failed(Activation& a, std::string text, Instant now);
  /// The actor threw, or stopped itself, and is destroyed. REQUIRES: live or, if it is being stopped, stopping.
  /// Released are those who waited for its end. If it is not started at once, those who wait for the next start are
  /// released too: their requests are to be made again, as those in its mailbox are. If the entry is `restarting` now,
  /// call `restart_due` when it is due.
  After ended(Activation& a, ExitKind kind, std::string text, Instant now);
  /// The actor stops as soon as its start is over, even if there is no room for somebody to wait for that.
  void stop_when_started(Activation& a);
  /// Closes a live actor to messages, for its end.
  void close(Activation& a);
  /// A stopping actor is destroyed.
  After stopped(Activation& a);
  /// True if the back-off is over; it is starting then. False if a timer came too early or too late.
  [[nodiscard]] bool restart_due(Activation& a, Instant now);
  /// Takes all who wait for it. For who erases it without an end of its own, or starts nothing here any more: their requests
  /// may be made again.
  WaiterList abandon(Activation& a);
  /// REQUIRES: nobody waits, and its cell is gone.
  void erase(Activation& a);
  /// What has been erased since the last call; to be destroyed after an RCU grace period.
  [[nodiscard]] RetiredActivations take_retired();

  // Time

  /// Those whose deadline has passed, of all keys.
  WaiterList expire(Instant now);
  /// Erases keys whose crash loop is over.
  std::size_t forget_crash_loops(Instant now);
  [[nodiscard]] bool has_waiters() const { return !waiting_.empty(); }

  // Use

  /// No live actor of the type was used before this (Instant::ns); INT64_MAX if there is none.
  [[nodiscard]] std::int64_t oldest_listed_use(TypeIndex type) const {
    const ListedActivations& by_use = types_[type.value].by_use;
    return by_use.empty() ? INT64_MAX : by_use.front().listed_use;
  }
  /// The least recently used live actor of a type, or nullptr. Sorts the list lazily, a bounded number of steps a call:
  /// where very many were used since, it may name another old one.
  Activation* least_recently_used(TypeIndex type);
  /// Keys of a type, live or on the way to it: those that `list` shows.
  [[nodiscard]] std::size_t count(TypeIndex type) const { return types_[type.value].count; }
  [[nodiscard]] std::size_t live(TypeIndex type) const { return types_[type.value].live; }
  [[nodiscard]] std::size_t size() const { return index_.size(); }
  /// True if `list` and `count` show it: it has an actor, or will have one without being asked again.
  [[nodiscard]] static bool is_running(const Activation& a) { return a.state != Activation::State::down; }
  /// The first entry of a slot, and the one behind an entry; null if there is none.
  [[nodiscard]] Activation* first_in(SlotId slot) { return slots_[slot.value / options_.shards].entries.first(); }
  [[nodiscard]] Activation* next_in_slot(Activation& a) { return slot_of_entry(a).entries.after(a); }

 private:
  struct Slot {
    SlotActivations entries;
    Epoch acquired{1};
    std::uint32_t starts = 0;
  };
  struct Type {
    std::size_t count = 0;
    std::size_t live = 0;
    ListedActivations by_use;  ///< The oldest first.
  };

  Verdict request_known(Activation& a, const Demand& demand, Instant now);
  Verdict while_starting(Activation& a, const Demand& demand) const;
  Verdict while_live(Activation& a, const Demand& demand);
  Verdict while_restarting(Activation& a, const Demand& demand, Instant now);
  static Verdict while_stopping(Activation& a, const Demand& demand);
  Verdict bounded_wait(Activation& a, Waiter::For waits_for) const;
  Activation& insert(std::uint64_t hash, TypeIndex type, std::string_view key);
  static Activation::CrashRecord& crashes_of(Activation& a);
  void enter(Activation& a, Activation::State state);
  void list_by_use(Activation& a);
  void unlist(Activation& a);
  void list_waiting(Activation& a);
  template <class Predicate>
  WaiterList release(Activation& a, Predicate chosen);
  /// Sees to it that the start is made for somebody who still waits for it: whoever began it may have given up. False: nobody.
  bool find_beginner(Activation& a, Instant now);
  /// After an end: those who wanted a start of their own wait for that start now.
  Next start_again_or_erase(Activation& a);
  Next decide_restart(Activation& a, ExitKind kind, std::string text, Instant now);
  Slot& slot_of_entry(const Activation& a) { return slots_[a.slot().value / options_.shards]; }

  Options options_;
  ActivationIndex index_;
  EndedRequests ended_requests_;
  RetiredActivations retired_;
  std::vector<Slot> slots_;
  std::vector<Type> types_;
  ListedActivations waiting_;              ///< Those with waiters, none of which is live.
  absl::flat_hash_set<Activation*> down_;  ///< Entries in a crash loop.
};

}  // namespace reki
