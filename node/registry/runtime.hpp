#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "reki/core/base/fork.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/registry/registry_watches.hpp"
#include "reki/node/registry/shards/shards.hpp"
#include "reki/node/registry/slot_moves.hpp"
#include "reki/node/registry/turn_probe.hpp"
#include "reki/node/support/rcu/per_thread.hpp"
#include "reki/node/support/rcu/read_section.hpp"

namespace reki {

/// The machinery behind a registry, put together: what its cells run on and see of it (CellHost), its types, its shards,
/// and those who come to them: callers, peers, watchers, the membership and time. Shared by the registry and its threads, so that
/// a handler that never returns finds it alive.
///
/// Any thread. Lock order: a shard, then one of these: a type's watches, the gate, the reclaimer, timers; from timers the
/// executor. Never two shards, and no lock while callers' code or an actor's runs.
class Runtime final : public CellHost, public std::enable_shared_from_this<Runtime> {
 public:
  /// The factories may be shared with another one that ends.
  Runtime(std::shared_ptr<const Factories> factories, HostedOptions options);
  ~Runtime();
  void start(Registry& self_registry);
  void set_self_registry(Registry& registry) { self_registry.store(&registry); }
  /// LocalRegistry::close
  bool close(Duration grace);
  [[nodiscard]] RuntimeStats stats();
  /// Of the process that made it, and without its threads: nothing of it is to be touched.
  [[nodiscard]] bool is_in_child() const { return fork_mark_.is_in_child(); }
  [[nodiscard]] bool has_type(std::string_view name) const { return types_.find(name) != nullptr; }

  // Requests of this process
  void submit(Submission submission, Completion done);
  /// Registry::exchange on an executor whose waits run turns; `registry` is on it. `would_block` in a turn that must not wait.
  Answer exchange_by_running_turns(Registry& registry, Submission submission);
  [[nodiscard]] bool waits_run_turns() const { return executor->waits_run_turns(); }
  /// The fence of a live actor, without a lock. 0: none was found; `submit` decides under the lock.
  Fence find_live(std::string_view type, std::string_view key, const RcuReadSection& section);

  // Others that come to the shards
  [[nodiscard]] Shards& shards() { return shards_; }
  [[nodiscard]] RegistryWatches& watches() { return watches_; }
  [[nodiscard]] SlotMoves& slots() { return slots_; }

  // How it is with the workers
  /// No function of an actor is running.
  [[nodiscard]] bool is_quiet() const;
  /// How long they have not taken what they were given. The control thread's.
  [[nodiscard]] Duration delay(Instant now, Duration step_max) { return delay_.owed(*executor, now, step_max); }
  /// The same for the data thread, which refuses what would wait too long.
  [[nodiscard]] Duration backlog(Instant now, Duration step_max) { return backlog_.owed(*executor, now, step_max); }

  // CellHost
  Result<StartPermit> permit_start(ActorCell& cell) override;
  void started(ActorCell& cell, bool stop_wanted) override;
  bool start_failed(ActorCell& cell, const Error& error) override;
  bool crashed(ActorCell& cell, EnvelopePtr envelope, const std::string& text) override;
  bool stopped(ActorCell& cell, StopReason reason) override;
  void close(ActorCell& cell) override;
  void readmit(ActorCell& cell, EnvelopePtr envelope, Instant now) override;
  void hand_over(const Activation& a, Bytes args, Bytes state) override;
  void log(std::string_view event, const Activation& a, std::string_view text) const override;

 private:
  // Without a lock: live_path.cpp
  struct Live {
    Activation* entry = nullptr;  ///< Null: none was found; the decision is made under the lock.
    Fence fence;
  };
  Live look(const TypeEntry& type, std::uint64_t hash, std::string_view key, Instant now);
  bool deliver_live(Request& request, Instant now);

  void run(Request request, Instant now);
  static void install_output_hooks();
  [[nodiscard]] static Timers::Callbacks timer_callbacks(Runtime& self);
  /// False: nothing goes on.
  bool tick(Instant now);
  void stop_everything();

  const ForkMark fork_mark_;
  const HostedOptions options_;
  RegistryTypes types_;
  Shards shards_;
  RegistryWatches watches_;
  SlotMoves slots_;
  ReadCount lookups_;                        ///< Those that took no lock.
  std::atomic<std::int64_t> coarse_now_{0};  ///< The time at the last tick, Instant::ns.
  TurnProbe delay_;
  TurnProbe backlog_;
};

}  // namespace reki
