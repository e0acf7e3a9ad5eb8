#include "reki/core/routing/router_peers.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "reki/core/base/hash.hpp"

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

/// What has happened on a node nobody else can tell.
bool is_told_there_alone(const RoutedRequest& request) { return request.op == wire::Op::watch && !request.node.value.empty(); }

}  // namespace

// ---- one peer

std::string RouterPeer::describe() const { return node ? "node '" + node->value + "' (" + address + ")" : address; }

RouterPeer::Due RouterPeer::due(Instant now) {
  if (closed) return Due::nothing;
  if (session.hello_due(now)) return Due::hello;
  if (!session.ready()) return Due::nothing;
  if (!queued.empty()) return Due::requests;
  const RoutedRequest* const owed = oldest_owed();
  return owed != nullptr && session.ping_due(owed->progress.sent, now) ? Due::ping : Due::nothing;
}

RoutedRequest* RouterPeer::oldest_owed() {
  if (in_flight.empty()) return nullptr;
  RoutedRequest& first = in_flight.front();
  return first.progress.asks_for_view ? in_flight.after(first) : &first;
}

bool RouterPeer::is_stuck(Instant now) {
  if (!held.requests.empty()) return true;
  if (!queued.empty() && !session.ready()) return true;
  const RoutedRequest* const owed = oldest_owed();
  return owed != nullptr && (held.refusals > 0 || session.silent(owed->progress.sent, now));
}

void RouterPeer::settle(std::uint64_t last_executed_frame, InDoubt in_doubt, RequestQueue& again, RequestQueue& ended) {
  const bool waits = in_doubt == InDoubt::waits;
  RequestQueue before;
  before.append(in_flight);
  while (!before.empty()) {
    RoutedRequest& request = before.front();
    request.unlink_queue();
    if (request.progress.asks_for_view) {
      request.fail(Error{ErrorCode::unreachable});
      ended.push_back(request);
    } else if (request.progress.frame > last_executed_frame || (may_repeat(request.op) && !(waits && is_told_there_alone(request)))) {
      request.progress.state = RoutedRequest::State::queued;
      again.push_back(request);
    } else if (waits) {
      in_flight.push_back(request);
    } else {
      request.fail(
          Error{ErrorCode::unknown_outcome, "the connection to " + describe() + " was over before it answered"});
      ended.push_back(request);
    }
  }
}

// ---- which one

RouterPeer& RouterPeers::of(const Member& member) {
  const auto index = static_cast<std::size_t>(&member - view_->members().data());
  return (*this)[by_member_[index]];
}

RouterPeer* RouterPeers::owner_of(RoutedRequest& request) {
  if (!view_) return nullptr;
  auto& slot = request.progress.slot;
  if (!slot) slot = slot_of(hash_key(request.key, hash_type(request.type, view_->hash_seed())));
  const MemberIndex owner = view_->table().owner(*slot);
  return owner == nobody ? nullptr : &(*this)[by_member_[owner]];
}

RouterPeer* RouterPeers::any() {
  RouterPeer* fallback = nullptr;
  const std::span<const PeerIndex> all = view_ ? by_member_ : open_;
  for (std::size_t i = 0; i < all.size(); ++i) {
    RouterPeer& peer = (*this)[all[next_any_++ % all.size()]];
    if (peer.session.ready()) return &peer;
    // One that has not been tried is better than one that does not answer.
    if (fallback == nullptr || peer.session.state() == PeerSession::State::idle) fallback = &peer;
  }
  ++next_any_;
  return fallback;
}

bool RouterPeers::is_for(RoutedRequest& request, const RouterPeer& peer) {
  if (request.peer) return true;
  if (!request.node.value.empty()) return peer.node && request.node == *peer.node;
  return wire::about_a_key(request.op) ? owner_of(request) == &peer : true;
}

void RouterPeers::take_misplaced(RouterPeer& peer, RequestQueue& misplaced) {
  take_misplaced(peer.held.requests, peer, misplaced);
  take_misplaced(peer.queued, peer, misplaced);
}

void RouterPeers::take_misplaced(RequestQueue& from, const RouterPeer& peer, RequestQueue& misplaced) {
  RequestQueue all;
  all.append(from);
  while (!all.empty()) {
    RoutedRequest& request = all.front();
    request.unlink_queue();
    (is_for(request, peer) ? from : misplaced).push_back(request);
  }
}

// ---- which there are

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

std::vector<PeerIndex> RouterPeers::seat(std::shared_ptr<const View> next) {
  view_ = std::move(next);
  std::unordered_multimap<std::string_view, PeerIndex> known;
  for (const PeerIndex index : open_) {
    const RouterPeer& peer = (*this)[index];
    known.emplace(peer.node ? peer.node->value : peer.address, index);
  }
  const auto take = [&](const std::string& name, const Member& member) -> RouterPeer* {
    const auto [first, last] = known.equal_range(name);
    const auto found =
        std::find_if(first, last, [&](const auto& entry) { return is_of((*this)[entry.second], member); });
    if (found == last) return nullptr;
    RouterPeer& peer = (*this)[found->second];
    known.erase(found);
    return &peer;
  };
  by_member_.clear();
  for (const Member& member : view_->members()) {
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

void RouterPeers::take_closed(std::vector<PeerIndex>& peers) {
  peers.clear();
  peers.swap(forgotten_);
  free_.insert(free_.end(), peers.begin(), peers.end());
}

bool RouterPeers::is_open(const std::string& address) const {
  return std::any_of(open_.begin(), open_.end(), [&](PeerIndex p) { return (*this)[p].address == address; });
}

}  // namespace reki
