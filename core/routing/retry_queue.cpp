#include "reki/core/routing/retry_queue.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/routing/retry_wait.hpp"
#include "reki/core/routing/router_peers.hpp"

namespace reki {

void RetryQueue::hold(HeldRequests& at, RoutedRequest& request, Instant now) {
  if (at.release_at <= now || at.release_at == Instant::never()) at.release_at = now + retry_wait(at.refusals, random_);
  next_ = std::min(next_, at.release_at);
  at.requests.push_back(request);
}

void RetryQueue::release_more(HeldRequests& at, bool was_held, Instant now) {
  if (was_held) release(at, 2);
  at.release_at = std::min(at.release_at, now + limits::retry_wait_min);
  next_ = std::min(next_, at.release_at);
}

void RetryQueue::moved_on(HeldRequests& at, Instant now) {
  if (at.requests.empty()) return;
  at.refusals = 0;
  next_ = at.release_at = now;
}

void RetryQueue::tick(RouterPeers& peers, Instant now) {
  if (now < next_) return;
  next_ = Instant::never();
  for (const PeerIndex index : peers.open()) {
    HeldRequests& held = peers[index].held;
    if (now >= held.release_at) release_due(held, now);
    next_ = std::min(next_, held.release_at);
  }
}

void RetryQueue::release_due(HeldRequests& at, Instant now) {
  at.release_at = Instant::never();
  if (at.requests.empty()) return;
  ++at.refusals;
  release(at, limits::retry_probes);
  if (!at.requests.empty()) at.release_at = now + retry_wait(at.refusals, random_);
}

void RetryQueue::release(HeldRequests& at, int count) {
  for (; count > 0 && !at.requests.empty(); --count) {
    RoutedRequest& request = at.requests.front();
    request.unlink_queue();
    released_.push_back(request);
  }
}

}  // namespace reki
