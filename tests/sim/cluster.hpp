#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "clients.hpp"
#include "node.hpp"
#include "rescue.hpp"
#include "world.hpp"

namespace reki::sim {

/// A cluster as `reki init` makes it and the time that passes in it: gives each event to whom it is for.
class Cluster final : public Truth {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::size_t nodes = 5;
    std::size_t voters = 3;
    bool etcd = false;  ///< The register is there, and there are no voters.
    std::size_t clients = 5;
    Time think = 60 * millisecond;  ///< Of a client between calls, on average.
    membership::Timing timing;
    Weather weather;
    std::uint64_t events_max = UINT64_MAX;  ///< More are a violation: nodes that excite each other.
    bool verbose = false;
  };
  explicit Cluster(const Options& options);

  /// Starts all processes and clients, within a second.
  void begin();
  /// Lets time pass until an event that is for nobody in here (a fault, its relief), which it returns; until `end`, or
  /// a violation: then it returns nothing.
  std::optional<Event> run_until(Time end);

  // What faults do

  void freeze(std::uint16_t node, Time lasts, bool suspended);
  /// `deaf`: what other nodes say to it meanwhile is lost; what clients say is not.
  void stop_machine(std::uint16_t node, Time lasts, bool deaf);
  void boot_at(std::uint16_t node, Time at);
  void crash(std::uint16_t node, bool guarded);
  void leave(std::uint16_t node, Time away);
  /// Everything that was wrong is right again: processes run, the network is whole, configs say what the view says.
  void heal();

  // What can be asked

  [[nodiscard]] bool gate_open(std::uint16_t node) const override;
  [[nodiscard]] Time when_was(std::uint16_t node, Instant boot) const override;
  /// The node that leads in the highest term, if any.
  [[nodiscard]] std::optional<std::uint16_t> coordinator() const;
  /// Why it is not the case that all nodes are members that hold what they own; empty when it is.
  [[nodiscard]] std::string trouble();
  /// Voters of the newest view whose store is on no disk.
  [[nodiscard]] std::size_t stores_missing() const;
  /// When an empty store was last taken away again that its node had offered to be a voter with; 0: never.
  Time offer_gone_at = 0;
  Time voters_asked_at = 0;  ///< When people last asked for other voters.
  Rescue rescue;             ///< That there is, or was.

  World& world() { return world_; }
  Node& node(std::uint16_t index) { return *nodes_[index]; }
  Clients& clients() { return clients_; }
  [[nodiscard]] std::uint16_t size() const { return static_cast<std::uint16_t>(nodes_.size()); }

 private:
  void dispatch(const Event& event);
  void boot(Node& node);
  void to_node(const Event& event);
  void drop(const Event& event);
  void thaw(std::uint16_t node);
  void say_stopped(const Event& event);

  const Options options_;
  World world_;
  std::vector<std::unique_ptr<Node>> nodes_;
  Clients clients_;
  struct Death {
    membership::Stopped said;
    Lineage lineage;  ///< Of the process.
  };
  std::vector<Death> deaths_;
};

}  // namespace reki::sim
