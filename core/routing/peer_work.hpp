#pragma once

#include <vector>

#include "reki/core/base/time.hpp"
#include "reki/core/routing/router_peers.hpp"

namespace reki {

/// Which peers something is to be sent to, so that nobody has to look at all of them each time.
///
/// Pure; no thread safety. An event puts a peer on the list. What becomes due by time alone, a HELLO said again and a
/// PING, is looked for every 20 ms, and only while somebody owes a WELCOME or replies: the times of sessions are
/// several of these.
class PeerWork {
 public:
  void add(RouterPeer& peer);
  /// Somebody has requests for the peer: so that there is a connection to it.
  void want(RouterPeer& peer) {
    peer.session.want();
    add(peer);
  }
  /// There is somebody now who owes something.
  void expect_more() { looks_ = true; }
  /// Swaps in those on the list, each once.
  void take(RouterPeers& of, std::vector<PeerIndex>& peers);
  /// Puts those on the list that have something due by time. True if requests may wait for one of them in vain.
  [[nodiscard]] bool look(RouterPeers& peers, Instant now);
  /// When to call look() next; never() if nobody owes anything.
  [[nodiscard]] Instant next_look() const;

 private:
  std::vector<PeerIndex> list_;
  bool looks_ = false;
  Instant looked_;
};

}  // namespace reki
