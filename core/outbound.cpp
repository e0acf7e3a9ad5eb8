#include "reki/core/outbound.hpp"

#include <algorithm>

#include "reki/core/assert.hpp"
#include "reki/core/hash.hpp"

namespace reki {
namespace {

/// How often sessions are asked whether time alone has made something due; their own times are several of these.
constexpr Duration peer_check_interval = std::chrono::milliseconds(20);

bool has_key(wire::Op op) { return wire::about_a_key(op); }

/// What the node is given of the time left: a little less, so that its own answer, which knows more than ours, is here
/// before the deadline.
std::uint32_t remaining_for_node(Duration left) {
  const Duration trip = std::min<Duration>(std::chrono::milliseconds(20), left / 10);
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(milliseconds_of(left - trip), 1, UINT32_MAX));
}

}  // namespace

bool may_repeat(wire::Op op) { return op != wire::Op::call && op != wire::Op::send; }

wire::Request wire_request(const OutboundRequest& r, RequestId id, std::uint32_t remaining_ms) {
  wire::Request out;
  out.id = id;
  out.op = r.op;
  out.remaining_ms = remaining_ms;
  out.flags = r.flags;
  out.type = r.type;
  out.key = r.key;
  if (r.args) out.args = *r.args;
  out.message = r.message;
  out.payload = r.payload;
  out.fence = r.fence;
  return out;
}

Outbound::Outbound(const Options& options) : options_(options), random_(options.seed) {
  REKI_ASSERT(options.outstanding_max <= std::uint64_t{1} << place_bits);
}

Outbound::~Outbound() {
  shut_down();
  while (next_done()) {
  }
}

// ---- requests

void Outbound::submit(std::unique_ptr<OutboundRequest> owned, Instant now) {
  OutboundRequest& request = *owned.release();
  if (outstanding_ >= options_.outstanding_max) {
    request.outcome.code = ErrorCode::overloaded;
    request.outcome.text = std::to_string(outstanding_) + " requests are outstanding here";
    request.state_ = OutboundRequest::State::done;
    done_.push_back(request);
    return;
  }
  if (free_places_.empty()) {
    free_places_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.emplace_back();
  }
  const std::uint32_t place = free_places_.back();
  free_places_.pop_back();
  places_[place].request = &request;
  request.id_ = RequestId{++places_[place].use << place_bits | place};
  ++outstanding_;
  if (request.deadline <= now) return finish(request, ErrorCode::deadline_exceeded, "the deadline had passed already");
  timers_.add(request, request.deadline);
  route(request, now);
}

void Outbound::route(OutboundRequest& request, Instant now) {
  Peer* peer = nullptr;
  if (request.peer) {
    peer = &at(*request.peer);
  } else if (!request.node.value.empty()) {
    const Member* member = view_ ? view_->find(request.node) : nullptr;
    if (view_ && member == nullptr) {
      return finish(request, ErrorCode::unreachable,
                    "there is no node '" + request.node.value + "' in view " + std::to_string(epoch().value));
    }
    if (member != nullptr) peer = &peer_of(*member);
  } else {
    peer = has_key(request.op) ? owner_of(request) : any_peer();
  }
  if (peer == nullptr) {
    view_wanted_ = true;
    const char* why = view_ ? "no node owns the key's slot" : "no view of the cluster yet";
    return retry_later(request, Error{ErrorCode::unavailable, why}, now);
  }
  enqueue(request, *peer);
}

void Outbound::enqueue(OutboundRequest& request, Peer& peer) {
  const ErrorCode refusal = peer.session.refusal().code;
  if (refusal == ErrorCode::wrong_cluster || refusal == ErrorCode::version_mismatch) {
    // It was asked at most hello_again ago, and is asked again for those who come later.
    peer.session.want();
    work_for(peer);
    return finish(request, peer.session.refusal());
  }
  request.state_ = OutboundRequest::State::queued;
  request.at_ = peer.index;
  peer.queued.push_back(request);
  peer.session.want();
  work_for(peer);
}

Outbound::Peer* Outbound::owner_of(const OutboundRequest& request) {
  if (!view_) return nullptr;
  const auto hash = hash_key(request.key, hash_type(request.type, view_->hash_seed()));
  const MemberIndex owner = view_->table().owner(slot_of(hash));
  return owner == nobody ? nullptr : &at(by_member_[owner]);
}

Outbound::Peer* Outbound::any_peer() {
  Peer* fallback = nullptr;
  const std::size_t count = view_ ? by_member_.size() : peers_.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t n = next_any_++ % count;
    Peer& peer = view_ ? at(by_member_[n]) : peers_[n];
    if (peer.session.ready()) return &peer;
    // One that has not been tried is better than one that does not answer.
    if (fallback == nullptr || peer.session.state() == PeerSession::State::idle) fallback = &peer;
  }
  ++next_any_;
  return fallback;
}

void Outbound::retry_later(OutboundRequest& request, Error why, Instant now) {
  request.unlink_queue();
  const Instant again = now + backoff(request.tries_);
  if (request.tries_ < 32) ++request.tries_;
  if (again >= request.deadline) return finish(request, std::move(why));
  ++stats_.retries;
  request.last_ = std::move(why);
  request.state_ = OutboundRequest::State::waiting;
  timers_.remove(request);
  timers_.add(request, again);
  waiting_.push_back(request);
}

Duration Outbound::backoff(unsigned tries) {
  Duration wait = options_.backoff_min * (std::int64_t{1} << std::min(tries, 20U));
  wait = std::min(wait, options_.backoff_max);
  random_ += 0x9e3779b97f4a7c15U;
  // Between half and all of it, so that those who failed together do not come back together.
  return wait / 2 + Duration{static_cast<std::int64_t>(mix64(random_) % static_cast<std::uint64_t>(wait.count() / 2 + 1))};
}

void Outbound::redirect(OutboundRequest& request, const wire::ReplyHeader& header, const wire::Reply& reply, Instant now) {
  ++stats_.redirects;
  Error why{ErrorCode::wrong_node, "the nodes do not agree yet who owns the key; last asked: " + describe(at(request.at_))};
  request.unlink_queue();
  // A node that is behind names yesterday's owner, and will catch up.
  const bool behind = header.epoch < epoch();
  if (!behind) view_wanted_ = true;
  const Member* owner = view_ && !behind ? view_->find(reply.owner) : nullptr;
  if (owner == nullptr || request.redirects_ >= limits::redirects_max) return retry_later(request, std::move(why), now);
  ++request.redirects_;
  request.last_ = std::move(why);
  enqueue(request, peer_of(*owner));
}

void Outbound::expire(OutboundRequest& request, Instant now) {
  using State = OutboundRequest::State;
  if (now < request.deadline) {
    REKI_ASSERT(request.state_ == State::waiting);
    timers_.add(request, request.deadline);
    request.unlink_queue();
    return route(request, now);
  }
  if (request.state_ == State::in_flight) {
    const Peer& peer = at(request.at_);
    const bool heard = peer.session.heard_since(request.sent_);
    if (!may_repeat(request.op)) {
      return finish(request, ErrorCode::unknown_outcome,
                    "sent to " + describe(peer) + (heard ? ", which is there but has not answered" : ", which is silent"));
    }
    if (heard) return finish(request, ErrorCode::deadline_exceeded, describe(peer) + " is there but has not answered in time");
    return finish(request, ErrorCode::unreachable, describe(peer) + " has been silent since it was asked");
  }
  if (request.last_.code != ErrorCode::ok) return finish(request, std::move(request.last_));
  const Peer& peer = at(request.at_);
  const Error& refusal = peer.session.refusal();
  if (refusal.code != ErrorCode::ok) return finish(request, refusal);
  finish(request, ErrorCode::unreachable, "no connection to " + describe(peer) + "; nothing was sent");
}

void Outbound::finish(OutboundRequest& request, ErrorCode code, std::string text) {
  request.outcome.code = code;
  request.outcome.text = std::move(text);
  request.unlink_queue();
  timers_.remove(request);
  const auto place = static_cast<std::uint32_t>(request.id_.value & ((std::uint64_t{1} << place_bits) - 1));
  places_[place].request = nullptr;
  free_places_.push_back(place);
  --outstanding_;
  request.state_ = OutboundRequest::State::done;
  done_.push_back(request);
}

std::unique_ptr<OutboundRequest> Outbound::next_done() {
  if (done_.empty()) return nullptr;
  OutboundRequest& request = done_.front();
  request.unlink_queue();
  return std::unique_ptr<OutboundRequest>{&request};
}

void Outbound::shut_down() {
  for (std::size_t i = 0; i < places_.size() && outstanding_ != 0; ++i) {
    OutboundRequest* request = places_[i].request;
    if (request == nullptr) continue;
    if (request->state_ == OutboundRequest::State::in_flight && !may_repeat(request->op)) {
      finish(*request, ErrorCode::unknown_outcome, "closed here while the message was under way");
    } else {
      finish(*request, ErrorCode::shutting_down, "closed here");
    }
  }
}

// ---- peers and views

Outbound::Peer& Outbound::new_peer(std::string address) {
  const PeerIndex index{static_cast<std::uint32_t>(peers_.size())};
  return peers_.emplace_back(index, std::move(address), options_.session);
}

PeerIndex Outbound::add_peer(std::string address) { return new_peer(std::move(address)).index; }

Outbound::Peer& Outbound::peer_of(const Member& member) {
  const auto index = static_cast<std::size_t>(&member - view_->members().data());
  return at(by_member_[index]);
}

void Outbound::set_view(std::shared_ptr<const View> view, Instant now) {
  if (view->epoch() <= epoch()) return;
  view_ = std::move(view);
  view_wanted_ = false;
  for (auto& peer : peers_) peer.leaving = true;
  by_member_.clear();
  for (const auto& member : view_->members()) {
    const auto fits = [&](const Peer& peer) {
      if (peer.closed || !peer.leaving) return false;
      // The node may be known under another spelling of its address, if it was asked for its name there.
      if (peer.node == member.node_id) return peer.address == member.addr || peer.session.ready();
      return peer.node.value.empty() && peer.address == member.addr;
    };
    auto found = std::find_if(peers_.begin(), peers_.end(), fits);
    Peer& peer = found != peers_.end() ? *found : new_peer(member.addr);
    peer.node = member.node_id;
    peer.leaving = false;
    by_member_.push_back(peer.index);
  }
  // Nothing that comes from a node outside of the view counts any more.
  Queue lost;
  for (auto& peer : peers_) {
    if (peer.leaving) lost.append(peer.in_flight);
  }
  while (!lost.empty()) interrupted(lost.front(), now);
  reroute_waiting(now);
  for (auto& peer : peers_) close_if_over(peer);
}

void Outbound::reroute_waiting(Instant now) {
  Queue all;
  all.append(waiting_);
  for (auto& peer : peers_) all.append(peer.queued);
  while (!all.empty()) {
    OutboundRequest& request = all.front();
    request.unlink_queue();
    request.redirects_ = 0;
    request.tries_ = 0;
    if (request.state_ == OutboundRequest::State::waiting) {
      timers_.remove(request);
      timers_.add(request, request.deadline);
    }
    route(request, now);
  }
}

void Outbound::close_if_over(Peer& peer) {
  if (!peer.leaving || peer.closed || !peer.in_flight.empty() || !peer.queued.empty()) return;
  peer.closed = true;
  closed_.push_back(peer.index);
}

void Outbound::take_closed(std::vector<PeerIndex>& peers) {
  peers.clear();
  peers.swap(closed_);
}

bool Outbound::take_view_wanted(Instant now) {
  if (!view_wanted_ || now < view_fetched_ + options_.view_interval) return false;
  view_wanted_ = false;
  view_fetched_ = now;
  return true;
}

std::string Outbound::describe(const Peer& peer) const {
  return peer.node.value.empty() ? peer.address : "node '" + peer.node.value + "' (" + peer.address + ")";
}

// ---- time and sending

void Outbound::tick(Instant now) {
  timers_.advance(now, [&](TimerHook& hook) { expire(static_cast<OutboundRequest&>(hook), now); });
  if (!peers_need_time_ || now < peers_checked_ + peer_check_interval) return;
  peers_checked_ = now;
  peers_need_time_ = false;
  for (auto& peer : peers_) {
    if (peer.closed) continue;
    close_if_over(peer);
    if (due(peer.index, now) != Due::nothing) work_for(peer);
    const bool greets = !peer.session.ready() && peer.session.state() != PeerSession::State::idle;
    if (greets || !peer.in_flight.empty()) peers_need_time_ = true;
  }
}

Instant Outbound::next_wake() const {
  Instant at = timers_.next();
  if (peers_need_time_) at = std::min(at, peers_checked_ + peer_check_interval);
  if (view_wanted_) at = std::min(at, view_fetched_ + options_.view_interval);
  return at;
}

void Outbound::work_for(Peer& peer) {
  peers_need_time_ = true;
  if (std::exchange(peer.has_work, true)) return;
  work_.push_back(peer.index);
}

void Outbound::take_work(std::vector<PeerIndex>& peers) {
  peers.clear();
  peers.swap(work_);
  for (const PeerIndex peer : peers) at(peer).has_work = false;
}

Outbound::Due Outbound::due(PeerIndex index, Instant now) {
  Peer& peer = at(index);
  if (peer.closed) return Due::nothing;
  if (peer.session.hello_due(now)) return Due::hello;
  if (!peer.session.ready()) return Due::nothing;
  if (!peer.queued.empty()) return Due::requests;
  if (!peer.in_flight.empty() && peer.session.ping_due(peer.in_flight.front().sent_, now)) return Due::ping;
  return Due::nothing;
}

void Outbound::hello_sent(PeerIndex peer, Instant now) { at(peer).session.hello_sent(now); }
void Outbound::ping_sent(PeerIndex peer, Instant now) { at(peer).session.ping_sent(now); }

std::uint32_t Outbound::fill(PeerIndex index, wire::RequestWriter& writer, Instant now) {
  Peer& peer = at(index);
  REKI_ASSERT(writer.empty());
  filled_ = 0;
  filled_without_reply_ = false;
  while (!peer.queued.empty() && writer.size() < limits::batch_bytes_target && filled_ < limits::requests_per_frame_max) {
    OutboundRequest& request = peer.queued.front();
    if (!writer.add(wire_request(request, request.id_, remaining_for_node(request.deadline - now)))) {
      if (filled_ != 0) break;
      finish(request, ErrorCode::too_large, "the request does not fit into a frame");
      continue;
    }
    request.unlink_queue();
    request.state_ = OutboundRequest::State::in_flight;
    request.frame_ = peer.session.next_frame();
    request.sent_ = now;
    peer.in_flight.push_back(request);
    filled_without_reply_ |= (request.flags & wire::no_reply) != 0;
    ++filled_;
  }
  return filled_;
}

void Outbound::sent(PeerIndex index) {
  Peer& peer = at(index);
  peer.session.requests_sent();
  peers_need_time_ = true;
  if (!filled_without_reply_) return;
  // For these the caller's part ends here: an empty answer, as if the node had given it.
  Queue batch;
  for (; filled_ != 0; --filled_) {
    OutboundRequest& request = peer.in_flight.back();
    request.unlink_queue();
    batch.push_front(request);
  }
  while (!batch.empty()) {
    OutboundRequest& request = batch.front();
    request.unlink_queue();
    if ((request.flags & wire::no_reply) != 0) {
      request.outcome.node = peer.node;
      finish(request, ErrorCode::ok, {});
    } else {
      peer.in_flight.push_back(request);
    }
  }
}

void Outbound::not_sent(PeerIndex index) {
  Peer& peer = at(index);
  for (; filled_ != 0; --filled_) {
    OutboundRequest& request = peer.in_flight.back();
    request.unlink_queue();
    request.state_ = OutboundRequest::State::queued;
    peer.queued.push_front(request);
  }
}

}  // namespace reki
