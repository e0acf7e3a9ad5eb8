#include "reki/core/routing/request_router.hpp"

#include <algorithm>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/hash.hpp"

namespace reki {
namespace {

/// When a request that waits gives up: its caller is to hear why in time.
Instant give_up_at(Instant deadline, Instant now) {
  return deadline + -std::min<Duration>(limits::give_up_before, (deadline - now) / 10);
}

}  // namespace

RequestRouter::RequestRouter(const Options& options)
    : options_(options), random_(options.seed), peers_(options.session), polls_(mix64(options.seed)) {
  REKI_ASSERT(options.outstanding_max <= limits::outstanding_per_client_max);
}

RequestRouter::~RequestRouter() {
  shut_down();
  done_.append(view_answers_);
  while (next_done()) {
  }
}

// ---- from submit to done

void RequestRouter::prefetch(RoutedRequest& request) {
  if (!has_key(request.op)) return;
  request.key_hash_ = hash_key(request.key, hash_type(request.type, options_.seed));
  if (!only_looks(request.op)) fences_.prefetch(request.key_hash_);
}

void RequestRouter::submit(std::unique_ptr<RoutedRequest> owned, Instant now) {
  RoutedRequest& request = *owned.release();
  if (!request.asks_for_view_) {
    if (outstanding_ >= options_.outstanding_max) {
      request.outcome.code = ErrorCode::overloaded;
      request.outcome.text = std::to_string(outstanding_) + " requests are outstanding here";
      request.state_ = State::done;
      done_.push_back(request);
      return;
    }
    ++outstanding_;
  }
  request.id_ = places_.add(&request);
  if (request.deadline <= now) return finish(request, ErrorCode::deadline_exceeded, "the deadline had passed already");
  if (has_key(request.op)) {
    if (request.key_hash_ == 0) request.key_hash_ = hash_key(request.key, hash_type(request.type, options_.seed));
    if (!only_looks(request.op)) request.floor_ = fences_.highest(request.key_hash_);
  }
  timers_.add(request, give_up_at(request.deadline, now));
  route(request, now);
}

void RequestRouter::finish(RoutedRequest& request, ErrorCode code, std::string text) {
  request.outcome.code = code;
  request.outcome.text = std::move(text);
  finish(request);
}

/// With the outcome that it has.
void RequestRouter::finish(RoutedRequest& request) {
  request.unlink_queue();
  timers_.remove(request);
  places_.remove(request.id_);
  request.state_ = State::done;
  if (request.asks_for_view_) {
    peers_[*request.peer].asked_for_view = false;
    view_answers_.push_back(request);
  } else {
    --outstanding_;
    done_.push_back(request);
  }
}

std::unique_ptr<RoutedRequest> RequestRouter::next_done() {
  if (done_.empty()) return nullptr;
  RoutedRequest& request = done_.front();
  request.unlink_queue();
  return std::unique_ptr<RoutedRequest>{&request};
}

void RequestRouter::shut_down() {
  places_.for_each([this](RoutedRequest& request) {
    if (request.state_ == State::in_flight && !may_repeat(request.op)) {
      finish(request, ErrorCode::unknown_outcome, "closed here while the message was under way");
    } else {
      finish(request, ErrorCode::shutting_down, "closed here");
    }
  });
}

// ---- whom to ask

void RequestRouter::route(RoutedRequest& request, Instant now) {
  if (request.peer) {
    Peer& peer = peers_[*request.peer];
    if (!peer.closed) return enqueue(request, peer);
    return finish(request, ErrorCode::unreachable,
                  describe(peer) + " is not in view " + std::to_string(epoch().value));
  }
  if (!view_ && (has_key(request.op) || !request.node.value.empty())) {
    return await_view(request, "no view of the cluster yet", now);
  }
  if (!request.node.value.empty()) {
    const Member* member = view_->find(request.node);
    if (member != nullptr) return enqueue(request, peer_of(*member));
    return finish(request, ErrorCode::unreachable,
                  "there is no node '" + request.node.value + "' in view " + std::to_string(epoch().value));
  }
  Peer* const peer = has_key(request.op) ? owner_of(request) : any_peer();
  if (peer == nullptr) return await_view(request, "no node owns the key's slot", now);
  enqueue(request, *peer);
}

void RequestRouter::route_all(Queue& requests, Instant now) {
  while (!requests.empty()) {
    RoutedRequest& request = requests.front();
    request.unlink_queue();
    request.redirects_ = 0;
    route(request, now);
  }
}

void RequestRouter::enqueue(RoutedRequest& request, Peer& peer) {
  const ErrorCode refusal = peer.session.refusal().code;
  peer.session.want();
  work_for(peer);
  if (refusal == ErrorCode::wrong_cluster || refusal == ErrorCode::version_mismatch) {
    // It was asked at most hello_again ago, and is asked again for those who come later.
    return finish(request, peer.session.refusal());
  }
  request.state_ = State::queued;
  request.at_ = peer.index;
  peer.queued.push_back(request);
}

RequestRouter::Peer* RequestRouter::owner_of(RoutedRequest& request) {
  if (!view_) return nullptr;
  if (!request.slot_) request.slot_ = slot_of(hash_key(request.key, hash_type(request.type, view_->hash_seed())));
  const MemberIndex owner = view_->table().owner(*request.slot_);
  return owner == nobody ? nullptr : &peers_[peers_.members()[owner]];
}

RequestRouter::Peer* RequestRouter::any_peer() {
  Peer* fallback = nullptr;
  const auto open = view_ ? peers_.members() : peers_.open();
  for (std::size_t i = 0; i < open.size(); ++i) {
    Peer& peer = peers_[open[next_any_++ % open.size()]];
    if (peer.session.ready()) return &peer;
    // One that has not been tried is better than one that does not answer.
    if (fallback == nullptr || peer.session.state() == PeerSession::State::idle) fallback = &peer;
  }
  ++next_any_;
  return fallback;
}

const NodeId& RequestRouter::node(PeerIndex peer) const {
  static const NodeId none;
  const auto& known = peers_[peer].node;
  return known ? *known : none;
}

std::string RequestRouter::describe(const Peer& peer) const {
  return peer.node ? "node '" + peer.node->value + "' (" + peer.address + ")" : peer.address;
}

}  // namespace reki
