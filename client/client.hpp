#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "reki/actor/registry.hpp"
#include "reki/core/config/config.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

struct ClientOptions {
  /// The cluster's name, so that staging never talks to production. Empty: that of the first node that answers; for
  /// a person who names an address by hand.
  std::string cluster{};
  std::vector<std::string> addresses{};  ///< "tcp://host:port" of any of the nodes; the others are learned from these.
  std::string name{};                    ///< For the nodes' logs; at most 64 bytes, may be empty.
  Duration connect_timeout = std::chrono::seconds(5);  ///< For the first answer of any of the nodes. > 0.

  /// All nodes of a config.
  static ClientOptions of(const Config& config);
};

/// What a node says of itself: counters and names.
using NodeStatus = std::map<std::string, std::variant<std::uint64_t, double, std::string>>;

/// The registry of a cluster, from outside.
///
///     auto client = reki::Client::connect({.cluster = "demo", .addresses = {"tcp://127.0.0.1:7701"}});
///     auto counter = (*client)->lookup_or_start<Counter>("user_123").get();
///     counter->call(Increment{2}).get();
///
/// Thread-safe. One thread of its own does input and output: it goes straight to the owner of each key, sends all that is
/// waiting for a node in one frame, follows the cluster as it changes, and runs callbacks, which must not block; what one throws
/// is counted and logged (failed_callbacks).
/// A caller that blocks does the input and output itself while nothing else is under way. Every call is answered by its
/// deadline, and a few milliseconds for the answer to arrive.
///
/// Destroying it answers what is under way with `shutting_down`, except for a `call` or `send` that has been sent:
/// `unknown_outcome`. Not to be destroyed by one of its own callbacks.
class Client final : public Registry {
 public:
  /// Blocks until one of the nodes has said what the cluster looks like. Fails with `invalid_argument`,
  /// `wrong_cluster`, `version_mismatch`, or `unreachable`, with what became of each address.
  static Result<std::unique_ptr<Client>> connect(ClientOptions options);
  ~Client() override;

  void submit(Submission submission, Completion done) override;
  void submit_many(std::vector<Posting> postings) override;
  Answer exchange(Submission& submission) override;
  /// From the table that this client goes by.
  Result<NodeId> owner(std::string_view type, std::string_view key) const override;
  /// The callback runs on the client's own thread. That the client is destroyed is told as `ended` without a node.
  [[nodiscard]] Result<Watch> watch(WatchFilter filter, WatchCallback callback) override;

  /// Who is in the cluster and who owns what, as far as this client knows. Never null.
  std::shared_ptr<const View> view() const;
  /// What one node says of itself.
  Operation<NodeStatus> status(std::string_view node, CallOptions options = {});

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reki
