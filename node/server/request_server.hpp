#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/view/view.hpp"
#include "reki/core/view/view_history.hpp"
#include "reki/core/watch/view_log.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/server/answer_queue.hpp"
#include "reki/node/server/server_events.hpp"
#include "reki/node/server/sessions.hpp"

namespace reki {

/// Serves the frames of peers: greets, decodes, redirects what belongs to other nodes, hands the rest to the local
/// registry, and packs the answers of one round into one frame per session.
///
/// Knows no socket: frames come in by `frame`, and leave through a `FrameSink`. Owned by the data thread.
/// Total: whatever a peer sends is answered with a typed error, counted and logged, and touches no other peer.
class RequestServer final : public AnswerQueue::Receiver {
 public:
  /// Takes frames to peers.
  class FrameSink {
   public:
    enum class Sent : std::uint8_t {
      ok,
      full,  ///< The peer does not read; dropped, its callers have deadlines.
      gone,  ///< No such connection any more.
    };
    virtual Sent send(std::string_view route, BytesView frame) = 0;

   protected:
    ~FrameSink() = default;
  };
  struct Options {
    NodeId node;
    std::string cluster;
    Incarnation incarnation;
    std::size_t sessions_max = limits::sessions_per_node_max;
    std::function<Bytes()> status;  ///< The payload of `status`.
    /// A peer has a view of this epoch. May be empty.
    std::function<void(NodeId from, Epoch epoch)> heard_epoch;
  };

  /// All of them must outlive this.
  RequestServer(Options options, HostedRegistry& registry, AnswerQueue& answers, FrameSink& sink, ServerEvents& events);
  virtual ~RequestServer() = default;

  /// Who owns what from now on. Before the first, everything is refused as `unavailable`.
  /// `incarnation` is this node's from now on.
  void set_view(std::shared_ptr<const View> view, Incarnation incarnation);
  /// One frame of the connection `route`.
  void frame(std::string_view route, BytesView frame, Instant now);
  /// Something came that is not even a frame: a message of several parts.
  void not_a_frame(std::string_view route, std::string_view why, Instant now);
  /// Packs the answers that came from other threads. Once a round.
  void take_answers(Instant now);
  /// Sends all that is packed. At the end of each round.
  void flush(Instant now);
  /// Forgets who has been silent for long.
  void tick(Instant now);
  [[nodiscard]] Instant next_wake();
  /// From now on new requests get `shutting_down`; what is under way is still answered.
  void refuse_new();
  /// The last word on every connection: nothing is read after it.
  void say_goodbye();

 private:
  void hello(std::string_view route, BytesView frame, Instant now);
  void ping(std::string_view route, BytesView frame, Instant now);
  void requests(std::string_view route, BytesView frame, Instant now);
  Result<void> read_requests(Session& session, wire::RequestReader& reader);
  void send_part(Session& session, std::size_t least);
  [[nodiscard]] bool is_known(const Session& session, Epoch epoch);
  void bad_request(const Session& session, ErrorCode code, const std::string& text);
  void serve(Session& session, const wire::Request& request);
  /// Whether messages are to be refused, because those before them wait too long.
  void look_at_backlog();
  void serve_gathered(Session& session);
  void answered(SessionId session, RequestId request, Answer&& answer) override;
  /// True if the key is another node's, which is then in `reply`.
  bool redirect(const wire::Request& request, wire::Reply& reply);
  void answer_view(const wire::Request& request, wire::Reply& reply);

  // Watchers: request_server_watch.cpp
  void watch(Session& session, const wire::Request& request);
  void watch_nodes(Session& session, const wire::Request& request);
  /// Answers the open questions about nodes for which there is something to tell, or all of them with an error.
  void answer_node_watchers(const std::optional<Error>& error);
  void expire_node_watchers(Instant now);
  /// After a view: what is watched here may be another node's.
  void release_watchers();

  void reply(Session& session, const wire::Reply& reply);
  void reply_error(Session& session, RequestId id, const Error& error);
  void send_batch(Session& session);
  /// REJECT, counted and logged.
  void refuse(std::string_view route, ServerEvent event, const Error& why, Instant now);

  const Options options_;
  HostedRegistry& registry_;
  AnswerQueue& answers_;
  FrameSink& sink_;
  ServerEvents& events_;

  std::shared_ptr<const View> view_;
  MemberIndex self_ = nobody;  // in view_
  Incarnation incarnation_;
  ViewHistory views_;          // up to view_
  bool closing_ = false;

  Sessions sessions_;
  std::vector<SessionId> packed_;                            // sessions with a batch
  std::vector<std::unique_ptr<wire::ReplyWriter>> writers_;  // that wait for use
  std::vector<SessionAnswer> taken_;
  std::vector<wire::Request> gathered_;  // of the frame that is read, for the registry
  std::size_t part_ = limits::batch_part_min;  // of the latest frame: so many replies go out at a time
  Instant now_;  // of the round
  bool overloaded_ = false;

  // Of those who watch the nodes of the cluster.
  struct NodesQuestion {
    SessionId session;
    RequestId request;
    std::uint64_t epoch;
  };
  ViewLog view_log_;
  std::multimap<Instant, NodesQuestion> nodes_questions_;  // by their deadlines

  // The type of the latest request: batches are mostly of one type.
  std::string hashed_type_;
  std::uint64_t type_hash_ = 0;
};

}  // namespace reki
