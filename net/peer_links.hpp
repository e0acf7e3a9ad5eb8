#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "reki/core/base/time.hpp"
#include "reki/core/routing/incoming_frames.hpp"
#include "reki/core/routing/request_router.hpp"
#include "reki/net/dialer.hpp"
#include "reki/net/peer_connections.hpp"

namespace reki {

/// The sockets of a `RequestRouter`: a DEALER per peer, made when there is something for the peer. It moves bytes; what
/// they say, and what is done about it, is the router's.
///
/// Owned by one thread, as its `RequestRouter` is; both outlive nothing of each other's: destroy this first. It polls
/// nothing itself, so that a node can wait for these sockets together with its own:
///
///     for (;;) {
///       router.submit(...); router.tick(now);
///       links.flush(now);                              // sends everything that is waiting
///       while (auto done = router.next_done()) ...
///       items.assign(own...); links.append_to(items);
///       poll_until(items, now, std::min(router.next_wake(), links.next_wake()));
///       now = boot_time();
///       links.process(std::span(items).subspan(own), now);   // reads what is there
///     }
///
/// The rules for libzmq are in docs/membership.md, section 8: nothing blocks, nothing lingers, no routing ids, every
/// socket has its limits. A peer whose address libzmq does not take is refused alone.
class PeerLinks final : public PeerConnections {
 public:
  /// `context` and `router` must outlive this.
  PeerLinks(zmq::context_t& context, RequestRouter& router);
  ~PeerLinks();
  PeerLinks(const PeerLinks&) = delete;
  PeerLinks& operator=(const PeerLinks&) = delete;

  /// Adds the sockets to what the caller polls.
  void append_to(std::vector<zmq::pollitem_t>& items) const;
  /// When `process` is due in any event.
  [[nodiscard]] Instant next_wake() const { return dialer_.next_wake(); }
  /// Reads what has come. REQUIRES: `items` are those that append_to() added last, after a poll.
  void process(std::span<const zmq::pollitem_t> items, Instant now);
  /// Sends what `router` has for peers, opens and closes sockets as it says.
  void flush(Instant now);
  void set_incarnation(Incarnation incarnation, Instant now) override;
  /// True if there may be more to read than one round takes: poll without waiting.
  bool more_to_read() const { return more_to_read_; }

 private:
  struct Link;

  Link* link_of(PeerIndex peer, Instant now, std::string& why);
  void serve(PeerIndex peer, Instant now);
  static bool send(Link& link, BytesView frame);
  void read_monitor(Link& link);
  void read_frames(Link& link, Instant now);

  zmq::context_t& context_;
  RequestRouter& router_;
  IncomingFrames frames_in_;
  Dialer dialer_;
  std::vector<std::unique_ptr<Link>> links_;  // by PeerIndex; null where there is no socket
  std::vector<PeerIndex> open_;               // those that have one, in the order of append_to()
  std::vector<PeerIndex> work_;
  bool more_to_read_ = false;
};

}  // namespace reki
