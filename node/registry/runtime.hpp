#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "reki/core/activation/activation_table.hpp"
#include "reki/core/view/slot_set.hpp"
#include "reki/node/actors/cell_host.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/registry/type_watches.hpp"
#include "reki/node/support/progress_probe.hpp"
#include "reki/node/support/rcu/read_section.hpp"

namespace reki {

class ActorCell;
class Runtime;

/// The types a registry was made with, in the order of their indices.
struct TypeEntry : CellType {
  TypeEntry(CellHost& runtime, const ActorType& t, TypeIndex i, std::uint64_t h, Incarnation incarnation)
      : CellType(runtime, t), index(i), hash(h), watches(incarnation) {}
  const TypeIndex index;
  const std::uint64_t hash;  ///< hash_type of its name
  TypeWatches watches;
};

/// One part of the key space: a table and its lock.
///
/// The lock is held for a few dozen instructions, never over user code, I/O or another lock but the pool's.
struct Shard {
  // Read without the lock too, and apart from what changes all the time.
  alignas(64) std::unique_ptr<ActivationTable> table;
  std::vector<std::atomic<SlotState>> slots;  ///< Of slot s at s / shards; only with ClusterHooks.

  alignas(64) std::mutex mutex;
  std::uint64_t lookups = 0;  ///< Those that took the lock.
  // Only with ClusterHooks.
  struct Parked {
    KeyName key;
    EnvelopePtr request;
  };
  struct Arrival {
    KeyName key;
    Bytes args;
    Bytes state;
  };
  std::deque<Parked> parked;     ///< For slots that are arriving.
  std::vector<Arrival> arrivals; ///< States that came before their slots.
};

/// One request with all that it owns, while it is decided over.
struct Request : Demand {
  TypeEntry* type = nullptr;
  std::uint64_t hash = 0;
  std::string_view key;
  BytesView args;        ///< Copied if it has to wait. An envelope brings its own.
  EnvelopePtr envelope;  ///< With its completion in it; else:
  Completion done;
};

/// A watcher's question about a key or a type.
struct WatchRequest {
  std::string_view type;
  std::string_view key;  ///< Empty: all of the type.
  WatchPosition position;
  Duration wait{0};  ///< How long it may stay open.
  std::optional<HostedRegistry::OtherOwner> other{};
};
WatchReason watch_reason(StopReason reason);

/// What is left to do once a shard's lock is released: answers run callers' code, and scheduling wakes threads.
class Effects {
 public:
  void answer(Completion done, Answer answer) {
    if (done) answers_.push_back({std::move(done), std::move(answer)});
  }
  void schedule(ActorCell* cell) { cells_.push_back(cell); }
  void destroy(std::unique_ptr<ActorCell> cell);
  void restart_at(KeyName key, Instant due) { restarts_.emplace_back(std::move(key), due); }
  void over_cap(TypeEntry& type) { over_cap_ = &type; }
  void reroute(KeyName key, EnvelopePtr request) { rerouted_.push_back({std::move(key), std::move(request)}); }
  void slot_emptied() { slot_emptied_ = true; }
  void run(class Runtime& runtime);

  Effects();
  ~Effects();

 private:
  struct Answered {
    Completion done;
    Answer answer;
  };
  // Mostly there is one of either; where requests come together they grow once for all of them.
  absl::InlinedVector<Answered, 1> answers_;
  absl::InlinedVector<ActorCell*, 4> cells_;
  std::vector<std::unique_ptr<ActorCell>> dead_;
  std::vector<std::pair<KeyName, Instant>> restarts_;
  std::vector<Shard::Parked> rerouted_;
  TypeEntry* over_cap_ = nullptr;
  bool slot_emptied_ = false;
};

/// The machinery behind a LocalRegistry, and behind one life of a HostedRegistry: decides under a shard's lock through the activation table, and does what was
/// decided outside of it. Shared by the registry and its threads, so that a handler that never returns finds it alive.
///
/// Threads: any caller's, the workers', the timers'. Lock order: shard, then a type's watches, pool or timers; never two shards.
class Runtime final : public CellHost, public std::enable_shared_from_this<Runtime> {
 public:
  /// The factories may be shared with another one that ends.
  Runtime(std::shared_ptr<const Factories> factories, HostedOptions options);
  ~Runtime();
  void start(Registry& self_registry);

  // For both registries
  void submit(Submission submission, Completion done);
  /// Registry::exchange on an executor whose waits run turns. `would_block` in a turn that must not wait.
  Answer exchange_by_running_turns(Submission submission);
  [[nodiscard]] bool waits_run_turns() const { return executor->waits_run_turns(); }
  /// The fence of a live actor, without a lock; 0 if there is none, or the general way has to say how it is.
  Fence find_live(std::string_view type, std::string_view key, const RcuReadSection& section);
  void serve(std::span<const wire::Request> requests, Incarnation from, HostedRegistry::ReplySink& sink);
  bool close(Duration grace);
  [[nodiscard]] RuntimeStats stats() const;
  void set_self_registry(Registry& registry) { self_registry.store(&registry); }

  // For the membership of a node: runtime_slots.cpp. On one thread.

  /// By a new view these are this node's: what it did not have is arriving. Call it before the view can bring requests
  /// here.
  void expect(const SlotSet& owned);
  /// And no others: what was arriving and is not among them is foreign, and what waits for it is rerouted. Call it once
  /// `ClusterHooks::reroute` goes by the view, or requests come back here for ever.
  void expect_only(const SlotSet& owned);
  /// They are held from now on; starts in them have fences of this epoch.
  void gain(const SlotSet& slots, Epoch epoch);
  /// Their actors stop, and hand over what they have; new requests go elsewhere.
  void lose(const SlotSet& slots);
  /// What still runs in them has no effect from now on.
  void revoke(const SlotSet& slots);
  [[nodiscard]] bool is_empty(const SlotSet& slots);
  /// Keeps a state for the start of its key: `unavailable` if its slot is not on its way here.
  Result<void> arrive(HandedOver&& state);
  /// The request as if it had come anew.
  void readmit(std::string_view type, std::string_view key, EnvelopePtr request);
  /// The lease has been extended after its end: what stood still goes on.
  void resume();
  /// Others may have the slots: nothing of the actors here runs or takes effect any more.
  void abandon();
  /// How long the workers have not taken what they were given. Call it again and again (ProgressProbe).
  [[nodiscard]] Duration delay(Instant now, Duration step_max);
  /// The same for the data thread, which refuses what would wait too long.
  [[nodiscard]] Duration backlog(Instant now, Duration step_max);
  /// No function of an actor is running.
  [[nodiscard]] bool is_quiet() const {
    return std::ranges::all_of(tallies, [](const Tally& tally) { return tally.turns.load() == 0; });
  }

  // CellHost: runtime_cells.cpp
  Result<StartPermit> permit_start(ActorCell& cell) override;
  void started(ActorCell& cell, bool stop_wanted) override;
  bool start_failed(ActorCell& cell, const Error& error) override;
  bool crashed(ActorCell& cell, EnvelopePtr envelope, const std::string& text) override;
  bool stopped(ActorCell& cell, StopReason reason) override;
  void close(ActorCell& cell) override;
  void readmit(ActorCell& cell, EnvelopePtr envelope, Instant now) override;
  void hand_over(const Activation& a, Bytes args, Bytes state) override;
  void log(std::string_view event, const Activation& a, std::string_view text) const override;

  // For effects
  /// Destroys cells that can be found no more, once nobody can still be reading them.
  void retire(std::vector<std::unique_ptr<ActorCell>> cells);
  [[nodiscard]] const HostedOptions& options() const { return options_; }
  Shard& shard_of(std::uint64_t hash) { return shards_[hash % slot_count % shard_count]; }
  void reroute(const KeyName& key, EnvelopePtr request) const;
  /// Makes room under a type's cap. Without a lock held.
  void passivate_oldest(TypeEntry& type);

  // For watchers
  void watch(const WatchRequest& request, Completion done);
  /// Tells all watchers that nothing more happens here, if no slot is here and no actor.
  void end_watches_if_vacated();
  [[nodiscard]] bool has_type(std::string_view name) const { return types_by_name_.contains(name); }
  /// Those about chosen keys have to ask again.
  void release_watches(const std::function<bool(std::uint64_t hash)>& chosen);

 private:
  static constexpr std::uint32_t shard_count = 64;

  // With the shard's lock held.

  /// Decides over a request and does what the decision says. With the shard's lock held.
  void admit_locked(Shard& shard, Request request, Instant now, Effects& effects);
  /// The same for an envelope that was in a mailbox or waiter list.
  void readmit_locked(Shard& shard, const KeyName& key, EnvelopePtr envelope, Instant now, Effects& effects);
  /// Goes on after an event of the table. True if the entry is gone, and its cell with it.
  bool follow_locked(Shard& shard, Activation& a, ActivationTable::Next next, Instant now, Effects& effects);
  /// An answer to those who waited for a start that is there.
  void welcome_locked(Activation& a, WaiterList waiters, Effects& effects);
  /// After the end of a start: those in the mailbox are decided over again, and the entry goes on or goes. True: the cell is
  /// gone.
  bool ended_locked(Shard& shard, ActorCell& cell, ActivationTable::After after, Effects& effects);
  /// Why an actor of the slot has to stop that somebody has told to.
  [[nodiscard]] StopReason stop_reason_locked(const Shard& shard, SlotId slot) const;
  /// How long an actor that stops for it may spend on messages that came before.
  static Duration stop_grace(const ActorCell& cell, StopReason reason);
  // For watchers, right after the table's own change.
  void tell_start_locked(const Activation& a, bool again, Effects& effects);
  void tell_end_locked(const Activation& a, WatchReason reason, std::string_view text, Effects& effects);

  [[nodiscard]] TypeEntry* find_type(std::string_view name) {
    for (const auto& [known, entry] : few_types_) {
      if (same_bytes(known, name)) return entry;
    }
    if (!few_types_.empty()) return nullptr;
    const auto found = types_by_name_.find(name);
    return found == types_by_name_.end() ? nullptr : found->second;
  }
  [[nodiscard]] std::optional<Error> check(const TypeEntry* type, std::string_view type_name, std::string_view key) const;
  static Error unknown_message(const ActorType& type, std::string_view message);
  void run(Request request, Instant now);
  // Without a lock: runtime_lookup.cpp
  struct Live {
    Activation* entry = nullptr;  ///< Null: there is none, or the general way has to say how it is.
    Fence fence;
  };
  Live look(const TypeEntry& type, std::uint64_t hash, std::string_view key, Instant at);
  bool deliver_live(Request& request, Instant at);
  // From the wire: runtime_serve.cpp
  struct Address {
    TypeEntry* type = nullptr;
    std::uint64_t hash = 0;
  };
  struct LiveStart {
    Fence fence;
    bool started = false;
  };
  Address address_of(const wire::Request& request);
  void prefetch(std::span<const Address> addresses);
  void serve(const wire::Request& asked, const Address& address, RequestOrigin origin, Instant at,
             HostedRegistry::ReplySink& sink, Effects& effects);
  std::optional<LiveStart> admit(Request request, const wire::Request& asked, Instant at, HostedRegistry::ReplySink& sink,
                             Effects& effects);
  const Activation* live_locked(Shard& shard, const Request& request, Instant at) const;
  void deliver_locked(Activation& a, EnvelopePtr envelope, Effects& effects);
  static EnvelopePtr envelope_of(Request request);
  void keep_locked(Shard& shard, const ActivationTable::Verdict& verdict, Request request, Effects& effects);
  /// True if the request may be decided over here and now; else it has been parked, sent elsewhere or refused.
  bool is_here_locked(Shard& shard, Request& request, Instant now, Effects& effects);
  std::atomic<SlotState>& state_of(Shard& shard, SlotId slot) const { return shard.slots[slot.value / shard_count]; }
  void start_arrivals_locked(Shard& shard, Effects& effects);
  void unpark_locked(Shard& shard, Effects& effects);
  void stop_slot_locked(Shard& shard, SlotId slot, Effects& effects);
  template <class Chosen>
  void reroute_parked_locked(Shard& shard, Chosen chosen, Effects& effects);
  void expire_parked_locked(Shard& shard, Instant now, ErrorCode code, Effects& effects);
  template <class Use>
  void for_each_slot(const SlotSet& slots, Use use);
  Answer found_answer(Fence fence, bool started) const;
  bool try_passivate_locked(Shard& shard, Activation& a, Instant now, Effects& effects);
  /// False: nothing goes on.
  bool tick(Instant now);
  void sweep_idle(Shard& shard, Instant now, Effects& effects);
  void expire_locked(Shard& shard, Instant now, ErrorCode code, Effects& effects);
  void stop_everything();
  [[nodiscard]] std::size_t actors() const;

  static bool is_revoked(const Activation& a);
  std::optional<Error> why_unknown_locked(Shard& shard, SlotId slot, const WatchRequest& request, const Activation* a, Instant now) const;
  WatchHub::Present present_of(const WatchRequest& request, const Activation* a, Instant now) const;
  void tick_watches(Instant now);
  void reclaim();
  void gain_watches(const SlotSet& slots);
  void abandon_watches();
  void hold_back_watches();
  void close_watches();

  // Queries over all keys: runtime_queries.cpp
  Answer list(TypeEntry& type, std::string_view prefix, std::optional<BytesView> args);
  Answer count(TypeEntry& type, std::string_view prefix);
  Answer describe_types(std::string_view type) const;
  std::optional<Answer> query(wire::Op op, std::string_view type, std::string_view prefix, std::optional<BytesView> args);

  const std::shared_ptr<const Factories> factories_;
  const HostedOptions options_;
  std::vector<RestartPolicy> policies_;
  std::deque<TypeEntry> types_;
  absl::flat_hash_map<std::string_view, TypeEntry*> types_by_name_;
  std::vector<std::pair<std::string_view, TypeEntry*>> few_types_;  ///< All of them, if they are few.
  mutable std::array<Shard, shard_count> shards_;
  ReadCount lookups_;  ///< Those that took no lock.
  std::atomic<std::size_t> parked_{0};
  std::atomic<std::int64_t> coarse_now_{0};  ///< The time at the last tick, Instant::ns.
  struct SignOfLife final : Turn {
    void run() override { probe.answer(); }
    ProgressProbe probe;
  };
  void probe_workers(SignOfLife& sign);
  SignOfLife sign_of_life_;
  SignOfLife backlog_;  // likewise, the data thread's
  std::mutex retired_mutex_;
  std::vector<std::unique_ptr<ActorCell>> retired_cells_;  // guarded by retired_mutex_
  // Timer thread only: what is to be destroyed, and until when not.
  struct Retired {
    RetiredActivations entries;
    std::vector<std::unique_ptr<ActorCell>> cells;
    [[nodiscard]] bool empty() const { return entries.empty() && cells.empty(); }
  };
  Retired retired_;          ///< Since the period began.
  Retired retired_earlier_;  ///< Before.
  RcuGracePeriod retired_until_ = RcuGracePeriod::begin();
};

}  // namespace reki
