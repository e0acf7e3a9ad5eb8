// What a RequestRouter does about requests that wait, and about time.
#include <algorithm>

#include "reki/core/routing/request_router.hpp"
#include "reki/core/routing/retry_wait.hpp"

namespace reki {
namespace {

/// How often sessions are asked whether time alone has made something due; their own times are several of these.
constexpr Duration peer_check_interval = std::chrono::milliseconds(20);

/// A node has said that it does not serve the request: what its caller is to hear, unless something better comes.
bool was_refused(const Error& last) {
  return last.code == ErrorCode::unavailable || last.code == ErrorCode::shutting_down || last.code == ErrorCode::wrong_node;
}

/// A call that is in flight at the deadline is of unknown outcome: better not send it than too late. What took longer
/// than any trip was kept waiting there, which says nothing about the next time.
bool too_late(const RoutedRequest& request, Duration last_trip, Instant now) {
  constexpr Duration longest = std::chrono::milliseconds(100);
  return !may_repeat(request.op) && now + std::min(2 * last_trip, longest) >= request.deadline;
}

}  // namespace

/// Until there is another view.
void RequestRouter::await_view(RoutedRequest& request, std::string_view why, Instant now) {
  request.state_ = State::waiting;
  request.last_ = Error{ErrorCode::unavailable, std::string{why}};
  polls_.trouble(now);
  if (now + limits::give_up_before >= request.deadline) return finish(request, std::move(request.last_));
  await_view_.push_back(request);
}

/// Until the peer may be tried again, or there is another view.
void RequestRouter::hold(RoutedRequest& request, Peer& peer, Error why, Instant now) {
  ++stats_.retries;
  request.unlink_queue();
  if (request.state_ == State::in_flight) request.trip_ = now - request.sent_;
  request.last_ = std::move(why);
  if (peer.closed) return route(request, now);
  request.state_ = State::waiting;
  request.at_ = peer.index;
  polls_.trouble(now);
  if (now + limits::give_up_before >= request.deadline) return finish(request, std::move(request.last_));
  if (peer.release_at <= now || peer.release_at == Instant::never()) {
    peer.release_at = now + retry_wait(peer.refusals, random_);
  }
  let_go_at_ = std::min(let_go_at_, peer.release_at);
  peer.held.push_back(request);
}

void RequestRouter::let_go(Peer& peer, int count, Instant now) {
  for (; count > 0 && !peer.held.empty(); --count) {
    RoutedRequest& request = peer.held.front();
    request.unlink_queue();
    request.redirects_ = 0;
    if (too_late(request, request.trip_, now)) {
      finish(request, std::move(request.last_));
    } else {
      route(request, now);
    }
  }
}

void RequestRouter::let_go_in_time(Instant now) {
  if (now < let_go_at_) return;
  let_go_at_ = Instant::never();
  for (const PeerIndex index : peers_.open()) {
    Peer& peer = peers_[index];
    if (now >= peer.release_at) {
      peer.release_at = Instant::never();
      if (peer.held.empty()) continue;
      ++peer.refusals;
      let_go(peer, limits::retry_probes, now);
      if (!peer.held.empty()) peer.release_at = now + retry_wait(peer.refusals, random_);
    }
    let_go_at_ = std::min(let_go_at_, peer.release_at);
  }
}

void RequestRouter::tick(Instant now) {
  install_answers(now);
  timers_.advance(now, [&](TimerHook& hook) { expire(static_cast<RoutedRequest&>(hook), now); });
  let_go_in_time(now);
  part_in_time(now);
  follow(now);
  check_peers(now);
}

Instant RequestRouter::next_wake() const {
  if (!view_answers_.empty()) return Instant{};
  Instant at = std::min(timers_.next(), let_go_at_);
  if (options_.follow_views && view_) at = std::min(at, polls_.next());
  if (peers_need_time_) at = std::min(at, peers_checked_ + peer_check_interval);
  for (const PeerIndex index : parting_) at = std::min(at, peers_[index].parts_at);
  return at;
}

/// First a moment before the deadline, for those who are still being refused; then at the deadline.
void RequestRouter::expire(RoutedRequest& request, Instant now) {
  const bool in_flight = request.state_ == State::in_flight;
  const bool refused = was_refused(request.last_) && (!in_flight || may_repeat(request.op));
  if (now < request.deadline && !refused) return timers_.add(request, request.deadline);
  if (refused) {
    std::string text = std::move(request.last_.text);
    if (in_flight) text += "; asked again, " + describe(peers_[request.at_]) + " has not answered";
    return finish(request, request.last_.code, std::move(text));
  }
  if (!in_flight && request.last_.code != ErrorCode::ok) return finish(request, std::move(request.last_));
  const Peer& peer = peers_[request.at_];
  if (in_flight) return expire_in_flight(request, peer);
  const Error& refusal = peer.session.refusal();
  if (refusal.code != ErrorCode::ok) return finish(request, refusal);
  finish(request, ErrorCode::unreachable, "no connection to " + describe(peer) + "; nothing was sent");
}

void RequestRouter::expire_in_flight(RoutedRequest& request, const Peer& peer) {
  const bool heard = peer.session.heard_since(request.sent_);
  if (!may_repeat(request.op)) {
    return finish(request, ErrorCode::unknown_outcome,
                  "sent to " + describe(peer) + (heard ? ", which is there but has not answered" : ", which is silent"));
  }
  if (heard) return finish(request, ErrorCode::deadline_exceeded, describe(peer) + " is there but has not answered in time");
  finish(request, ErrorCode::unreachable, describe(peer) + " has been silent since it was asked");
}

void RequestRouter::check_peers(Instant now) {
  if (!peers_need_time_ || now < peers_checked_ + peer_check_interval) return;
  peers_checked_ = now;
  peers_need_time_ = false;
  for (const PeerIndex index : peers_.open()) {
    Peer& peer = peers_[index];
    if (due(index, now) != Due::nothing) work_for(peer);
    if (is_stuck(peer, now)) polls_.trouble(now);
    const bool greets = !peer.session.ready() && peer.session.state() != PeerSession::State::idle;
    if (greets || oldest_owed(peer) != nullptr) peers_need_time_ = true;
  }
}

}  // namespace reki
