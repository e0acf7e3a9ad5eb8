#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/base/limits.hpp"
#include "reki/core/routing/answer_check.hpp"
#include "reki/core/routing/outgoing_frames.hpp"
#include "reki/core/routing/peer_work.hpp"
#include "reki/core/routing/request_table.hpp"
#include "reki/core/routing/retry_queue.hpp"
#include "reki/core/routing/routed_request.hpp"
#include "reki/core/routing/router_peers.hpp"
#include "reki/core/routing/view_follower.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/wire/codec.hpp"

namespace reki {

/// Decides where each outstanding request goes next, and what its caller is told in the end.
///
/// Pure: it gets events and `now`, and its effects are taken out of it: `take_work` (peers to which something is to be
/// sent) and their frames, `next_done`, `take_closed`. Random only by its seed.
/// Thread safety: none; owned by the thread that owns the sockets. A request costs no allocation here, and nothing is
/// searched for: time-outs sit in a wheel, ids are places in a table.
///
/// The rules (docs/protocol.md, "Trying again"):
///  - A request goes to the owner in the view and follows at most `limits::redirects_max` redirects, then it is held
///  for
///    a while, and so on, under one id until its one deadline. It is held in the same way after `unavailable` and
///    `shutting_down`, which promise that nothing was executed. When it is tried again: retry_queue.hpp.
///  - A connection that is lost, and an incarnation of a node that is in the view no more, end what was in flight
///  there: a
///    `call` or `send` with `unknown_outcome`, unless it is known to have been refused; all else is sent again.
///  - A newer view is asked for when a peer goes by one, and while requests wait for one: view_follower.hpp. When it is
///  there,
///    what waits goes to the new owners at once.
///  - An answer that does not count (answer_check.hpp) is asked for again, or of `unknown_outcome`.
///  - What its caller is told at the deadline: request_deadline.hpp.
///
/// It puts together the parts that decide each of these, and moves requests between them. It has a few functions more
/// than forty, since two in three are the events and effects of one protocol.
class RequestRouter {
 public:
  struct Options {
    Identity identity;
    PeerSession::Options session;
    std::size_t outstanding_max = limits::outstanding_per_client_max;
    std::uint64_t seed = 0;  ///< Of the jitter and of the memory of fences: a random number.
    /// Asks peers for newer views by itself, once it has been given one. False for a node, whose views come to it by
    /// its membership.
    bool follow_views = true;
  };
  struct Stats {
    std::uint64_t redirects = 0;
    std::uint64_t retries = 0;           ///< Requests that were held to be tried again.
    std::uint64_t replies_ignored = 0;   ///< Unknown id, or of an earlier incarnation of the peer.
    std::uint64_t answers_outdated = 0;  ///< Of an incarnation that is gone, or about an older start than was seen.
    std::uint64_t view_polls = 0;
  };

  explicit RequestRouter(const Options& options);

  // What happens.

  /// Prefetches what `submit` of this request reads.
  void prefetch(RoutedRequest& request) { answers_.prefetch(request); }
  /// Takes a request. It may be done at once (`overloaded`, a deadline that has passed...).
  void submit(std::unique_ptr<RoutedRequest> request, Instant now);
  /// A newer view: what waits goes to the new owners. False: it is not newer, and ignored.
  bool set_view(std::shared_ptr<const View> view, Instant now);
  /// A peer known by address alone, to ask for the first view; and again when none of the view's nodes answers any
  /// more.
  PeerIndex add_peer(std::string address);
  /// This process goes on as another incarnation. False if it is one already; else no peer knows it any more, so that
  /// all connections are to be made anew.
  bool set_incarnation(Incarnation incarnation) { return frames_.set_incarnation(incarnation); }
  void welcomed(PeerIndex peer, const wire::Welcome& welcome, Instant now);
  void rejected(PeerIndex peer, ErrorCode code, std::string_view text, Instant now);
  /// REQUIRES: `reply` is of a frame with that header. Its views need to live only during the call.
  void replied(PeerIndex peer, const wire::ReplyHeader& header, const wire::Reply& reply, Instant now);
  /// A reply came of which only the id can be read.
  void reply_unreadable(PeerIndex peer, const wire::ReplyHeader& header, RequestId id, const Error& why, Instant now);
  /// Any other sign of life, with the epoch of the peer's view (0: it did not say).
  void heard(PeerIndex peer, Epoch epoch, Instant now);
  /// The peer closes; it has read so many frames since its WELCOME, and what it has not answered it will not answer.
  void goodbye(PeerIndex peer, std::uint64_t frames, Instant now);
  /// The connection broke after all that has been reported from it.
  void disconnected(PeerIndex peer, Instant now);
  /// Time has passed. Call it once all that has come has been told, and at `next_wake` at the latest; more often costs
  /// little. Views that were asked for take effect here: true if one has.
  bool tick(Instant now);
  [[nodiscard]] Instant next_wake() const;
  /// Ends everything: `shutting_down`, or `unknown_outcome` for a `call` or `send` that is in flight.
  void shut_down();

  // What to do about it.

  /// Swaps in the peers that have got something to be sent, each once. What then cannot be sent stays due: ask again
  /// when the socket takes more.
  void take_work(std::vector<PeerIndex>& peers) { work_.take(peers_, peers); }
  /// The next frame for the peer; empty if there is none. It is good until taken(), which comes before anything else.
  [[nodiscard]] BytesView next_frame(PeerIndex peer, Instant now);
  /// The socket has taken it, or has no room for it now. True: there may be more for the peer.
  bool taken(PeerIndex peer, bool yes);
  /// The next request that is done, with its outcome; null if there is none.
  [[nodiscard]] std::unique_ptr<RoutedRequest> next_done() { return requests_.next_done(); }
  /// Peers that have left the view: their sockets must go before anything else is told or asked, since others may get
  /// their places.
  void take_closed(std::vector<PeerIndex>& peers) { peers_.take_closed(peers); }

  // What is so.

  [[nodiscard]] const std::shared_ptr<const View>& view() const { return peers_.view(); }
  [[nodiscard]] Epoch epoch() const { return peers_.epoch(); }
  /// A peer has said that it goes by a newer view than this.
  [[nodiscard]] bool is_behind() const { return follower_.behind(); }
  [[nodiscard]] std::size_t outstanding() const { return requests_.outstanding(); }
  /// Whether one of them is more than a question, which can be asked again elsewhere. Looks at all of them.
  [[nodiscard]] bool owes_outcomes();
  [[nodiscard]] const RouterPeer& peer(PeerIndex peer) const { return peers_[peer]; }
  /// Whose requests these are; with the cluster's name, once a peer has said it.
  [[nodiscard]] const Identity& identity() const { return frames_.identity(); }
  [[nodiscard]] const Stats& stats() const { return stats_; }

 private:
  using Peer = RouterPeer;
  using State = RoutedRequest::State;

  // Where requests go.
  void route(RoutedRequest& request, Instant now);
  void route_all(RequestQueue& requests, Instant now);
  void enqueue(RoutedRequest& request, Peer& peer);
  void await_view(RoutedRequest& request, std::string_view why, Instant now);
  void hold(RoutedRequest& request, Peer& peer, Error why, Instant now);
  void try_again(Instant now);
  void redirect(RoutedRequest& request, Peer& peer, const wire::ReplyHeader& header, const wire::Reply& reply,
                Instant now);
  void finish(RoutedRequest& request);
  void finish(RoutedRequest& request, Error why);
  void finish_all(RequestQueue& ended);

  // Peers that go.
  void settle(Peer& peer, std::uint64_t last_executed_frame, Peer::InDoubt in_doubt, RequestQueue& again);
  void lose(Peer& peer, std::uint64_t last_executed_frame, const Error& why, Instant now);
  void leave(Peer& peer, RequestQueue& moving, Instant now);
  void part_in_time(Instant now);

  // Views.
  void follow(Instant now);

  const bool follow_views_;
  Stats stats_;
  RouterPeers peers_;
  std::vector<PeerIndex> parting_;  // closed, with something in flight
  PeerWork work_;
  OutgoingFrames frames_;
  AnswerCheck answers_;
  RetryQueue retries_;
  ViewFollower follower_;
  RequestQueue await_view_;  // nobody to send them to
  RequestTable requests_;    // goes first, with all that is in queues
};

}  // namespace reki
