#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "network.hpp"
#include "oracle.hpp"
#include "reki/core/membership/lease_watch.hpp"
#include "reki/node/cluster_registry.hpp"
#include "reki/node/membership/membership_driver.hpp"
#include "reki/node/server/data_plane.hpp"

namespace reki::cluster {

struct Machine;

/// Something that a thread has to do at a time: at most one turn of it is on its way.
struct TurnSlot {
  Instant due = Instant::never();
  std::uint64_t ticket = 0;
};

/// One process of a node, without its threads and sockets: the node's own ClusterRegistry, DataPlane and MembershipDriver,
/// whose turns the world runs when the seed says so.
class Process final : public std::enable_shared_from_this<Process>,
                      private ControlLinks,
                      private FrameSink,
                      private MembershipObserver {
 public:
  Process(World& world, Machine& machine, std::uint32_t number);
  ~Process();

  void begin();
  [[nodiscard]] bool alive() const { return host->alive; }
  /// Gone from one moment to the next.
  void die();
  /// Hands over and goes.
  void leave();
  /// Nothing of it runs, and its clock goes on. `guard_too`: the whole machine stands still.
  void pause(bool guard_too);
  void resume();
  /// `on_start` of an actor has begun: a fault may have waited for that. True: the machine stands still now.
  bool start_begins();
  /// No turn of an actor begins, as on a machine that has other work for its processors.
  void stall_workers(bool stall);
  /// Arranges for what has to be done next. After anything has happened.
  void poll();
  void written(std::uint64_t version) {
    tasks_.emplace_back(MembershipDriver::Written{version});
    poll();
  }
  void etcd_answered(membership::EtcdReply reply) {
    const bool is_known = reply.outcome != membership::EtcdReply::Outcome::unknown;
    tasks_.emplace_back(MembershipDriver::EtcdAnswered{std::move(reply), is_known ? "" : "etcd does not answer"});
    poll();
  }
  /// Before it is destroyed: what waits in it ends without effect.
  void unfreeze() { stands_still_ = false; }
  /// Nothing of it is on the stack of the one thread that there is.
  [[nodiscard]] bool may_be_destroyed() const { return busy == 0; }

  // The network
  void came(const ConnectionPtr& connection, Bytes frame);
  void came_control(Bytes frame);

  // The world's questions
  [[nodiscard]] ClusterRegistry& registry() { return registry_; }
  [[nodiscard]] DataPlane& plane() { return plane_; }
  [[nodiscard]] ControlStatus status() const { return driver_.status(); }
  [[nodiscard]] Machine& machine() { return machine_; }

  const HostPtr host;
  int busy = 0;  ///< Functions of it that are on the stack.

 private:
  struct LostSlots {
    SlotSet slots;
    Instant at;
  };

  Factories factories();
  ClusterRegistry::Options registry_options();
  DataPlane::Options plane_options();
  MembershipDriver::Options driver_options();
  MembershipDriver::Ports driver_ports();

  void arrange(TurnSlot& slot, Instant due, Duration latency, void (Process::*turn)());
  void look_again();
  void control_turn();
  void data_turn();
  void look_as_guard();
  void look_as_guard_at(Instant when);
  void give(const ConnectionPtr& connection, const std::string& route, const Bytes& frame);
  void note_zombie(const ConnectionPtr& connection, const std::string& route, const Bytes& frame);
  void check_replies(const std::string& route, BytesView frame);
  void check_lost();
  /// No state is taken for a key of another node.
  void check_elsewhere(const View& view);

  // ControlLinks
  void learn(const NodeId& node, const std::string& control) override;
  void learn(const View& view) override;
  [[nodiscard]] bool is_at(const NodeId& node, const std::string& control) const override;
  void send(const NodeId& to, BytesView frame) override;
  void send_to_stranger(const std::string& control, BytesView frame) override;
  void answer(const std::string&, BytesView) override {}
  [[nodiscard]] std::vector<std::string> addresses() const override;
  // FrameSink
  Sent send(std::string_view route, BytesView frame) override;
  // MembershipObserver: tells the oracle, and then the node.
  void installed(const std::shared_ptr<const View>& view, Incarnation incarnation) override;
  void lost(const SlotSet& slots) override;
  bool is_done_with(const SlotSet& slots) override;
  void revoke(const SlotSet& slots) override;
  void gained(const SlotSet& slots, Epoch epoch) override { registry_.gained(slots, epoch); }
  void fenced(Incarnation now) override;
  void resumed() override;
  void granted() override { registry_.granted(); }
  std::string stuck(Instant now, Duration step_max) override { return registry_.stuck(now, step_max); }
  bool is_quiet() override { return registry_.is_quiet(); }

  World& world_;
  Machine& machine_;
  bool stands_still_ = false;
  bool workers_stall_ = false;
  std::map<NodeId, std::string> control_addresses_;
  std::vector<LostSlots> lost_;
  std::map<std::string, std::set<std::uint64_t>> zombies_;  ///< By route: requests that are to be refused.

  // The node.
  ClusterRegistry registry_;
  ServerEvents events_;
  DataPlane plane_;
  Links links_;
  MembershipDriver driver_;
  LeaseWatch guard_;

  // What waits for a turn.
  struct Came {
    ConnectionPtr connection;
    std::string route;
    Bytes frame;
  };
  std::deque<Came> inbox_;
  std::deque<Bytes> control_inbox_;
  std::deque<MembershipDriver::Task> tasks_;
  bool looks_again_ = false;
  TurnSlot control_slot_;
  TurnSlot data_slot_;
  bool guard_paused_ = false;
};

/// What outlives a process: the machine's disk, and what is wrong with the machine.
struct Machine {
  Machine(World& w, Endpoint e) : world(w), endpoint(e) {}

  World& world;
  const Endpoint endpoint;
  NodeId id;
  std::shared_ptr<Process> process;
  std::vector<std::shared_ptr<Process>> dead;
  std::uint32_t processes = 0;
  bool leaves = false;

  // The disk.
  std::optional<membership::VoterRecord> disk;
  std::optional<membership::Membership::Write> writing;
  std::optional<membership::Membership::Write> waiting;
  Incarnation kept;  ///< The incarnation that was let in last.
  Duration disk_usual = std::chrono::milliseconds(2);
  // Faults.
  Duration control_latency{0};
  Duration data_latency{0};
  int etcd_cuts = 0;  ///< > 0: it does not reach etcd.
  std::function<void()> at_next_start;  ///< What happens once an actor starts there.

  void start();
  /// `guarded`: its guard tells of it. Else the whole machine is gone, and its connections with it, unnoticed.
  void crash(bool guarded);
  void came_control(const Bytes& frame) {
    if (process) process->came_control(frame);
  }
  void write(membership::Membership::Write next);
  void reap();

 private:
  void write_next();
};

}  // namespace reki::cluster
