#include "reki/core/routing/peer_work.hpp"

#include <utility>

namespace reki {
namespace {

constexpr Duration look_interval = std::chrono::milliseconds(20);

}  // namespace

void PeerWork::add(RouterPeer& peer) {
  looks_ = true;
  if (!std::exchange(peer.has_work, true)) list_.push_back(peer.index);
}

void PeerWork::take(RouterPeers& of, std::vector<PeerIndex>& peers) {
  peers.clear();
  peers.swap(list_);
  for (const PeerIndex peer : peers) of[peer].has_work = false;
}

bool PeerWork::look(RouterPeers& peers, Instant now) {
  if (!looks_ || now < looked_ + look_interval) return false;
  looked_ = now;
  looks_ = false;
  bool stuck = false;
  for (const PeerIndex index : peers.open()) {
    RouterPeer& peer = peers[index];
    if (peer.due(now) != RouterPeer::Due::nothing) add(peer);
    stuck |= peer.is_stuck(now);
    const bool greets = !peer.session.ready() && peer.session.state() != PeerSession::State::idle;
    looks_ |= greets || peer.oldest_owed() != nullptr;
  }
  return stuck;
}

Instant PeerWork::next_look() const { return looks_ ? looked_ + look_interval : Instant::never(); }

}  // namespace reki
