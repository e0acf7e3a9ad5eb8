// How a RequestRouter follows the cluster's views.
#include <algorithm>

#include "reki/core/routing/request_router.hpp"

namespace reki {
namespace {

/// A node that has left closes its connections within that time, and says what it has not read.
constexpr Duration parting_time_max = limits::closing_time_max + limits::flush_time_max;

}  // namespace

PeerIndex RequestRouter::add_peer(std::string address) {
  seeds_.push_back(address);
  return peers_.add(std::move(address)).index;
}

RequestRouter::Peer& RequestRouter::peer_of(const Member& member) {
  const auto index = static_cast<std::size_t>(&member - view_->members().data());
  return peers_[peers_.members()[index]];
}

void RequestRouter::set_view(std::shared_ptr<const View> view, Instant now) {
  if (view->epoch() <= epoch()) return;
  view_ = std::move(view);
  polls_.installed(epoch());
  Queue moving;
  for (const PeerIndex left : peers_.seat(*view_)) leave(peers_[left], moving, now);
  for (const PeerIndex index : peers_.open()) {
    take_misplaced(peers_[index].held, peers_[index], moving);
    take_misplaced(peers_[index].queued, peers_[index], moving);
  }
  moving.append(await_view_);
  route_all(moving, now);
}

/// Nothing is sent there any more. A node that has left has answered what it executed, and the answer may come later than
/// the view without it; one that is silent is not waited for.
void RequestRouter::leave(Peer& peer, Queue& moving, Instant now) {
  const RoutedRequest* const owed = oldest_owed(peer);
  const bool silent = owed != nullptr && peer.session.silent_to_ping(owed->sent_, now);
  settle(peer, peer.session.last_executed(), moving, silent ? InDoubt::ends : InDoubt::waits);
  moving.append(peer.held);
  moving.append(peer.queued);
  if (peer.in_flight.empty()) return closed_.push_back(peer.index);
  peer.parts_at = now + parting_time_max;
  parting_.push_back(peer.index);
}

void RequestRouter::part_in_time(Instant now) {
  Queue moving;
  std::erase_if(parting_, [&](PeerIndex index) {
    Peer& peer = peers_[index];
    if (!peer.in_flight.empty() && now < peer.parts_at) return false;
    settle(peer, peer.session.last_executed(), moving);
    closed_.push_back(index);
    return true;
  });
  route_all(moving, now);
}

void RequestRouter::take_misplaced(Queue& from, const Peer& peer, Queue& misplaced) {
  Queue all;
  all.append(from);
  while (!all.empty()) {
    RoutedRequest& request = all.front();
    request.unlink_queue();
    (belongs(request, peer) ? from : misplaced).push_back(request);
  }
}

bool RequestRouter::belongs(RoutedRequest& request, const Peer& peer) {
  if (request.peer) return true;
  if (!request.node.value.empty()) return peer.node && request.node == *peer.node;
  return has_key(request.op) ? owner_of(request) == &peer : true;
}

// ---- asking for newer ones

void RequestRouter::follow(Instant now) {
  if (!options_.follow_views || !view_ || !polls_.due(now)) return;
  if (!polls_.behind() && !anything_stuck(now)) return polls_.calm();
  open_one_more();
  if (polls_.silence(now) >= limits::seeds_after) open_seeds();
  ask_for_view(now);
}

/// Requests of the peer may wait for it in vain.
bool RequestRouter::is_stuck(Peer& peer, Instant now) {
  if (!peer.held.empty()) return true;
  if (!peer.queued.empty() && !peer.session.ready()) return true;
  const RoutedRequest* const owed = oldest_owed(peer);
  return owed != nullptr && (peer.refusals > 0 || peer.session.silent(owed->sent_, now));
}

bool RequestRouter::anything_stuck(Instant now) {
  const auto open = peers_.open();
  return !await_view_.empty() || std::any_of(open.begin(), open.end(), [&](PeerIndex p) { return is_stuck(peers_[p], now); });
}

void RequestRouter::ask_for_view(Instant now) {
  Peer* const peer = whom_to_ask_for_view();
  if (peer == nullptr) return polls_.nobody(now);
  ++stats_.view_polls;
  polls_.asked(now);
  auto question = std::make_unique<RoutedRequest>(
      wire::RequestBody{.op = wire::Op::view, .args = wire::encode_view_args(epoch())});
  RoutedRequest& request = *question;
  request.deadline = now + limits::view_poll_timeout;
  request.peer = peer->index;
  request.asks_for_view_ = true;
  peer->asked_for_view = true;
  submit(std::move(question), now);
  request.unlink_queue();
  peer->queued.push_front(request);
}

/// One that is there: who is known to have a newer view, else all in turn.
RequestRouter::Peer* RequestRouter::whom_to_ask_for_view() {
  const auto can = [&](PeerIndex p) {
    return !peers_[p].closed && peers_[p].session.ready() && !peers_[p].asked_for_view;
  };
  if (const auto informant = polls_.informant(); informant && can(*informant)) return &peers_[*informant];
  const auto open = peers_.open();
  for (std::size_t i = 0; i < open.size(); ++i) {
    const PeerIndex index = open[next_asked_++ % open.size()];
    if (can(index)) return &peers_[index];
  }
  return nullptr;
}

/// A connection to a node that there was no need of so far: those that there are may all be of no use.
void RequestRouter::open_one_more() {
  const auto members = peers_.members();
  for (std::size_t i = 0; i < members.size(); ++i) {
    Peer& peer = peers_[members[next_opened_++ % members.size()]];
    if (peer.session.state() != PeerSession::State::idle) continue;
    peer.session.want();
    return work_for(peer);
  }
}

/// The nodes of the view may all have gone while nobody looked.
void RequestRouter::open_seeds() {
  for (const auto& address : seeds_) {
    if (peers_.is_open(address)) continue;
    Peer& peer = peers_.add(address);
    peer.session.want();
    work_for(peer);
  }
}

void RequestRouter::install_answers(Instant now) {
  while (!view_answers_.empty()) {
    const std::unique_ptr<RoutedRequest> question{&view_answers_.front()};
    question->unlink_queue();
    const Outcome& answer = question->outcome;
    if (!answer.node) continue;  // nobody has answered
    if (answer.code == ErrorCode::ok && !answer.payload.empty()) {
      auto view = decode_view(answer.payload);
      if (view && view->cluster_id() == view_->cluster_id()) set_view(std::make_shared<const View>(std::move(*view)), now);
    }
    polls_.answered(now);
  }
}

}  // namespace reki
