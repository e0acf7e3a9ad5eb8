#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "reki/core/base/cond_var.hpp"
#include "reki/net/etcd/etcd_client.hpp"
#include "reki/net/task_queue.hpp"
#include "reki/node/disk/store_writer.hpp"
#include "reki/node/membership/membership_driver.hpp"
#include "reki/node/membership/membership_links.hpp"

namespace reki {

/// The membership thread: gives the driver of a node's membership its frames, its time and what the disk and etcd say. It
/// has its own context, socket and connections, so that bulk traffic cannot delay a renewal, and its own disk thread, so
/// that an fsync cannot either.
///
/// Made and destroyed on one thread, in this order: `bind`, `start`, `leave`, `stop`.
class MembershipThread {
 public:
  struct Options {
    std::string listen;   ///< "tcp://host:port"; port 0: any free one.
    std::string advertise{};  ///< What others are told to connect to, if not `listen`.
    std::string cluster;
    membership::Membership::Options machine;  ///< Without its own control address, which comes of `listen`.
    std::vector<NodeId> voters;  ///< That the config names; empty: it names none.
    membership::ConfigSaid config{};  ///< What else it says that should be the same on all nodes.
    std::vector<std::pair<NodeId, std::string>> peers;  ///< Where nodes are that the config knows.
    std::vector<std::string> seeds{};  ///< Names at all of whose addresses nodes are, as in the config.
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
  /// Something is held until this renewal is granted: it is sent soon, if it has not been.
  void want_granted(std::uint64_t renewal) { tasks_.push(Task{MembershipDriver::WantGranted{renewal}}); }
  /// Something that `is_done_with` depends on has happened.
  void look_again() { tasks_.wakeup().signal(); }
  [[nodiscard]] ControlStatus status() const;
  [[nodiscard]] const std::string& address() const { return address_; }

  /// Hands everything over and leaves; returns once the node is out; at the end of `limit`, or when its lease
  /// has been over for so long that others have taken over, with false.
  bool leave(Duration limit);
  /// Lets another become coordinator if this node is it, and joins.
  void stop();

 private:
  using Task = MembershipDriver::Task;

  MembershipThread(Options options, VoterStore* store);
  void make_driver(membership::Membership::Options machine, MembershipObserver& node);

  void run();
  void round();
  void wait();
  void read_frames();
  void take_tasks();
  void publish();

  const Options options_;
  std::string address_;

  // Any thread.
  TaskQueue<Task> tasks_;
  std::atomic<bool> stopping_ = false;
  mutable Mutex status_mutex_;
  CondVar status_changed_;
  ControlStatus status_ ABSL_GUARDED_BY(status_mutex_);

  // Membership thread only, once it runs.
  MembershipLinks links_;
  std::optional<StoreWriter> writer_;
  std::optional<etcd::Client> etcd_;
  std::optional<MembershipDriver> driver_;
  Instant now_;  ///< The driver's last look at the clock.
  bool more_to_read_ = false;
  std::vector<Task> taken_;
  std::vector<zmq::pollitem_t> items_;

  std::thread thread_;
};

}  // namespace reki
