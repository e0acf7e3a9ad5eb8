#pragma once

#include <atomic>
#include <memory>
#include <string_view>

#include "reki/core/base/cond_var.hpp"
#include "reki/core/config/config.hpp"
#include "reki/core/view/view.hpp"
#include "reki/node/actors/factories.hpp"
#include "reki/node/membership/membership_observer.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/server/server_events.hpp"
#include "reki/node/support/log.hpp"

namespace reki {

class MembershipThread;
class DataDir;
class Server;
class VoterStore;

struct NodeOptions {
  Incarnation incarnation{};  ///< 0: a random one.
  LogSink log{};
  /// How long stop() waits for handlers that run.
  Duration stop_grace = limits::stop_grace_default;
  /// Takes the nodes of the config as up for ever, without leases and failover: for tests of what lies above, and for
  /// programs of one node.
  bool fixed_view = false;
  /// How long start() waits for the node to be let in; 0: not at all, see `ready`.
  Duration join_timeout = std::chrono::seconds(30);
  /// How long stop() waits for the others to take over what this node has.
  Duration leave_timeout = std::chrono::seconds(10);
  /// After so long without a free worker, since as many as may run are in handlers, the node lets its lease go. Generous:
  /// a database that everybody waits for must not end node after node.
  Duration workers_stuck = limits::workers_stuck_default;
  /// Shared with a guard; null: one of its own. Must outlive the node.
  LeasePage* page = nullptr;
  /// Connections that are remembered. Less if the process may not open that many files.
  std::size_t sessions_max = limits::sessions_per_node_max;
};

/// One node of a cluster: serves the keys that it owns to clients and other nodes, and is the registry through which
/// its own actors and the program around it reach any key of the cluster.
///
///     auto node = reki::Node::start(*reki::parse_config(text, "cluster.toml"), "n1", std::move(factories));
///     auto counter = (*node)->lookup_or_start<Counter>("user_123").get();
///
/// Keys of this node take no network. `list` and `count` go through all nodes; `describe` is about this one.
/// Thread-safe, except for start and stop. Callbacks of calls to other nodes run on the node's data thread.
class Node final : public Registry, private MembershipObserver {
 public:
  /// Starts to serve. The config's types are added to `factories` as `configure_types` does (plugin.hpp).
  /// Fails with `bad_config` (no such node, a type that is nowhere), `bad_plugin`, `address_in_use`, `bad_data_dir` (another
  /// has it, or the disk does not do), `unavailable` (not let in within `join_timeout`: the text says what is missing).
  [[nodiscard]] static Result<std::unique_ptr<Node>> start(const Config& config, std::string_view id,
                                                           Factories factories, const NodeOptions& options = {});
  /// stop().
  ~Node() override;

  /// Leaves the cluster, so that others take over without a gap (at most `leave_timeout`), and stops: takes nothing new,
  /// stops all actors (at most `stop_grace`), sends the last replies, closes, joins.
  /// False if handlers were still running at the end of their grace: end the process then, since they may still use
  /// this. The second time it does nothing.
  bool stop();
  /// True from its first lease as a member until it is fenced or stop() begins.
  [[nodiscard]] bool ready() const { return ready_; }
  /// False if it is not at the end of `timeout`.
  bool wait_until_ready(Duration timeout);
  /// Why it is not ready, for people: what it waits for, and what to do.
  [[nodiscard]] std::string why_not_ready() const;

  /// With a fixed view: who owns what from now on. One that is not newer is ignored.
  void set_view(std::shared_ptr<const View> view);
  /// Null before it knows one.
  [[nodiscard]] std::shared_ptr<const View> view() const;

  [[nodiscard]] const NodeId& id() const { return id_; }
  /// Changes when the cluster has gone on without it and it has joined anew.
  [[nodiscard]] Incarnation incarnation() const { return Incarnation{incarnation_.load()}; }
  /// Where it listens: "tcp://host:port", with the port that it has got.
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] RuntimeStats actor_stats() const { return local_.stats(); }
  [[nodiscard]] ServerStats server_stats() const;

  void submit(Submission submission, Completion done) override;
  void submit_many(std::vector<Posting> postings) override;
  Answer exchange(Submission& submission) override;
  Live find_live(std::string_view type, std::string_view key) override;
  Result<NodeId> owner(std::string_view type, std::string_view key) const override;
  /// The callback runs on the node's data thread. That this node stops is told as `ended` without a node.
  [[nodiscard]] Result<Watch> watch(WatchFilter filter, WatchCallback callback) override;

 private:
  /// Where a key is.
  struct Place {
    const Member* owner = nullptr;
    bool here = false;
  };

  Node(const Config& config, NodeId id, Factories factories, const NodeOptions& options);
  Result<void> open(const NodeConfig& self, const NodeOptions& options);
  Result<void> join(const Config& config, const NodeConfig& self, const NodeOptions& options);
  Result<void> open_data_dir(const Config& config, const NodeConfig& self);
  std::shared_ptr<const ClusterHooks> cluster_hooks();
  void publish(std::shared_ptr<const View> view, Incarnation incarnation);
  void set_ready(bool ready);
  void rerouted(std::string type, std::string key, EnvelopePtr request);
  void hand_over(HandedOver state);

  // Membership thread
  void installed(const std::shared_ptr<const View>& view, Incarnation incarnation) override;
  void lost(const SlotSet& slots) override { local_.lose(slots); }
  bool is_done_with(const SlotSet& slots) override;
  void revoke(const SlotSet& slots) override { local_.revoke(slots); }
  void gained(const SlotSet& slots, Epoch epoch) override { local_.gain(slots, epoch); }
  void fenced(Incarnation now) override;
  void resumed() override;
  std::string stuck(Instant now, Duration step_max) override;
  bool is_quiet() override { return local_.is_quiet() && handing_over_.load() == 0; }

  [[nodiscard]] Place place_of(const View& view, std::string_view type, std::string_view key) const;
  void forward(Submission&& submission, NodeId to, Completion done);
  void ask_all(Submission&& submission, Completion done);
  /// The request as it is, to one node, this one or another.
  void ask(const NodeId& node, Submission&& submission, Completion done);
  Bytes status() const;
  [[nodiscard]] std::uint64_t slots_here(const View* view) const;
  [[nodiscard]] bool votes(const View* view) const;

  // Constant after start().
  const NodeId id_;
  const std::string cluster_;
  const bool fixed_;
  const Duration stop_grace_;
  const Duration leave_timeout_;
  const Duration workers_stuck_;
  const LogSink log_;
  const Instant started_;
  std::string address_;
  std::uint64_t store_number_ = 0;     // of its voter's register; 0: it has none
  std::unique_ptr<DataDir> data_dir_;  // before all that runs actors: its lock says that they may run

  // Any thread.
  std::atomic<bool> ready_ = false;
  std::atomic<bool> leaving_ = false;
  std::atomic<std::uint64_t> incarnation_;
  std::atomic<int> handing_over_{0};  ///< States on their way to their next owners.
  mutable Mutex view_mutex_;  // not an atomic shared_ptr: libstdc++ 12's is a data race to ThreadSanitizer
  CondVar ready_changed_;
  std::shared_ptr<const View> view_ ABSL_GUARDED_BY(view_mutex_);
  std::unique_ptr<LeasePage> own_page_;
  LeasePage* const page_;
  HostedRegistry local_;
  std::unique_ptr<Server> server_;  // after local_, which it serves from
  std::unique_ptr<VoterStore> store_;
  std::unique_ptr<MembershipThread> membership_thread_;  // after all that it controls

  bool stopped_ = false;  // the thread of start and stop
  bool stopped_in_time_ = true;
};

}  // namespace reki
