#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "reki/core/view/view.hpp"
#include "reki/core/wire/codec.hpp"

/// A node that does what a test says, on a real socket; it knows the connection rules of docs/protocol.md and nothing
/// of actors.
class FakeNode {
 public:
  /// The answer to one request; nullopt: none at all. Called on the node's thread.
  struct Reply {
    reki::ErrorCode code = reki::ErrorCode::ok;
    reki::Bytes payload;
    std::string text;
    std::string owner;
    reki::Fence fence{1};
    bool started = false;
  };
  using Handler = std::function<std::optional<Reply>(const reki::wire::Request&)>;

  explicit FakeNode(std::string id, Handler handler, std::string cluster = "test");
  ~FakeNode();

  const std::string& id() const { return id_; }
  const std::string& address() const { return address_; }
  /// Of the process that it has now. REQUIRES: it is not stopped.
  reki::Incarnation incarnation() const;
  /// What it answers to `view`; also the epoch that it says it has.
  void set_view(std::shared_ptr<const reki::View> view);
  /// Dies: no goodbye, the port is free.
  void stop();
  /// Comes back on the same port, as a new process.
  void start();
  /// Sends this to each client beside its answers.
  void also_send(std::vector<reki::Bytes> frames);
  /// Does not read or answer anything, PING included, while true; the connection stays.
  void freeze(bool frozen) { frozen_ = frozen; }

  /// Says WELCOME to a HELLO of any cluster, as a node must not.
  std::atomic<bool> welcomes_anybody = false;
  std::atomic<int> frames = 0;    ///< REQUEST frames.
  std::atomic<int> requests = 0;
  std::atomic<int> hellos = 0;
  std::atomic<int> largest_batch = 0;

 private:
  struct Process;
  void run(Process& process);
  void serve(Process& process, const std::string& peer, reki::BytesView frame);

  const std::string id_;
  const std::string cluster_;
  const Handler handler_;
  std::string address_ = "tcp://127.0.0.1:*";
  std::mutex mutex_;
  std::shared_ptr<const reki::View> view_;  // guarded by mutex_
  std::vector<reki::Bytes> also_;           // guarded by mutex_
  std::atomic<bool> frozen_ = false;
  std::unique_ptr<Process> process_;
  std::uint64_t processes_ = 0;
};

/// Some of them with a view of them all.
struct FakeCluster {
  explicit FakeCluster(int count, const std::function<FakeNode::Handler(const std::string& id)>& handler);
  FakeNode& node(const std::string& id);
  std::vector<std::string> addresses() const;

  std::vector<std::unique_ptr<FakeNode>> nodes;
  std::shared_ptr<const reki::View> view;
};
