#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reki/core/routing/peer_session.hpp"
#include "reki/core/routing/retry_queue.hpp"
#include "reki/core/routing/routed_request.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

/// One incarnation of a node, as a `RequestRouter` deals with it; or an address, as long as it is not known who answers
/// there.
struct RouterPeer {
  /// What is to be sent to it now.
  enum class Due : std::uint8_t { nothing, hello, ping, requests };
  /// What becomes of a message that may have been executed.
  enum class InDoubt : std::uint8_t {
    ends,   ///< Its outcome is unknown.
    waits,  ///< Its answer may still come.
  };

  RouterPeer(PeerIndex i, std::string a, const PeerSession::Options& options)
      : index(i), address(std::move(a)), session(options) {}

  PeerIndex index;
  std::string address;
  SharedNodeId node;  ///< Null until the peer or a view says it.
  Incarnation named;  ///< The one that the view names; 0: it names none.
  Epoch epoch;        ///< The newest view that the peer has said it goes by.
  PeerSession session;

  RequestQueue queued;     ///< For the connection.
  RequestQueue in_flight;  ///< Oldest first.
  HeldRequests held;

  bool has_work = false;  ///< See PeerWork.
  bool asked_for_view = false;
  bool closed = false;                  ///< In no view any more: it is asked nothing.
  Instant parts_at = Instant::never();  ///< Of a closed one: how long at most it may answer what it was asked before.

  /// For people.
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] Due due(Instant now);
  /// Of what callers wait for there: a question for a view, of which a peer has one at most, keeps nobody waiting.
  /// Null if it owes nothing.
  [[nodiscard]] RoutedRequest* oldest_owed();
  /// Requests may wait for it in vain.
  [[nodiscard]] bool is_stuck(Instant now);
  /// No reply is waited for any more to what is in flight there; but perhaps to what it may have executed. What may be
  /// sent again goes to `again`, as queued; what is over goes to `ended`, with its outcome.
  void settle(std::uint64_t last_executed_frame, InDoubt in_doubt, RequestQueue& again, RequestQueue& ended);
};

/// The peers of a `RequestRouter`, those of the view's members and addresses that were given by hand, and which of them
/// a request is for.
///
/// Pure; no thread safety. References stay good until the peer's place is given to another, after `take_closed`.
class RouterPeers {
 public:
  explicit RouterPeers(const PeerSession::Options& options) : options_(options) {}

  RouterPeer& operator[](PeerIndex peer) { return peers_[peer.value]; }
  const RouterPeer& operator[](PeerIndex peer) const { return peers_[peer.value]; }
  /// Those that are not closed.
  [[nodiscard]] std::span<const PeerIndex> open() const { return open_; }
  /// Those of the view's members, in their order.
  [[nodiscard]] std::span<const PeerIndex> members() const { return by_member_; }
  [[nodiscard]] const std::shared_ptr<const View>& view() const { return view_; }
  [[nodiscard]] Epoch epoch() const { return view_ ? view_->epoch() : Epoch{}; }

  // Which one.

  /// REQUIRES: the member is of the present view.
  RouterPeer& of(const Member& member);
  /// Of the request's key; null if there is none.
  RouterPeer* owner_of(RoutedRequest& request);
  /// In turn, and rather one that is connected. Null if there is none.
  RouterPeer* any();
  /// True if the request is for this peer, as things are now.
  bool is_for(RoutedRequest& request, const RouterPeer& peer);
  /// Moves what waits at a peer and is for another, or for nobody, to `misplaced`.
  void take_misplaced(RouterPeer& peer, RequestQueue& misplaced);

  // Which there are.

  RouterPeer& add(std::string address);
  /// Goes by `view` from now on, and gives each of its members a peer. Returns those that are closed now: their
  /// requests are to be taken from them.
  ///
  /// A peer stays that of a node only while it is about the same incarnation of it: a new one gets a new connection at
  /// once, while libzmq would try the old one again every now and then.
  std::vector<PeerIndex> seat(std::shared_ptr<const View> view);
  /// Nobody has an event for this closed peer any more.
  void forget(const RouterPeer& peer) { forgotten_.push_back(peer.index); }
  /// Swaps in those that were forgotten. Their places may be used again.
  void take_closed(std::vector<PeerIndex>& peers);
  [[nodiscard]] bool is_open(const std::string& address) const;

 private:
  void take_misplaced(RequestQueue& from, const RouterPeer& peer, RequestQueue& misplaced);

  const PeerSession::Options options_;
  std::shared_ptr<const View> view_;
  std::deque<RouterPeer> peers_;
  std::vector<PeerIndex> open_;
  std::vector<PeerIndex> by_member_;
  std::vector<PeerIndex> forgotten_;
  std::vector<PeerIndex> free_;
  std::uint32_t next_any_ = 0;
};

}  // namespace reki
