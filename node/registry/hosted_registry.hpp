#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "reki/core/base/fork.hpp"
#include "reki/core/view/slot_set.hpp"
#include "reki/node/registry/local_registry.hpp"
#include "reki/node/registry/shards/cluster_hooks.hpp"
#include "reki/node/registry/shards/reply_sink.hpp"
#include "reki/node/support/rcu/rcu_ptr.hpp"

namespace reki {

/// How a registry is made that is part of a node.
struct HostedOptions : RuntimeOptions {
  std::uint64_t hash_seed = 0;     ///< Of the cluster's view.
  NodeId node{};                   ///< This node's id, for answers and contexts; empty without a cluster.
  Incarnation incarnation{1};      ///< The node's, for the positions of watchers. Not 0.
  /// Of a node whose slots come and go; null: all slots are here, for ever, under epoch 1.
  std::shared_ptr<const ClusterHooks> cluster_hooks{};
};

/// The registry of one node: what LocalRegistry is to a program, with what only the node around it calls. That gives it
/// slots and takes them away, brings it requests from the wire, and lets it begin anew as another incarnation.
///
/// Thread-safe, but for the membership's calls, on one thread. What belongs to one incarnation is in its Runtime.
class HostedRegistry final : public Registry {
 public:
  explicit HostedRegistry(Factories factories, const HostedOptions& options = {});
  /// close(limits::stop_grace_default).
  ~HostedRegistry() override;

  /// As LocalRegistry's.
  bool close(Duration grace);
  void submit(Submission submission, Completion done) override;
  Answer exchange(Submission& submission) override;
  /// The same for a registry that has this one: what it is to be asked for need not be here.
  Answer exchange_by(Registry& registry, Submission& submission);
  Live find_live(std::string_view type, std::string_view key) override;
  Result<NodeId> owner(std::string_view type, std::string_view key) const override;
  [[nodiscard]] Result<Watch> watch(WatchFilter filter, WatchCallback callback) override;
  [[nodiscard]] RuntimeStats stats() const;
  [[nodiscard]] bool is_in_child() const { return fork_mark_.is_in_child(); }

  // For the node's server.

  /// Serves requests from the wire that came together, in their order; their deadlines begin now. Look-ups of live actors,
  /// `list`, `count`, `describe` and refusals are answered before it returns, on this thread. Does not check who owns the
  /// keys. Handles all operations but `status`, `view` and `watch`.
  /// REQUIRES: each keeps its bounds (wire::check), as what a RequestReader gives does.
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
  /// What contexts give their actors as registry: the node. Before any actor is started.
  void set_self_registry(Registry& self_registry);

  // For the node's membership (ClusterHooks): on one thread. See Runtime.
  void expect(const SlotSet& owned);
  void expect_only(const SlotSet& owned);
  void gain(const SlotSet& slots, Epoch epoch);
  void lose(const SlotSet& slots);
  void revoke(const SlotSet& slots);
  [[nodiscard]] bool is_empty(const SlotSet& slots);
  /// No function of an actor runs, of a dropped incarnation neither.
  [[nodiscard]] bool is_quiet();
  [[nodiscard]] Duration delay(Instant now, Duration step_max);
  /// For how long a turn of an actor has been waiting that was queued at an earlier call of this; a pause between two calls
  /// counts as `step_max` at most. From the data thread alone.
  [[nodiscard]] Duration backlog(Instant now, Duration step_max);
  void resume();
  void granted();
  /// Drops all actors without running anything of theirs, and begins anew with none, as another incarnation.
  void start_over(Incarnation incarnation);

  // Any thread.
  /// Keeps a state that another node hands over until its slot is here.
  [[nodiscard]] Result<void> arrive(HandedOver&& state);
  /// A request that was under way, as if it had come anew.
  void readmit(std::string_view type, std::string_view key, EnvelopePtr request);

 private:
  /// One that was dropped. Its handlers may still run.
  struct Dropped {
    std::weak_ptr<Runtime> runtime;
    std::thread end;  ///< Waits for them.
  };

  void forget_ended();

  const NodeId node_;
  const std::function<std::shared_ptr<Runtime>(Incarnation)> make_;
  const ForkMark fork_mark_;
  RcuPtr<Runtime> runtime_;
  const bool waits_run_turns_;     ///< Executor::waits_run_turns
  Registry* self_registry_;
  std::vector<Dropped> dropped_;
  std::vector<std::function<void()>> ends_later_;  ///< What `Dropped::end` does, where there are no threads.
};

}  // namespace reki
