#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/base/limits.hpp"
#include "reki/core/base/random.hpp"
#include "reki/core/base/slot_map.hpp"
#include "reki/core/routing/fence_memory.hpp"
#include "reki/core/routing/routed_request.hpp"
#include "reki/core/routing/router_peers.hpp"
#include "reki/core/routing/view_polls.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/wire/codec.hpp"

namespace reki {

/// Decides where each outstanding request goes next, and what its caller is told in the end.
///
/// Pure: it gets events and `now`, and its effects are taken out of it: `take_work` (peers to which something is to be
/// sent: `due`, `fill`), `next_done`, `take_closed`. Random only by its seed.
/// Thread safety: none; owned by the thread that owns the sockets. A request costs no allocation here, and nothing is
/// searched for: time-outs sit in a wheel, ids are places in a table.
///
/// The rules (docs/protocol.md, "Trying again"):
///  - A request goes to the owner in the view and follows at most `limits::redirects_max` redirects, then it is held for
///    a while, and so on, under one id until its one deadline. It is held in the same way after `unavailable` and
///    `shutting_down`, which promise that nothing was executed.
///  - Requests are held per peer: some are let go after each `retry_wait`, and more with each one that is then served.
///    So what a quarter of a million cost is bounded, and they are served again as fast as the peer can.
///  - A connection that is lost, and a life of a node that is in the view no more, end what was in flight there: a `call`
///    or `send` with `unknown_outcome`, unless it is known to have been refused; all else is sent again.
///  - A newer view is asked for when a peer goes by one, and while requests wait for one (core/routing/view_polls.hpp). When it
///    is there, what waits goes to the new owners at once.
///  - An answer does not count if it comes from a life of a node that the view does not name, or is about an older start
///    of the actor than has been seen: it is asked for again, or of `unknown_outcome`.
///  - At the deadline: what was refused ends with the code and text of the last refusal, a moment before the deadline. Never
///    handed to a socket: `unreachable`. In flight: a `call` or `send` is `unknown_outcome`; another is
///    `deadline_exceeded` if the peer has been heard since, else `unreachable`.
class RequestRouter {
 public:
  struct Options {
    PeerSession::Options session;
    std::size_t outstanding_max = limits::outstanding_per_client_max;
    std::uint64_t seed = 0;  ///< Of the jitter and of the memory of fences: a random number.
    /// Asks peers for newer views by itself, once it has been given one. False for a node, whose views come to it by
    /// its membership: `epoch_seen` is for that.
    bool follow_views = true;
  };
  /// What is to be sent to a peer now.
  enum class Due : std::uint8_t { nothing, hello, ping, requests };
  struct Stats {
    std::uint64_t redirects = 0;
    std::uint64_t retries = 0;           ///< Requests that were held to be tried again.
    std::uint64_t replies_ignored = 0;   ///< Unknown id, or of an earlier life of the peer.
    std::uint64_t answers_outdated = 0;  ///< Of a life that is gone, or about an older start than was seen.
    std::uint64_t view_polls = 0;
  };

  explicit RequestRouter(const Options& options);
  ~RequestRouter();
  RequestRouter(const RequestRouter&) = delete;
  RequestRouter& operator=(const RequestRouter&) = delete;

  // What happens.

  /// Of a request that is submitted soon: has the processor bring what that takes.
  void prefetch(RoutedRequest& request);
  /// Takes a request. It may be done at once (`overloaded`, a deadline that has passed...).
  void submit(std::unique_ptr<RoutedRequest> request, Instant now);
  /// A newer view: what waits goes to the new owners. One that is not newer is ignored.
  void set_view(std::shared_ptr<const View> view, Instant now);
  /// A peer known by address alone, to ask for the first view; and again when none of the view's nodes answers any more.
  PeerIndex add_peer(std::string address);
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
  /// little. Views that were asked for take effect here.
  void tick(Instant now);
  Instant next_wake() const;
  /// Ends everything: `shutting_down`, or `unknown_outcome` for a `call` or `send` that is in flight.
  void shut_down();

  // What to do about it.

  /// Swaps in the peers that have got something to be sent, each once. What then cannot be sent stays due: ask again
  /// when the socket takes more.
  void take_work(std::vector<PeerIndex>& peers);
  Due due(PeerIndex peer, Instant now);
  void hello_sent(PeerIndex peer, Instant now);
  void ping_sent(PeerIndex peer, Instant now);
  /// Adds what waits for the peer to `writer` until the batch is large enough; returns how many.
  /// REQUIRES: `writer` is empty; sent() or not_sent() comes before anything else.
  std::uint32_t fill(PeerIndex peer, wire::RequestWriter& writer, Instant now);
  void sent(PeerIndex peer);
  void not_sent(PeerIndex peer);

  /// The next request that is done, with its outcome; null if there is none.
  std::unique_ptr<RoutedRequest> next_done();
  /// Peers that have left the view: their sockets must go before anything else is told or asked, since others may get
  /// their places.
  void take_closed(std::vector<PeerIndex>& peers);

  // What is so.
  const std::shared_ptr<const View>& view() const { return view_; }
  Epoch epoch() const { return view_ ? view_->epoch() : Epoch{}; }
  /// Of the newest view that a peer has said it goes by.
  Epoch epoch_seen() const { return polls_.seen(); }
  std::size_t outstanding() const { return outstanding_; }
  const std::string& address(PeerIndex peer) const { return peers_[peer].address; }
  /// Empty while nobody has said it.
  const NodeId& node(PeerIndex peer) const;
  Incarnation incarnation(PeerIndex peer) const { return peers_[peer].session.incarnation(); }
  const Stats& stats() const { return stats_; }

 private:
  using Peer = RouterPeer;
  using Queue = RouterPeer::Queue;
  using State = RoutedRequest::State;

  // Requests.
  void route(RoutedRequest& request, Instant now);
  void route_all(Queue& requests, Instant now);
  void enqueue(RoutedRequest& request, Peer& peer);
  void await_view(RoutedRequest& request, std::string_view why, Instant now);
  void hold(RoutedRequest& request, Peer& peer, Error why, Instant now);
  void let_go(Peer& peer, int count, Instant now);
  void let_go_in_time(Instant now);
  void expire(RoutedRequest& request, Instant now);
  void expire_in_flight(RoutedRequest& request, const Peer& peer);
  void finish(RoutedRequest& request);
  void finish(RoutedRequest& request, ErrorCode code, std::string text);
  void finish(RoutedRequest& request, Error why) { finish(request, why.code, std::move(why.text)); }
  Peer* owner_of(RoutedRequest& request);
  Peer* any_peer();
  std::string describe(const Peer& peer) const;

  // Replies.
  RoutedRequest* in_flight_at(const Peer& peer, RequestId id);
  void prefetch(Peer& peer, RoutedRequest& answered) const;
  void answer(RoutedRequest& request, const Peer& peer, const wire::Reply& reply);
  void served(Peer& peer, bool was_held, Instant now);
  void redirect(RoutedRequest& request, Peer& peer, const wire::ReplyHeader& header, const wire::Reply& reply, Instant now);
  /// A view from a config knows no lives, and the fences of its nodes are in no order across restarts.
  bool fences_count() const { return view_ != nullptr && view_->term().value != 0; }
  std::string why_outdated(const RoutedRequest& request, const Peer& peer, const wire::ReplyHeader& header,
                           const wire::Reply& reply);
  enum class InDoubt : std::uint8_t { ends, waits };
  void settle(Peer& peer, std::uint64_t last_executed_frame, Queue& again, InDoubt in_doubt = InDoubt::ends);
  void lose(Peer& peer, std::uint64_t last_executed_frame, const Error& why, Instant now);

  // Views.
  Peer& peer_of(const Member& member);
  bool belongs(RoutedRequest& request, const Peer& peer);
  void take_misplaced(Queue& from, const Peer& peer, Queue& misplaced);
  void leave(Peer& peer, Queue& moving, Instant now);
  void part_in_time(Instant now);
  void follow(Instant now);
  bool is_stuck(Peer& peer, Instant now);
  bool anything_stuck(Instant now);
  void ask_for_view(Instant now);
  void install_answers(Instant now);
  Peer* whom_to_ask_for_view();
  void open_one_more();
  void open_seeds();

  // Sending.
  void work_for(Peer& peer);
  static RoutedRequest* oldest_owed(Peer& peer);
  void check_peers(Instant now);

  const Options options_;
  SplitMix random_;
  Stats stats_;
  std::shared_ptr<const View> view_;
  RouterPeers peers_;
  SlotMap<RequestId, RoutedRequest*> places_;
  static_assert(2 * limits::outstanding_per_client_max <= decltype(places_)::size_max);  // and the router's own
  std::size_t outstanding_ = 0;
  TimerWheel timers_;
  Queue await_view_;  // nobody to send them to
  Queue done_;
  Instant let_go_at_ = Instant::never();  // not after the first of the peers' times
  std::uint32_t next_any_ = 0;
  FenceMemory fences_;

  // Views.
  ViewPolls polls_;
  Queue view_answers_;
  std::vector<std::string> seeds_;  // addresses given by hand
  std::vector<PeerIndex> parting_;  // closed, with something in flight
  std::uint32_t next_asked_ = 0;
  std::uint32_t next_opened_ = 0;

  // Sending.
  std::vector<PeerIndex> work_;
  std::vector<PeerIndex> closed_;
  std::uint32_t filled_ = 0;  // requests in the batch between fill() and sent()
  bool filled_without_reply_ = false;
  bool peers_need_time_ = false;  // somebody owes a WELCOME or replies
  Instant peers_checked_;
};

/// True for an operation that may be executed twice without harm.
constexpr bool may_repeat(wire::Op op) { return !wire::is_message(op); }
/// True for an operation whose answer is how things are.
constexpr bool only_looks(wire::Op op) { return op == wire::Op::lookup || op == wire::Op::lookup_or_start; }
/// True for an operation about one key.
constexpr bool has_key(wire::Op op) { return wire::about_a_key(op); }

}  // namespace reki
