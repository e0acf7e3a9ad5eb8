#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "reki/actor/registry.hpp"
#include "reki/core/view/slot_set.hpp"
#include "reki/node/actors/factories.hpp"
#include "reki/node/registry/cluster_hooks.hpp"
#include "reki/node/support/rcu/rcu_ptr.hpp"

namespace reki {

class Runtime;

struct RuntimeOptions {
  int workers = 0;                ///< Threads that run actors; 0: one a core.
  int blocking_threads_max = 256;  ///< More for what blocks: types with `blocking`, and functions that do it unannounced.
  std::uint64_t hash_seed = 0;    ///< Of the cluster's view.
  NodeId node{};                  ///< This node's id, for answers and contexts; empty without a cluster.
  Incarnation incarnation{1};     ///< The node's, for the positions of watchers. Not 0.
  /// Of a node whose slots come and go; null: all slots are here, for ever, under epoch 1.
  std::shared_ptr<const ClusterHooks> cluster_hooks{};
  /// Called for what nobody waits for: crashes, on_stop that throws, messages dropped. On any thread; must not block.
  std::function<void(std::string_view event, std::string_view type, std::string_view key, std::string_view text)> log{};
};

/// What a registry has done since it was made, and holds now.
struct RuntimeStats {
  std::uint64_t actors = 0;  ///< Keys with an actor, now.
  std::uint64_t lookups = 0;
  std::uint64_t starts = 0;
  std::uint64_t start_failures = 0;
  std::uint64_t messages = 0;  ///< Handled.
  std::uint64_t crashes = 0;
  std::uint64_t restarts = 0;
  std::uint64_t stops = 0;
  std::uint64_t passivations = 0;
  std::uint64_t expired = 0;     ///< Messages and look-ups whose deadline passed before they were begun.
  std::uint64_t overloaded = 0;  ///< Refused at a bound.
};

/// A registry inside one process: actors, their supervisor and their threads, without a network.
///
///     reki::LocalRegistry registry{std::move(factories)};
///     auto counter = registry.lookup_or_start<Counter>("user_123").get();
///     counter->call(Increment{2}).get();
///
/// Every key has at most one actor. Two registries share nothing. Thread-safe.
class LocalRegistry final : public Registry {
 public:
  explicit LocalRegistry(Factories factories, const RuntimeOptions& options = {});
  /// close(limits::stop_grace_default).
  ~LocalRegistry() override;

  /// Refuses new requests with `shutting_down`, stops all actors, the youngest first, and waits for them; at the latest
  /// after `grace` it returns. False if functions of actors were still running then: their threads are left to end by
  /// themselves, and what they use stays until they do.
  bool close(Duration grace);

  void submit(Submission submission, Completion done) override;
  Answer exchange(Submission& submission) override;
  Live find_live(std::string_view type, std::string_view key) override;
  Result<NodeId> owner(std::string_view type, std::string_view key) const override;
  /// Of keys and types; callbacks run on the thread on which it happens. `unknown_type`, and `unsupported` for nodes.
  [[nodiscard]] Result<Watch> watch(WatchFilter filter, WatchCallback callback) override;

  /// Who has sent requests. Called on the thread that serves them.
  class ReplySink {
   public:
    /// Where the answer is to go; empty if nobody wants one.
    virtual Completion expect(const wire::Request& request) = 0;
    /// The answer to a look-up of a live actor, which is there at once.
    virtual void found(const wire::Request& request, Fence fence, bool started) = 0;

   protected:
    ~ReplySink() = default;
  };
  /// Serves requests from the wire that came together, in their order; their deadlines begin now. Look-ups of live actors,
  /// `list`, `count`, `describe` and refusals are answered before it returns, on this thread. Does not check who owns the
  /// keys. Handles all operations but `status`, `view` and `watch`.
  void serve(std::span<const wire::Request> requests, Incarnation from, ReplySink& sink);
  /// Whom a key belongs to instead, by the view of an epoch.
  struct OtherOwner {
    NodeId node;  ///< Empty: nobody.
    Epoch epoch;
  };
  /// Serves `watch` of a key or type; answers at once if there is something to tell.
  void serve_watch(const wire::Request& request, std::optional<OtherOwner> other, Completion done);
  /// Answers the open questions about keys whose hash is chosen: they may have another owner now.
  void release_watches(const std::function<bool(std::uint64_t hash)>& chosen);
  /// Tells all watchers that nothing more happens here, if no slot is here and no actor.
  void end_watches_if_vacated();
  /// What contexts give their actors as registry: the node, if this is part of one. Before any actor is started.
  void set_self_registry(Registry& self_registry);

  [[nodiscard]] RuntimeStats stats() const;

  // For the membership of the node that this is part of (ClusterHooks): on one thread. See Runtime.
  void expect(const SlotSet& owned);
  void expect_only(const SlotSet& owned);
  void gain(const SlotSet& slots, Epoch epoch);
  void lose(const SlotSet& slots);
  void revoke(const SlotSet& slots);
  [[nodiscard]] bool is_empty(const SlotSet& slots);
  [[nodiscard]] bool is_quiet();
  [[nodiscard]] Duration delay(Instant now, Duration step_max);
  /// For how long a turn of an actor has been waiting that was queued at an earlier call of this; a pause between two calls
  /// counts as `step_max` at most. From the data thread alone.
  [[nodiscard]] Duration backlog(Instant now, Duration step_max);
  void resume();
  /// Drops all actors without a word to them, and begins anew with none, as another life: others may have the slots.
  void start_over(Incarnation incarnation);

  // Any thread.
  /// Keeps a state that another node hands over until its slot is here.
  [[nodiscard]] Result<void> arrive(HandedOver&& state);
  /// A request that was under way, as if it had come anew.
  void readmit(std::string_view type, std::string_view key, EnvelopePtr request);

 private:
  const NodeId node_;
  const std::function<std::shared_ptr<Runtime>(Incarnation)> make_;
  RcuPtr<Runtime> runtime_;
  Registry* self_registry_;
  std::vector<std::thread> ends_;     ///< Of runtimes that were dropped: they wait for handlers that still run.
};

}  // namespace reki
