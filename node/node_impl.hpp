#pragma once

#include <memory>
#include <string>

#include "reki/core/config/config_print.hpp"
#include "reki/node/cluster_registry.hpp"
#include "reki/node/node.hpp"

namespace reki {

class MembershipThread;
class DataDir;
class Server;
class VoterStore;

/// What a Node is inside: its registry, server and membership, how they are put together, and in which order they begin
/// and end.
///
/// More members than a class should have: the parts of a node, each once, in the order of their making.
///
/// Threads as in Node.
class Node::Impl final {
 public:
  Impl(const Config& config, NodeId id, Factories factories, const NodeOptions& options);
  /// stop().
  ~Impl();
  /// Node::start, but for the checks of config and types.
  [[nodiscard]] Result<void> start(const Config& config, const NodeConfig& self, const NodeOptions& options);

  // As Node has them.
  bool stop();
  [[nodiscard]] std::string why_not_ready() const;
  [[nodiscard]] const NodeId& id() const { return id_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] ServerStats server_stats() const;
  [[nodiscard]] ClusterRegistry& registry() { return registry_; }

 private:
  ClusterRegistry::Ports ports();
  Result<void> open(const NodeConfig& self, const NodeOptions& options);
  Result<void> join(const Config& config, const NodeConfig& self, const NodeOptions& options);
  Result<void> open_data_dir(const Config& config, const NodeConfig& self);
  Bytes status() const;
  [[nodiscard]] std::uint64_t slots_here(const View* view) const;
  [[nodiscard]] static bool votes(const View* view, std::uint64_t store);

  // Constant after start().
  const NodeId id_;
  const std::string cluster_;
  const bool fixed_;
  const Duration stop_grace_;
  const Duration leave_timeout_;
  const LogSink log_;
  const Instant started_;
  std::string address_;
  membership::ConfigSaid config_print_;
  std::unique_ptr<DataDir> data_dir_;  // before all that runs actors: its lock says that they may run

  // Each is a part with threads or callers of its own.
  std::unique_ptr<LeasePage> own_page_;
  LeasePage* const page_;
  ClusterRegistry registry_;
  std::unique_ptr<Server> server_;  // after registry_, which it serves from
  std::unique_ptr<VoterStore> store_;
  std::unique_ptr<MembershipThread> membership_thread_;  // after all that it controls

  bool stopped_ = false;  // the thread of start and stop
  bool stopped_in_time_ = true;
};

}  // namespace reki
