#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>
#include <zmq.hpp>

#include "reki/core/base/pool.hpp"
#include "reki/core/routing/request_router.hpp"
#include "reki/net/peer_links.hpp"
#include "reki/net/task_queue.hpp"
#include "reki/net/watches.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/server/answer_queue.hpp"
#include "reki/node/server/request_server.hpp"
#include "reki/node/server/server_events.hpp"
#include "reki/node/support/listen.hpp"
#include "reki/node/support/progress_probe.hpp"

namespace reki {

/// A request of a caller on this node for a key of another one.
struct Forwarded final : RoutedRequest, PoolAllocated {
  using RoutedRequest::RoutedRequest;
  Completion done;
};

/// The data thread: one ROUTER for what peers ask of this node, a DEALER per node for what this node asks of others.
///
/// The rules for libzmq are those of docs/membership.md, section 8: the ROUTER is MANDATORY and never connects, nothing is
/// sent without DONTWAIT, every queue and message has its limit. What a peer does not read is counted and dropped.
/// The thread runs no handler of an actor; it does run the callbacks of calls that were forwarded, which must not
/// block: a blocking call there answers `would_block`.
///
/// Made and destroyed on one thread, in this order: `bind`, `set_view`, `start`, `refuse_new`, `stop`.
///
/// More members than a class should have: the parts that take turns on one thread, and what one round of it keeps.
class Server final : private FrameSink, private Watches::Carrier {
 public:
  struct Options {
    std::string listen;  ///< "tcp://host:port"; port 0: any free one.
    NodeId node;
    std::string cluster;
    Incarnation incarnation;
    std::size_t sessions_max = limits::sessions_per_node_max;
    std::function<Bytes()> status;  ///< The payload of `status`; called on the data thread.
    std::function<void(NodeId from, Epoch epoch)> heard_epoch;  ///< Likewise: a peer has a newer view.
    std::function<std::string()> why_no_view;  ///< Likewise: what a node that knows no view yet waits for.
    Duration goodbye_time{0};  ///< How long it waits at the end for clients that have not read everything.
    LogSink log;
  };

  /// Listens; nothing is answered before start(). `address_in_use` if the address cannot be bound, with the remedy;
  /// `internal` if the process has no file descriptors. `registry` must outlive this.
  [[nodiscard]] static Result<std::unique_ptr<Server>> bind(const Options& options, HostedRegistry& registry);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();

  // Any thread.
  /// `incarnation` is this node's from now on.
  void set_view(std::shared_ptr<const View> view, Incarnation incarnation);
  /// Answers `shutting_down` at once if it is too late.
  void forward(std::unique_ptr<Forwarded> request);
  void forward_all(std::vector<std::unique_ptr<Forwarded>> requests);
  /// For how long the data thread has not taken a queued task (ProgressProbe). Call it often, from one thread.
  [[nodiscard]] Duration delay(Instant now, Duration step_max);
  /// Of this node's keys too it asks through the network, as of any other: one way, and answers of one incarnation.
  void watch(WatchFilter filter, std::shared_ptr<WatchSink> sink);
  [[nodiscard]] ServerStats stats() const { return events_.read(); }
  /// Where it listens, with the port that it has got.
  [[nodiscard]] const std::string& address() const { return listening_.address; }

  /// Answers every HELLO and new request with `shutting_down`. What is under way goes on.
  void refuse_new();
  /// Goes on refusing until all that was forwarded is answered and no frame has come for `limits::closing_quiet`, for at
  /// most `limits::closing_time_max`. Then sends the answers that are there, for at most `limits::flush_time_max`, ends
  /// what is still forwarded, and joins.
  void stop();

 private:
  struct NewView {
    std::shared_ptr<const View> view;
    Incarnation incarnation;
  };
  struct SignOfLife {};
  struct NewWatch {
    WatchFilter filter;
    std::shared_ptr<WatchSink> sink;
  };
  using Task = std::variant<std::unique_ptr<Forwarded>, NewView, NewWatch, SignOfLife>;
  enum class Phase : std::uint8_t { open, refusing, stopping };

  Server(const Options& options, HostedRegistry& registry);
  Result<void> listen(const std::string& address);

  void run();
  void round();
  void wait();
  void read_frames();
  void take_tasks();
  void take(std::unique_ptr<Forwarded> request);
  void take(NewView view);
  void take(SignOfLife) { probe_.answer(); }
  void take(NewWatch watch) { watches_.add(std::move(watch.filter), std::move(watch.sink), now_); }
  void carry(Watches::Question question, Completion done) override;
  void deliver();
  void enter(Phase phase);
  [[nodiscard]] bool is_done();
  void finish();
  void wait_for_farewells();
  Sent send(std::string_view route, BytesView frame) override;

  // Constant after bind().
  Listening listening_;
  LogSink log_;
  const Duration goodbye_time_;

  // Any thread.
  TaskQueue<Task> tasks_;
  std::atomic<Phase> phase_ = Phase::open;
  ServerEvents events_;
  ProgressProbe probe_;

  // Data thread only, once it runs.
  zmq::context_t context_{1};
  zmq::socket_t socket_;
  AnswerQueue::Ptr answers_;
  RequestServer requests_;
  Watches watches_{*this};  // before router_, which has its questions
  RequestRouter router_;
  PeerLinks links_;
  Phase entered_ = Phase::open;
  Instant now_;
  Instant heard_at_;                          // the last frame
  Instant done_at_ = Instant::never();        // when to look whether the end has come
  Instant give_up_at_ = Instant::never();     // once it is stopping
  bool more_to_read_ = false;
  std::vector<zmq::pollitem_t> items_;
  std::vector<Task> taken_;

  std::thread thread_;
};

/// Raises the number of files that the process may open as far as it may; returns it.
std::size_t raise_file_limit();

}  // namespace reki
