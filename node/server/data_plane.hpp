#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "reki/core/base/pool.hpp"
#include "reki/core/routing/request_router.hpp"
#include "reki/net/peer_connections.hpp"
#include "reki/net/task_queue.hpp"
#include "reki/net/watches.hpp"
#include "reki/node/actors/executor.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/server/answer_queue.hpp"
#include "reki/node/server/request_server.hpp"
#include "reki/node/server/server_events.hpp"
#include "reki/node/support/progress_probe.hpp"

namespace reki {

/// A request of a caller on this node for a key of another one.
struct Forwarded final : RoutedRequest, PoolAllocated {
  using RoutedRequest::RoutedRequest;
  Completion done;
};

/// What a node does about requests: what peers ask of it, what it asks of others, and what it watches; in the order in
/// which views, requests and answers have come.
///
/// Without a thread or a socket: it is driven, so that the data thread (Server) and a simulation run the same code. Frames
/// of peers that ask come in by `requests().frame`, and what they are told leaves through a `FrameSink`. What peers are asked
/// is in `router()`.
///
/// It runs no handler of an actor; it does run the callbacks of calls that were forwarded, which must not block.
class DataPlane final : private Watches::Carrier {
 public:
  struct Options {
    NodeId node;
    std::string cluster;
    Incarnation incarnation;
    std::size_t sessions_max = limits::sessions_per_node_max;
    std::function<Bytes()> status;  ///< The payload of `status`; called on the data thread.
    std::function<void(NodeId from, Epoch epoch)> heard_epoch;  ///< Likewise: a peer has a newer view.
    std::function<std::string()> why_no_view;  ///< Likewise: what a node that knows no view yet waits for.
    Clock clock{};
  };

  /// All of them must outlive this.
  DataPlane(const Options& options, HostedRegistry& registry, FrameSink& sink, ServerEvents& events);

  // Any thread.

  /// `incarnation` is this node's from now on.
  void set_view(std::shared_ptr<const View> view, Incarnation incarnation);
  /// Answers `shutting_down` at once if it is too late.
  void forward(std::unique_ptr<Forwarded> request);
  void forward_all(std::vector<std::unique_ptr<Forwarded>> requests);
  /// Of this node's keys too it asks through the network, as of any other: one way, and answers of one incarnation.
  void watch(WatchFilter filter, std::shared_ptr<WatchSink> sink);
  /// For how long the data thread has not taken a queued task (ProgressProbe). Call it often, from one thread.
  [[nodiscard]] Duration delay(Instant now, Duration step_max);

  // The data thread.

  [[nodiscard]] RequestServer& requests() { return requests_; }
  [[nodiscard]] RequestRouter& router() { return router_; }
  /// Before the first `turn`. It must outlive this.
  void connect(PeerConnections& peers) { peers_ = &peers; }
  /// Once the frames that have come were given to both: takes what waits, and packs and sends what there is to answer.
  /// What `router()` has to send is left to the caller.
  void turn(Instant now);
  /// What waits in queues, ahead of any frame.
  void take_tasks(Instant now);
  /// Before each frame of `requests()`: the view that the membership has installed last. So nothing is taken in, once a view is
  /// reported cleared, from an incarnation that the view has dropped.
  void catch_up(Instant now) {
    if (view_waits_.load(std::memory_order_acquire)) take_tasks(now);
  }
  /// Something waits for `turn` now.
  [[nodiscard]] bool has_work() const { return !answers_->empty() || !tasks_.empty(); }
  [[nodiscard]] Instant next_wake();
  /// Given for all that `has_work` tells of.
  [[nodiscard]] Wakeup& wakeup() { return *wakeup_; }
  /// Ends what is forwarded and watched; what is forwarded from now on is refused.
  void close(Instant now);

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

  void take(std::unique_ptr<Forwarded> request) { router_.submit(std::move(request), now_); }
  void take(NewView view);
  void take(SignOfLife) { probe_.answer(); }
  void take(NewWatch watch) { watches_.add(std::move(watch.filter), std::move(watch.sink), now_); }
  void carry(Watches::Question question, Completion done) override;
  [[nodiscard]] Instant moment() const override { return clock_.now(); }
  void deliver();

  // Any thread.
  const Clock clock_;
  const std::shared_ptr<Wakeup> wakeup_ = std::make_shared<Wakeup>();
  TaskQueue<Task> tasks_{wakeup_};
  ProgressProbe probe_;
  std::atomic<bool> view_waits_{false};

  // Data thread only.
  AnswerQueue::Ptr answers_ = AnswerQueue::create(wakeup_);
  RequestServer requests_;
  Watches watches_{*this};  // before router_, which has its questions
  RequestRouter router_;
  PeerConnections* peers_ = nullptr;
  Instant now_;  ///< Of the turn.
  std::vector<Task> taken_;
};

}  // namespace reki
