#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/view/view.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/server/answer_queue.hpp"
#include "reki/node/server/frame_sink.hpp"
#include "reki/node/server/node_watchers.hpp"
#include "reki/node/server/reply_batches.hpp"
#include "reki/node/server/served_view.hpp"
#include "reki/node/server/server_events.hpp"
#include "reki/node/server/sessions.hpp"

namespace reki {

/// Serves the frames of peers: greets, decodes, redirects what belongs to other nodes, hands the rest to the local
/// registry, and packs the answers of one round into one frame per session.
///
/// Knows no socket: frames come in by `frame`, and leave through a `FrameSink`. Owned by the data thread.
/// Total: whatever a peer sends is answered with a typed error, counted and logged, and touches no other peer.
class RequestServer {
 public:
  struct Options {
    NodeId node;
    std::string cluster;
    Incarnation incarnation;
    std::size_t sessions_max = limits::sessions_per_node_max;
    std::function<Bytes()> status;  ///< The payload of `status`.
    /// A peer has a view of this epoch. May be empty.
    std::function<void(NodeId from, Epoch epoch)> heard_epoch;
    std::function<std::string()> why_no_view{};  ///< For callers: what a node that knows no view yet waits for.
  };

  /// All of them must outlive this.
  RequestServer(Options options, HostedRegistry& registry, AnswerQueue& answers, FrameSink& sink, ServerEvents& events);

  /// Who owns what from now on. Before the first, everything is refused as `unavailable`.
  /// `incarnation` is this node's from now on.
  void set_view(std::shared_ptr<const View> view, Incarnation incarnation);
  /// One frame of the connection `route`.
  void frame(std::string_view route, BytesView frame, Instant now);
  /// Something came that is not even a frame: a message of several parts.
  void not_a_frame(std::string_view route, std::string_view why, Instant now);
  /// Packs the answers that came from other threads. Once a round.
  void take_answers(Instant now);
  /// Sends all that is packed, and forgets who has been silent for long.
  void end_round(Instant now);
  [[nodiscard]] Instant next_wake();
  /// From now on new requests get `shutting_down`; what is under way is still answered.
  void refuse_new();
  /// The last word on every connection: nothing is served after it, and a HELLO is refused. May be said again. True: some of
  /// the connections are still open.
  [[nodiscard]] bool say_goodbye();

 private:
  class Serving;

  // Frames: request_server.cpp
  void hello(std::string_view route, BytesView frame, Instant now);
  void ping(std::string_view route, BytesView frame, Instant now);
  void requests(std::string_view route, BytesView frame, Instant now);
  /// REJECT, counted and logged.
  void refuse(std::string_view route, ServerEvent event, const Error& why, Instant now);

  // Requests: request_server_requests.cpp
  Result<void> read_requests(Session& session, wire::RequestReader& reader);
  [[nodiscard]] bool is_known(const Session& session, Epoch epoch);
  void bad_request(const Session& session, ErrorCode code, std::string_view text);
  void serve(Session& session, const wire::Request& request);
  void serve_itself(Session& session, const wire::Request& request);
  void serve_gathered(Session& session);
  void watch(Session& session, const wire::Request& request);
  void watch_nodes(Session& session, const wire::Request& request);
  /// Whether messages are to be refused, because those before them wait too long.
  void look_at_backlog();
  [[nodiscard]] Error closing_error() const;
  /// Why the key is not served here; nothing if it is.
  [[nodiscard]] std::optional<wire::Reply> redirect(const wire::Request& request);
  /// An answer that was expected.
  void answered(const SessionAnswer& answer);
  void answered_all(std::vector<SessionAnswer>& answers);
  /// Unless the sender wants no reply.
  void refuse(Session& session, const wire::Request& request, const wire::Reply& reply);

  const Options options_;
  HostedRegistry& registry_;
  AnswerQueue& answers_;
  FrameSink& sink_;
  ServerEvents& events_;

  ServedView view_;
  Sessions sessions_;
  ReplyBatches batches_;
  NodeWatchers node_watchers_;
  std::vector<SessionAnswer> taken_;
  std::vector<wire::Request> gathered_;  // of the frame that is read, for the registry
  Instant now_;                          // of the round
  bool closing_ = false;
  bool has_said_goodbye_ = false;
  bool overloaded_ = false;
};

}  // namespace reki
