#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/codec.hpp"
#include "reki/core/limits.hpp"
#include "reki/core/outbound_request.hpp"
#include "reki/core/peer_session.hpp"
#include "reki/core/view.hpp"

namespace reki {

/// Decides where each outstanding request goes next, and what its caller is told in the end.
///
/// Pure: it gets events and `now`, and its effects are taken out of it: `take_work` (peers to which something is to be
/// sent: `due`, `fill`), `next_done`, `take_view_wanted`, `take_closed`. Random only by its seed.
/// Thread safety: none; owned by the thread that owns the sockets. A request costs no allocation here, and nothing is
/// searched for: time-outs sit in a wheel, ids are places in a table.
///
/// The rules (docs/protocol.md, section 2):
///  - A request goes to the owner in the view, follows at most `limits::redirects_max` redirects, then waits between
///    tries. Tries are spaced exponentially with jitter, all within its one deadline, under one id.
///  - What may be repeated is repeated after `unavailable`, `shutting_down` or a lost connection. A `call` or `send` is
///    repeated only if it is certain that it was not executed: it was never handed to a socket, or was refused by
///    `hello_required`, `wrong_incarnation`, `wrong_node` or `shutting_down`. If its connection is lost, it ends with
///    `unknown_outcome` at once, since no reply can come any more.
///  - At the deadline: never handed to a socket: `unreachable`, or the error of the last try. In flight: a `call` or
///    `send` is `unknown_outcome`; another is `deadline_exceeded` if the peer has been heard since, else `unreachable`.
class Outbound {
 public:
  struct Options {
    PeerSession::Options session;
    Duration backoff_min = std::chrono::milliseconds(4);    ///< Before the second try; doubles. > 0.
    Duration backoff_max = std::chrono::milliseconds(250);  ///< >= backoff_min.
    Duration view_interval = std::chrono::milliseconds(20);  ///< At least this between two fetches of a view.
    std::size_t outstanding_max = limits::outstanding_per_client_max;
    std::uint64_t seed = 0;  ///< Of the jitter.
  };
  /// What is to be sent to a peer now.
  enum class Due : std::uint8_t { nothing, hello, ping, requests };
  struct Stats {
    std::uint64_t redirects = 0;
    std::uint64_t retries = 0;
    std::uint64_t replies_ignored = 0;  ///< Unknown id, or of an earlier life of the peer.
  };

  explicit Outbound(const Options& options);
  ~Outbound();
  Outbound(const Outbound&) = delete;
  Outbound& operator=(const Outbound&) = delete;

  // What happens.

  /// Takes a request. It may be done at once (`overloaded`, a deadline that has passed...).
  void submit(std::unique_ptr<OutboundRequest> request, Instant now);
  /// A newer view: what waits goes to the new owners. One that is not newer is ignored.
  void set_view(std::shared_ptr<const View> view, Instant now);
  /// A peer known by address alone, to ask for the first view.
  PeerIndex add_peer(std::string address);
  void welcomed(PeerIndex peer, const wire::Welcome& welcome, Instant now);
  void rejected(PeerIndex peer, ErrorCode code, std::string_view text, Instant now);
  /// REQUIRES: `reply` is of a frame with that header. Its views need to live only during the call.
  void replied(PeerIndex peer, const wire::ReplyHeader& header, const wire::Reply& reply, Instant now);
  /// A reply came of which only the id can be read.
  void reply_unreadable(PeerIndex peer, const wire::ReplyHeader& header, RequestId id, const Error& why, Instant now);
  /// Any other sign of life, with the epoch of the peer's view (0: it did not say).
  void heard(PeerIndex peer, Epoch epoch, Instant now);
  /// The connection broke after all that has been reported from it.
  void disconnected(PeerIndex peer, Instant now);
  /// Time has passed. Call at `next_wake` at the latest; more often costs little.
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
  std::unique_ptr<OutboundRequest> next_done();
  /// True if a newer view than ours is known to exist, or is likely to: fetch one. Not too often.
  bool take_view_wanted(Instant now);
  /// Peers that have left the view and have nothing in flight: their sockets can go.
  void take_closed(std::vector<PeerIndex>& peers);

  // What is so.
  const std::shared_ptr<const View>& view() const { return view_; }
  Epoch epoch() const { return view_ ? view_->epoch() : Epoch{}; }
  std::size_t outstanding() const { return outstanding_; }
  const std::string& address(PeerIndex peer) const { return at(peer).address; }
  const NodeId& node(PeerIndex peer) const { return at(peer).node; }
  Incarnation incarnation(PeerIndex peer) const { return at(peer).session.incarnation(); }
  const Stats& stats() const { return stats_; }

 private:
  /// A request's id is its place in `places_` and, above that, how often the place has been used.
  static constexpr std::uint64_t place_bits = 20;
  static_assert(limits::outstanding_per_client_max <= std::uint64_t{1} << place_bits);

  using Queue = IntrusiveList<OutboundRequest, OutboundQueueTag>;
  struct Peer {
    Peer(PeerIndex i, std::string a, const PeerSession::Options& options)
        : index(i), address(std::move(a)), session(options) {}
    PeerIndex index;
    NodeId node;  ///< Empty until the peer or a view says it.
    std::string address;
    PeerSession session;
    Queue queued;
    Queue in_flight;  ///< Oldest first.
    bool has_work = false;
    bool leaving = false;  ///< Not in the view any more.
    bool closed = false;
  };

  const Peer& at(PeerIndex peer) const { return peers_[peer.value]; }
  Peer& at(PeerIndex peer) { return peers_[peer.value]; }
  Peer& new_peer(std::string address);
  Peer& peer_of(const Member& member);
  Peer* owner_of(const OutboundRequest& request);
  Peer* any_peer();

  void route(OutboundRequest& request, Instant now);
  void enqueue(OutboundRequest& request, Peer& peer);
  void retry_later(OutboundRequest& request, Error why, Instant now);
  void redirect(OutboundRequest& request, const wire::ReplyHeader& header, const wire::Reply& reply, Instant now);
  void reroute_waiting(Instant now);
  void settle_in_flight(Peer& peer, std::uint64_t last_executed_frame, Instant now);
  void interrupted(OutboundRequest& request, Instant now);
  void expire(OutboundRequest& request, Instant now);
  void finish(OutboundRequest& request, ErrorCode code, std::string text);
  void finish(OutboundRequest& request, Error why) { finish(request, why.code, std::move(why.text)); }
  void answer(OutboundRequest& request, const Peer& peer, const wire::Reply& reply);
  OutboundRequest* in_flight_at(const Peer& peer, RequestId id);
  void work_for(Peer& peer);
  void close_if_over(Peer& peer);
  void note_epoch(Epoch epoch);
  Duration backoff(unsigned tries);
  std::string describe(const Peer& peer) const;

  const Options options_;
  std::uint64_t random_;
  Stats stats_;
  std::shared_ptr<const View> view_;
  std::deque<Peer> peers_;             // an index is never used again
  std::vector<PeerIndex> by_member_;   // the view's members
  std::uint32_t next_any_ = 0;
  std::uint32_t filled_ = 0;           // requests in the batch between fill() and sent()
  bool filled_without_reply_ = false;

  // Ids are places in this table with a number of use, so that an id is never used again.
  struct Place {
    OutboundRequest* request = nullptr;
    std::uint64_t use = 0;
  };
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_places_;
  std::size_t outstanding_ = 0;

  TimerWheel timers_;
  Queue waiting_;
  Queue done_;
  std::vector<PeerIndex> work_;
  std::vector<PeerIndex> closed_;
  bool view_wanted_ = false;
  Instant view_fetched_;
  bool peers_need_time_ = false;  // somebody owes a WELCOME or replies
  Instant peers_checked_;
};

/// True for an operation that may be executed twice without harm.
bool may_repeat(wire::Op op);

}  // namespace reki
