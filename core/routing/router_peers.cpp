#include "reki/core/routing/router_peers.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace reki {
namespace {

bool is_of(const RouterPeer& peer, const Member& member) {
  if (!peer.node) return peer.address == member.addr;
  // The node may be known under another spelling of its address, if it was asked for its name there.
  if (*peer.node != member.node_id || (peer.address != member.addr && !peer.session.ready())) return false;
  const Incarnation met = peer.session.incarnation();
  const bool same_as_named = peer.named == member.incarnation;
  const bool same_as_met = peer.session.ready() && met == member.incarnation;
  const bool not_known = peer.named.value == 0 && met.value == 0;
  return member.incarnation.value == 0 || same_as_named || same_as_met || not_known;
}

}  // namespace

RouterPeer& RouterPeers::add(std::string address) {
  PeerIndex index{static_cast<std::uint32_t>(peers_.size())};
  if (free_.empty()) {
    peers_.emplace_back(index, std::move(address), options_);
  } else {
    index = free_.back();
    free_.pop_back();
    std::destroy_at(&peers_[index.value]);
    std::construct_at(&peers_[index.value], index, std::move(address), options_);
  }
  open_.push_back(index);
  return peers_[index.value];
}

std::vector<PeerIndex> RouterPeers::seat(const View& view) {
  std::unordered_multimap<std::string_view, PeerIndex> known;
  for (const PeerIndex index : open_) {
    const RouterPeer& peer = (*this)[index];
    known.emplace(peer.node ? peer.node->value : peer.address, index);
  }
  const auto take = [&](const std::string& name, const Member& member) -> RouterPeer* {
    const auto [first, last] = known.equal_range(name);
    const auto found = std::find_if(first, last, [&](const auto& entry) { return is_of((*this)[entry.second], member); });
    if (found == last) return nullptr;
    RouterPeer& peer = (*this)[found->second];
    known.erase(found);
    return &peer;
  };
  by_member_.clear();
  for (const Member& member : view.members()) {
    RouterPeer* peer = take(member.node_id.value, member);
    if (peer == nullptr) peer = take(member.addr, member);
    if (peer == nullptr) peer = &add(member.addr);
    if (!peer->node) peer->node = std::make_shared<const NodeId>(member.node_id);
    peer->named = member.incarnation;
    by_member_.push_back(peer->index);
  }
  open_ = by_member_;
  std::vector<PeerIndex> left;
  for (const auto& [name, index] : known) left.push_back(index);
  std::sort(left.begin(), left.end());  // the map's order is nobody's
  for (const PeerIndex index : left) (*this)[index].closed = true;
  return left;
}

bool RouterPeers::is_open(const std::string& address) const {
  return std::any_of(open_.begin(), open_.end(), [&](PeerIndex p) { return (*this)[p].address == address; });
}

}  // namespace reki
