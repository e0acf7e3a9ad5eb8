#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "reki/core/base/cond_var.hpp"
#include "reki/core/membership/control_codec.hpp"
#include "reki/core/membership/membership.hpp"
#include "reki/net/etcd/etcd_client.hpp"
#include "reki/net/task_queue.hpp"
#include "reki/node/disk/store_writer.hpp"
#include "reki/node/guard/lease_page.hpp"
#include "reki/node/membership/membership_links.hpp"
#include "reki/node/membership/membership_observer.hpp"
#include "reki/node/support/log.hpp"

namespace reki {

/// What a node knows of its own membership, for people.
struct ControlStatus {
  membership::MemberAgent::Phase phase = membership::MemberAgent::Phase::joining;
  NodeId coordinator;
  Term term;
  Epoch installed;
  Instant lease_end;
  bool is_coordinator = false;
  bool votes = false;
  std::uint64_t frames = 0;
  std::uint64_t bad_frames = 0;
  std::uint64_t dropped = 0;
};

/// The membership thread: carries out what the membership machine of a node decides. It has its own context, socket and
/// connections, so that bulk traffic cannot delay a renewal, and its own disk thread, so that an fsync cannot either.
///
/// Made and destroyed on one thread, in this order: `bind`, `start`, `leave`, `stop`.
///
/// More members than a class should have: it is where the machine meets what it moves, each a part of its own (links, disk
/// writer, lease page, status), and none of them knows another.
class MembershipThread {
 public:
  struct Options {
    std::string listen;   ///< "tcp://host:port"; port 0: any free one.
    std::string cluster;
    membership::Membership::Options machine;  ///< Without its own control address, which comes of `listen`.
    std::vector<std::pair<NodeId, std::string>> peers;  ///< Where nodes are that the config knows.
    std::optional<etcd::Options> etcd;  ///< Where the register is, if it is there.
    LeasePage* page = nullptr;  ///< Shared with the guard and the workers.
    LogSink log;
  };

  /// `address_in_use` if the address cannot be bound. `node` and `store` must outlive this; no store: no voter.
  [[nodiscard]] static Result<std::unique_ptr<MembershipThread>> bind(Options options, MembershipObserver& node, VoterStore* store);
  ~MembershipThread();
  MembershipThread(const MembershipThread&) = delete;
  MembershipThread& operator=(const MembershipThread&) = delete;

  void start();

  // Any thread.
  /// A frame on the data plane said so.
  void heard_epoch(NodeId from, Epoch epoch);
  /// Something that `is_done_with` depends on has happened.
  void look_again() { tasks_.wakeup().signal(); }
  [[nodiscard]] ControlStatus status() const;
  [[nodiscard]] const std::string& address() const { return address_; }

  /// Hands everything over and leaves; returns once the node is out; at the end of `limit`, or of its lease, with false.
  bool leave(Duration limit);
  /// Lets another become coordinator if this node is it, and joins.
  void stop();

 private:
  struct HeardEpoch {
    NodeId from;
    Epoch epoch;
  };
  struct Leave {};
  struct EtcdAnswered {
    membership::EtcdReply reply;
    std::string error;  ///< For people; empty: none.
  };
  using Task = std::variant<HeardEpoch, Leave, StoreWriter::Written, EtcdAnswered>;
  /// Slots that are being given up.
  struct Leaving {
    SlotSet slots;
    Incarnation of;
    Instant revoke_at;
    Instant done_at;  ///< After a revocation: what had passed its last look at the gate has left by then.
  };

  MembershipThread(Options options, MembershipObserver& node, VoterStore* store);

  void run();
  void round();
  void wait();
  void read_frames();
  void read(const std::string& route, BytesView bytes);
  void take_tasks();
  void take(const EtcdAnswered& answered);
  void effects();
  void apply(const membership::AgentEvent& event);
  void send(const membership::Outbox::Item& item);
  void finish_leaving();
  void part();
  void write_notice();
  void note_quiet();
  void watch_progress();
  void publish();
  [[nodiscard]] membership::Clocks clocks();
  void log(LogLevel level, std::string_view event, const std::string& fields) const;

  const Options options_;
  const NodeId self_;
  MembershipObserver& node_;
  std::string address_;

  // Any thread.
  TaskQueue<Task> tasks_;
  std::atomic<bool> stopping_ = false;
  mutable Mutex status_mutex_;
  CondVar status_changed_;
  ControlStatus status_ ABSL_GUARDED_BY(status_mutex_);

  // Membership thread only, once it runs.
  MembershipLinks links_;
  std::unique_ptr<membership::Membership> machine_;
  std::optional<StoreWriter> writer_;
  std::optional<etcd::Client> etcd_;
  bool etcd_answers_ = true;
  std::optional<membership::ControlWriter> frames_out_;
  std::vector<Leaving> leaving_;
  bool parted_ = false;
  bool stuck_ = false;
  std::map<NodeId, Epoch> epochs_;        ///< The views that others have told of: deltas to them are small.
  std::map<NodeId, std::string> routes_;  ///< Of those who cannot be connected to.
  membership::Clocks now_;
  Instant lease_end_;
  bool more_to_read_ = false;
  std::uint64_t frames_ = 0;
  std::uint64_t bad_frames_ = 0;
  std::vector<membership::Outbox::Item> messages_;
  std::vector<Task> taken_;
  std::vector<zmq::pollitem_t> items_;

  std::thread thread_;
};

}  // namespace reki
