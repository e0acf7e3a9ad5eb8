#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "reki/net/peer_links.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/server/data_plane.hpp"
#include "reki/node/server/server_events.hpp"
#include "reki/node/support/listen.hpp"

namespace reki {

/// The data thread: one ROUTER for what peers ask of this node, a DEALER per node for what this node asks of others. It
/// drives a DataPlane, which decides what is done about their frames.
///
/// The rules for libzmq are those of docs/membership.md, section 8: the ROUTER is MANDATORY and never connects, nothing is
/// sent without DONTWAIT, every queue and message has its limit. What a peer does not read is counted and dropped.
/// A blocking call in a callback of a call that was forwarded answers `would_block`.
///
/// More members than a class should have: its socket and links, and what one round of the loop keeps for the next.
///
/// Made and destroyed on one thread, in this order: `bind`, `start`, `refuse_new`, `stop`. A view that is there is told before `start`.
class Server final : private FrameSink {
 public:
  struct Options {
    std::string listen;  ///< "tcp://host:port"; port 0: any free one.
    DataPlane::Options plane;
    Duration forwarded_time{limits::closing_time_max};  ///< How long it waits at the end for answers to what it has passed on.
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
  /// For what of it may be called from any thread.
  [[nodiscard]] DataPlane& plane() { return plane_; }
  [[nodiscard]] ServerStats stats() const { return events_.read(); }
  /// Where it listens, with the port that it has got.
  [[nodiscard]] const std::string& address() const { return listening_.address; }

  /// Answers every HELLO and new request with `shutting_down`. What is under way goes on.
  void refuse_new();
  /// Goes on refusing until no frame has come for `limits::closing_quiet`, for at most `limits::closing_time_max`; longer, up
  /// to `Options::forwarded_time`, while something that was forwarded is not answered. Then ends what still is, sends the
  /// answers that are there, says GOODBYE until it has been heard, for at most `Options::goodbye_time`, and joins.
  void stop();

 private:
  enum class Phase : std::uint8_t { open, refusing, stopping };

  Server(const Options& options, HostedRegistry& registry);
  Result<void> listen(const std::string& address);

  void run();
  void round();
  void wait();
  void read_frames();
  void enter(Phase phase);
  [[nodiscard]] bool is_done();
  void finish();
  void wait_for_farewells();
  Sent send(std::string_view route, BytesView frame) override;

  // Constant after bind().
  Listening listening_;
  LogSink log_;
  const Duration forwarded_time_;
  const Duration goodbye_time_;

  // Any thread.
  std::atomic<Phase> phase_ = Phase::open;
  ServerEvents events_;

  // Data thread only, once it runs.
  zmq::context_t context_{1};
  zmq::socket_t socket_;
  DataPlane plane_;
  PeerLinks links_;
  Phase entered_ = Phase::open;
  Instant now_;
  Instant heard_at_;                          // the last frame
  Instant done_at_ = Instant::never();        // when to look whether the end has come
  Instant give_up_at_ = Instant::never();     // once it is stopping
  Instant forwarded_until_ = Instant::never();
  bool more_to_read_ = false;
  std::vector<zmq::pollitem_t> items_;

  std::thread thread_;
};

/// Raises the number of files that the process may open as far as it may; returns it.
std::size_t raise_file_limit();

}  // namespace reki
