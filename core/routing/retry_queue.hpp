#pragma once

#include <cstdint>

#include "reki/core/base/random.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/routing/routed_request.hpp"

namespace reki {

class RouterPeers;

/// Requests that one peer has refused, to be tried again. A part of the peer; RetryQueue alone changes it, but for
/// taking requests out.
struct HeldRequests {
  RequestQueue requests;                  ///< Whoever has waited longest comes first.
  unsigned refusals = 0;                  ///< How often in a row some were let go and nothing came of it.
  Instant release_at = Instant::never();  ///< When the next are let go.
};

/// Decides when requests that were refused are tried again.
///
/// Pure but for its draws, which its seed decides; no thread safety. Of those held at a peer `limits::retry_probes` are
/// let go after each `retry_wait`, and two more with each one that is then served: so what a quarter of a million of
/// them cost is bounded, and they are served again as fast as the peer can.
///
/// What is let go is in released() after each call, for the caller to send or to end.
class RetryQueue {
 public:
  explicit RetryQueue(std::uint64_t seed) : random_(seed) {}

  /// The request waits. REQUIRES: it is in no queue.
  void hold(HeldRequests& at, RoutedRequest& request, Instant now);
  /// The peer has served a request, which had been held before or not.
  void served(HeldRequests& at, bool was_held, Instant now) {
    at.refusals = 0;
    if (!at.requests.empty()) release_more(at, was_held, now);
  }
  /// The peer goes by a newer view than when it refused them, perhaps the one that it refused them for want of.
  void moved_on(HeldRequests& at, Instant now);
  /// Lets go those whose time has come, of all open peers.
  void tick(RouterPeers& peers, Instant now);
  /// When to call tick() next: not after the first time of any peer.
  [[nodiscard]] Instant next() const { return next_; }

  /// To be tried now, in this order. The caller takes them out.
  [[nodiscard]] RequestQueue& released() { return released_; }

 private:
  void release_more(HeldRequests& at, bool was_held, Instant now);
  void release_due(HeldRequests& at, Instant now);
  void release(HeldRequests& at, int count);

  SplitMix random_;
  Instant next_ = Instant::never();
  RequestQueue released_;
};

}  // namespace reki
