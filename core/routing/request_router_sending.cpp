// What a RequestRouter has for the sockets of its peers.
#include <algorithm>

#include "reki/core/base/assert.hpp"
#include "reki/core/routing/request_router.hpp"

namespace reki {
namespace {

/// What the node is given of the time left: a little less, so that its own answer, which knows more than ours, is here
/// before the deadline.
std::uint32_t remaining_for_node(Duration left) {
  const Duration trip = std::min<Duration>(std::chrono::milliseconds(20), left / 10);
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(milliseconds_of(left - trip), 1, UINT32_MAX));
}

}  // namespace

void RequestRouter::work_for(Peer& peer) {
  peers_need_time_ = true;
  if (std::exchange(peer.has_work, true)) return;
  work_.push_back(peer.index);
}

void RequestRouter::take_work(std::vector<PeerIndex>& peers) {
  peers.clear();
  peers.swap(work_);
  for (const PeerIndex peer : peers) peers_[peer].has_work = false;
}

void RequestRouter::take_closed(std::vector<PeerIndex>& peers) {
  peers.clear();
  peers.swap(closed_);
  peers_.forget(peers);
}

RequestRouter::Due RequestRouter::due(PeerIndex index, Instant now) {
  Peer& peer = peers_[index];
  if (peer.closed) return Due::nothing;
  if (peer.session.hello_due(now)) return Due::hello;
  if (!peer.session.ready()) return Due::nothing;
  if (!peer.queued.empty()) return Due::requests;
  const RoutedRequest* const owed = oldest_owed(peer);
  return owed != nullptr && peer.session.ping_due(owed->sent_, now) ? Due::ping : Due::nothing;
}

/// Of what callers wait for there: a question for a view, of which a peer has one at most, keeps nobody waiting.
RoutedRequest* RequestRouter::oldest_owed(Peer& peer) {
  if (peer.in_flight.empty()) return nullptr;
  RoutedRequest& first = peer.in_flight.front();
  return first.asks_for_view_ ? peer.in_flight.after(first) : &first;
}

void RequestRouter::hello_sent(PeerIndex peer, Instant now) { peers_[peer].session.hello_sent(now); }
void RequestRouter::ping_sent(PeerIndex peer, Instant now) { peers_[peer].session.ping_sent(now); }

std::uint32_t RequestRouter::fill(PeerIndex index, wire::RequestWriter& writer, Instant now) {
  Peer& peer = peers_[index];
  REKI_ASSERT(writer.empty());
  filled_ = 0;
  filled_without_reply_ = false;
  while (!peer.queued.empty() && writer.size() < limits::batch_bytes_target && filled_ < limits::requests_per_frame_max) {
    RoutedRequest& request = peer.queued.front();
    if (!writer.add(wire::view_of(request, request.id_, remaining_for_node(request.deadline - now)))) {
      if (filled_ != 0) break;
      finish(request, ErrorCode::too_large, "the request does not fit into a frame");
      continue;
    }
    request.unlink_queue();
    request.state_ = State::in_flight;
    request.frame_ = peer.session.next_frame();
    request.sent_ = now;
    peer.in_flight.push_back(request);
    filled_without_reply_ |= (request.flags & wire::no_reply) != 0;
    ++filled_;
  }
  return filled_;
}

void RequestRouter::sent(PeerIndex index) {
  Peer& peer = peers_[index];
  peer.session.requests_sent();
  peers_need_time_ = true;
  if (!filled_without_reply_) return;
  // For these the caller's part ends here: an empty answer, as if the node had given it.
  Queue batch;
  for (; filled_ != 0; --filled_) {
    RoutedRequest& request = peer.in_flight.back();
    request.unlink_queue();
    batch.push_front(request);
  }
  while (!batch.empty()) {
    RoutedRequest& request = batch.front();
    request.unlink_queue();
    if ((request.flags & wire::no_reply) != 0) {
      request.outcome.node = peer.node;
      finish(request, ErrorCode::ok, {});
    } else {
      peer.in_flight.push_back(request);
    }
  }
}

void RequestRouter::not_sent(PeerIndex index) {
  Peer& peer = peers_[index];
  for (; filled_ != 0; --filled_) {
    RoutedRequest& request = peer.in_flight.back();
    request.unlink_queue();
    request.state_ = State::queued;
    peer.queued.push_front(request);
  }
}

}  // namespace reki
