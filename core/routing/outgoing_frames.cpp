#include "reki/core/routing/outgoing_frames.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/limits.hpp"

namespace reki {
namespace {

/// What the node is given of the time left: a little less, so that its own answer, which knows more than ours, is here
/// before the deadline.
std::uint32_t remaining_for_node(Duration left) {
  const Duration trip = std::min<Duration>(std::chrono::milliseconds(20), left / 10);
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(milliseconds_of(left - trip), 1, UINT32_MAX));
}

}  // namespace

OutgoingFrames::OutgoingFrames(Identity identity) : identity_(std::move(identity)) { make_hello(); }

void OutgoingFrames::make_hello() {
  wire::Hello hello;
  hello.cluster = identity_.cluster;
  hello.role = identity_.role;
  hello.name = identity_.name;
  hello.incarnation = identity_.incarnation;
  hello_ = wire::encode_hello(hello);
}

bool OutgoingFrames::is_ours(std::string_view cluster) {
  if (identity_.cluster.empty()) identity_.cluster = cluster;
  return cluster == identity_.cluster;
}

bool OutgoingFrames::set_incarnation(Incarnation incarnation) {
  if (std::exchange(identity_.incarnation, incarnation) == incarnation) return false;
  make_hello();
  return true;
}

BytesView OutgoingFrames::next(RouterPeer& peer, Epoch epoch, Instant now, RequestQueue& ended) {
  REKI_ASSERT(offer_.kind == Kind::nothing);
  offer_ = {};
  offer_.at = now;
  for (;;) {
    const Kind kind = peer.due(now);
    if (kind == Kind::requests && !fill(peer, now, ended)) continue;  // those were too large, and there may be others
    offer_.kind = kind;
    switch (kind) {
      case Kind::nothing:
        return {};
      case Kind::hello:
        return hello_;
      case Kind::ping:
        ping_ = wire::encode_ping({++nonce_});
        return ping_;
      case Kind::requests:
        return writer_.finish(epoch, peer.session.incarnation());
    }
  }
}

/// False if there is nothing to be sent after all.
bool OutgoingFrames::fill(RouterPeer& peer, Instant now, RequestQueue& ended) {
  writer_.clear();
  std::uint32_t& count = offer_.requests;
  while (!peer.queued.empty() && writer_.size() < limits::batch_bytes_target &&
         count < limits::requests_per_frame_max) {
    RoutedRequest& request = peer.queued.front();
    const bool fits =
        writer_.add(wire::view_of(request, request.progress.id, remaining_for_node(request.deadline - now)));
    if (!fits && count != 0) break;
    request.unlink_queue();
    if (!fits) {
      request.fail(Error{ErrorCode::too_large, "the request does not fit into a frame"});
      ended.push_back(request);
      continue;
    }
    request.progress.state = RoutedRequest::State::in_flight;
    request.progress.frame = peer.session.next_frame();
    request.progress.sent = now;
    peer.in_flight.push_back(request);
    offer_.without_reply |= (request.flags & wire::no_reply) != 0;
    ++count;
  }
  return count != 0;
}

void OutgoingFrames::taken(RouterPeer& peer, bool yes, RequestQueue& ended) {
  const Offer offer = std::exchange(offer_, {});
  switch (offer.kind) {
    case Kind::nothing:
      REKI_ASSERT(false);
      break;
    case Kind::hello:
      if (yes) peer.session.hello_sent(offer.at);
      break;
    case Kind::ping:
      if (yes) peer.session.ping_sent(offer.at);
      break;
    case Kind::requests:
      if (!yes) return put_back(peer, offer.requests);
      peer.session.requests_sent();
      if (offer.without_reply) end_without_reply(peer, offer.requests, ended);
      break;
  }
}

/// For these the caller's part ends here: an empty answer, as if the node had given it.
void OutgoingFrames::end_without_reply(RouterPeer& peer, std::uint32_t sent, RequestQueue& ended) {
  RequestQueue batch;
  for (; sent != 0; --sent) {
    RoutedRequest& request = peer.in_flight.back();
    request.unlink_queue();
    batch.push_front(request);
  }
  while (!batch.empty()) {
    RoutedRequest& request = batch.front();
    request.unlink_queue();
    const bool ends = (request.flags & wire::no_reply) != 0;
    if (ends) request.outcome.node = peer.node;
    (ends ? ended : peer.in_flight).push_back(request);
  }
}

void OutgoingFrames::put_back(RouterPeer& peer, std::uint32_t requests) {
  for (; requests != 0; --requests) {
    RoutedRequest& request = peer.in_flight.back();
    request.unlink_queue();
    request.progress.state = RoutedRequest::State::queued;
    peer.queued.push_front(request);
  }
}

}  // namespace reki
