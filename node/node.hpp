#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reki/actor/registry.hpp"
#include "reki/core/base/fork.hpp"
#include "reki/core/config/config.hpp"
#include "reki/core/view/view.hpp"
#include "reki/node/actors/factories.hpp"
#include "reki/node/registry/local_registry.hpp"
#include "reki/node/server/server_stats.hpp"
#include "reki/node/support/log.hpp"

namespace reki {

class LeasePage;

struct NodeOptions {
  Incarnation incarnation{};  ///< 0: a random one.
  LogSink log{};
  /// How long stop() waits for handlers that run; and then for answers of other nodes to what has been passed on to them, as the
  /// queues of actors that have moved.
  Duration stop_grace = limits::stop_grace_default;
  /// Takes the nodes of the config as up for ever, without leases and failover: for tests of what lies above, and for
  /// programs of one node.
  bool fixed_view = false;
  /// How long start() waits for the node to be let in; 0: not at all, see `ready`.
  Duration join_timeout = std::chrono::seconds(30);
  /// How long stop() waits for the others to take over what this node has.
  Duration leave_timeout = std::chrono::seconds(10);
  /// How long stop() waits at its end for clients that have not read their last replies yet, and keep the connection open.
  Duration goodbye_time = limits::goodbye_time_max;
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
class Node final : public Registry {
 public:
  /// Starts to serve. The config's types are added to `factories` as `configure_types` does (plugin.hpp).
  /// Fails with `bad_config` (no such node, a type that is nowhere), `bad_plugin`, `address_in_use`, `bad_data_dir`,
  /// `data_dir_unavailable` (a process has it, or the disk does not do), `unavailable` (not let in within `join_timeout`: the text says what is missing).
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
  [[nodiscard]] bool ready() const;
  /// False if it is not at the end of `timeout`.
  bool wait_until_ready(Duration timeout);
  /// Why it is not ready, for people: what it waits for, and what to do.
  [[nodiscard]] std::string why_not_ready() const;

  /// With a fixed view: who owns what from now on. One that is not newer is ignored.
  void set_view(std::shared_ptr<const View> view);
  /// Null before it knows one.
  [[nodiscard]] std::shared_ptr<const View> view() const;

  [[nodiscard]] const NodeId& id() const;
  /// Changes when the cluster has gone on without it and it has joined anew.
  [[nodiscard]] Incarnation incarnation() const;
  /// Where it listens: "tcp://host:port", with the port that it has got.
  [[nodiscard]] const std::string& address() const;
  [[nodiscard]] RuntimeStats actor_stats() const;
  [[nodiscard]] ServerStats server_stats() const;

  void submit(Submission submission, Completion done) override;
  void submit_many(std::vector<Posting> postings) override;
  Answer exchange(Submission& submission) override;
  Live find_live(std::string_view type, std::string_view key) override;
  Result<NodeId> owner(std::string_view type, std::string_view key) const override;
  /// The callback runs on the node's data thread. That this node stops is told as `ended` without a node.
  [[nodiscard]] Result<Watch> watch(WatchFilter filter, WatchCallback callback) override;

 private:
  class Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;  // never another
  const ForkMark fork_mark_;
};

}  // namespace reki
