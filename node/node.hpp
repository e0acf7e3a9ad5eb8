#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>

#include "reki/core/config.hpp"
#include "reki/core/view.hpp"
#include "reki/node/factories.hpp"
#include "reki/node/local_registry.hpp"
#include "reki/node/log.hpp"
#include "reki/node/server_events.hpp"

namespace reki {

class Server;

struct NodeOptions {
  Incarnation incarnation;  ///< 0: a random one.
  LogSink log;
  /// How long stop() waits for handlers that run.
  Duration stop_grace = limits::stop_grace_default;
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
  /// Fails with `bad_config` (no such node, a type that is nowhere), `bad_plugin`, `address_in_use`.
  [[nodiscard]] static Result<std::unique_ptr<Node>> start(const Config& config, std::string_view id,
                                                           Factories factories, const NodeOptions& options = {});
  /// stop().
  ~Node() override;

  /// Stops: takes nothing new, stops all actors (at most `stop_grace`), sends the last replies, closes, joins.
  /// False if handlers were still running at the end of their grace: end the process then, since they may still use
  /// this. The second time it does nothing.
  bool stop();
  /// True from the end of start() to the beginning of stop().
  [[nodiscard]] bool ready() const { return ready_; }

  /// Who owns what from now on: the seam that membership feeds. One that is not newer is ignored.
  /// Until membership comes, a node does not stop what it has lost, so that only tests have a use for it.
  void set_view(std::shared_ptr<const View> view);
  [[nodiscard]] std::shared_ptr<const View> view() const;

  [[nodiscard]] const NodeId& id() const { return id_; }
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }
  /// Where it listens: "tcp://host:port", with the port that it has got.
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] RuntimeStats actor_stats() const { return local_.stats(); }
  [[nodiscard]] ServerStats server_stats() const;

  void submit(Submission submission, Completion done) override;
  void submit_many(std::vector<Posting> postings) override;
  Answer exchange(Submission& submission) override;
  Result<NodeId> owner(std::string_view type, std::string_view key) const override;
  /// The callback runs on the node's data thread. That this node stops is told as `ended` without a node.
  [[nodiscard]] Result<Watch> watch(WatchFilter filter, WatchCallback callback) override;

 private:
  struct Place;

  Node(const Config& config, NodeId id, Factories factories, const NodeOptions& options);
  Result<void> open(const std::string& listen, const NodeOptions& options);
  [[nodiscard]] Place place_of(const View& view, std::string_view type, std::string_view key) const;
  void forward(Submission&& submission, NodeId to, Completion done);
  void list_all(Submission&& submission, Completion done);
  void count_all(Submission&& submission, Completion done);
  /// The request as it is, to one node, this one or another.
  void ask(const NodeId& node, Submission&& submission, Completion done);
  Bytes status() const;

  // Constant after start().
  const NodeId id_;
  const std::string cluster_;
  const Incarnation incarnation_;
  const Duration stop_grace_;
  const Instant started_;
  std::string address_;

  // Any thread.
  std::atomic<bool> ready_ = false;
  mutable std::mutex view_mutex_;     // not an atomic shared_ptr: libstdc++ 12's is a data race to ThreadSanitizer
  std::shared_ptr<const View> view_;  // guarded by view_mutex_
  LocalRegistry local_;
  std::unique_ptr<Server> server_;  // after local_, which it serves from

  bool stopped_ = false;  // the thread of start and stop
  bool stopped_in_time_ = true;
};

}  // namespace reki
