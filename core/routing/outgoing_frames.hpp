#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reki/core/base/bytes.hpp"
#include "reki/core/routing/router_peers.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/core/wire/wire.hpp"

namespace reki {

/// Who sends requests, as a HELLO says it.
struct Identity {
  std::string cluster;  ///< Empty: that of the first peer to say WELCOME.
  wire::Role role = wire::Role::client;
  std::string name;  ///< The node's id, or the client's name for logs.
  Incarnation incarnation;
};

/// Makes the frames that peers are sent: HELLO, PING, and REQUEST of all that waits for the peer.
///
/// Pure; no thread safety. One frame is on offer at a time, between next() that gives it and taken(). Buffers are used
/// again.
class OutgoingFrames {
 public:
  explicit OutgoingFrames(Identity identity);

  [[nodiscard]] const Identity& identity() const { return identity_; }
  /// True if the peer is of our cluster, which is its cluster if we knew none.
  [[nodiscard]] bool is_ours(std::string_view cluster);
  /// HELLOs are of this incarnation from now on. False if they were already.
  bool set_incarnation(Incarnation incarnation);

  /// The frame that is due to the peer, good until the next call; empty if there is none. Requests that are in it are
  /// in flight. Those that fit into no frame go to `ended`, with their outcome. REQUIRES: no frame is on offer.
  [[nodiscard]] BytesView next(RouterPeer& peer, Epoch epoch, Instant now, RequestQueue& ended);
  /// The socket has taken the frame on offer, or it has not: then all is as before next(). Requests that get no reply
  /// go to `ended`, with their outcome.
  void taken(RouterPeer& peer, bool yes, RequestQueue& ended);

 private:
  using Kind = RouterPeer::Due;
  struct Offer {
    Kind kind = Kind::nothing;
    Instant at;
    std::uint32_t requests = 0;
    bool without_reply = false;  // some of these
  };
  void make_hello();
  bool fill(RouterPeer& peer, Instant now, RequestQueue& ended);
  static void end_without_reply(RouterPeer& peer, std::uint32_t sent, RequestQueue& ended);
  static void put_back(RouterPeer& peer, std::uint32_t requests);

  Identity identity_;
  Bytes hello_;
  Bytes ping_;
  std::uint64_t nonce_ = 0;
  wire::RequestWriter writer_;
  Offer offer_;
};

}  // namespace reki
