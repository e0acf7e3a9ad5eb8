#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reki/core/base/intrusive_list.hpp"
#include "reki/core/routing/peer_session.hpp"
#include "reki/core/routing/routed_request.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

/// One life of a node, as a `RequestRouter` deals with it; or an address, as long as it is not known who answers there.
struct RouterPeer {
  using Queue = IntrusiveList<RoutedRequest, RouterQueueTag>;
  RouterPeer(PeerIndex i, std::string a, const PeerSession::Options& options)
      : index(i), address(std::move(a)), session(options) {}

  PeerIndex index;
  std::string address;
  SharedNodeId node;  ///< Null until the peer or a view says it.
  Incarnation named;  ///< The life that the view names; 0: it names none.
  Epoch epoch;        ///< The newest view that the peer has said it goes by.
  PeerSession session;

  Queue queued;     ///< For the connection.
  Queue in_flight;  ///< Oldest first.
  Queue held;       ///< Refused here; to be tried again. Whoever has waited longest comes first.
  unsigned refusals = 0;                   ///< How often in a row those held were let go and nothing came of it.
  Instant release_at = Instant::never();   ///< When some of those held are let go.

  bool has_work = false;
  bool asked_for_view = false;
  bool closed = false;                    ///< In no view any more: it is asked nothing.
  Instant parts_at = Instant::never();    ///< Of a closed one: how long at most it may answer what it was asked before.
};

/// The peers of a `RequestRouter`: those of the view's members, and addresses that were given by hand.
///
/// Pure; no thread safety. References stay good until the peer's place is given to another, after `forget`.
class RouterPeers {
 public:
  explicit RouterPeers(const PeerSession::Options& options) : options_(options) {}

  RouterPeer& operator[](PeerIndex peer) { return peers_[peer.value]; }
  const RouterPeer& operator[](PeerIndex peer) const { return peers_[peer.value]; }
  /// Those that are not closed.
  std::span<const PeerIndex> open() const { return open_; }
  /// Those of the last view's members, in their order.
  std::span<const PeerIndex> members() const { return by_member_; }

  RouterPeer& add(std::string address);
  /// Gives each member of the view its peer. Returns the others, which are closed now: their requests are to be taken
  /// from them.
  ///
  /// A peer stays that of a node only while it is about the same life of it: a new life gets a new connection at once,
  /// while libzmq would try the old one again every now and then.
  std::vector<PeerIndex> seat(const View& view);
  /// Closed peers that nobody has an event for any more: their places may be used again.
  void forget(std::span<const PeerIndex> closed) { free_.insert(free_.end(), closed.begin(), closed.end()); }
  bool is_open(const std::string& address) const;

 private:
  const PeerSession::Options options_;
  std::deque<RouterPeer> peers_;
  std::vector<PeerIndex> open_;
  std::vector<PeerIndex> by_member_;
  std::vector<PeerIndex> free_;
};

}  // namespace reki
