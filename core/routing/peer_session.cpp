#include "reki/core/routing/peer_session.hpp"

#include <utility>

namespace reki {

void PeerSession::hello_sent(Instant now) {
  state_ = State::greeting;
  hello_sent_ = now;
  frames_at_hello_ = frames_sent_;
}

void PeerSession::ping_sent(Instant now) {
  pinged_ = now;
  // A node may refuse a PING as it does a REQUEST; counted, so that such a refusal is not taken for that of a request.
  ++frames_sent_;
}

std::uint64_t PeerSession::welcomed(Incarnation incarnation, Instant now) {
  heard(now);
  state_ = State::ready;
  incarnation_ = incarnation;
  refusal_ = Error{ErrorCode::ok};
  const std::uint64_t refused = std::exchange(frames_refused_, 0);
  return frames_at_hello_ - std::min(refused, frames_at_hello_);
}

void PeerSession::unknown_to_peer(bool frame_was_refused) {
  if (frame_was_refused) ++frames_refused_;
  if (state_ != State::ready) return;
  state_ = State::hello_due;
  hello_not_before_ = Instant{};
}

void PeerSession::refused(Error why, Instant now) {
  heard(now);
  refusal_ = std::move(why);
  state_ = State::hello_due;
  hello_not_before_ = now + options_.hello_again;
}

void PeerSession::disconnected() {
  // After a refusal the time of the next attempt stands: a peer that refuses may hang up as well.
  if (state_ != State::idle) state_ = State::hello_due;
}

}  // namespace reki
