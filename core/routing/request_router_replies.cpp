// What peers say to a RequestRouter, and what it means for the requests that they owe.
#include <algorithm>

#include "reki/core/routing/request_router.hpp"

namespace reki {

RoutedRequest* RequestRouter::in_flight_at(const Peer& peer, RequestId id) {
  RoutedRequest* const request = places_.find(id);
  const bool here = request != nullptr && request->state_ == State::in_flight && request->at_ == peer.index;
  return here ? request : nullptr;
}

/// Replies mostly come in the order of their requests: has the processor bring what those to the next few take.
void RequestRouter::prefetch(Peer& peer, RoutedRequest& answered) const {
  constexpr std::size_t cache_line = 64;
  RoutedRequest* later = &answered;
  for (int ahead = 0; ahead < 4; ++ahead) {
    later = peer.in_flight.after(*later);
    if (later == nullptr) return;
  }
  fences_.prefetch(later->key_hash_);
  for (int ahead = 0; ahead < 2; ++ahead) {
    later = peer.in_flight.after(*later);
    if (later == nullptr) return;
  }
  const auto* const bytes = reinterpret_cast<const char*>(later);
  for (std::size_t i = 0; i < sizeof *later; i += cache_line) __builtin_prefetch(bytes + i, 1);
}

void RequestRouter::replied(PeerIndex index, const wire::ReplyHeader& header, const wire::Reply& reply, Instant now) {
  Peer& peer = peers_[index];
  RoutedRequest* const request = in_flight_at(peer, reply.id);
  const bool to_greet = reply.code == ErrorCode::hello_required || reply.code == ErrorCode::wrong_incarnation;
  if (request == nullptr || (!to_greet && header.incarnation != peer.session.incarnation())) {
    ++stats_.replies_ignored;
    return;
  }
  prefetch(peer, *request);
  heard(index, header.epoch, now);
  if (to_greet) {
    request->unlink_queue();
    enqueue(*request, peer);
    return peer.session.unknown_to_peer(false);
  }
  if (request->asks_for_view_) return answer(*request, peer, reply);
  switch (reply.code) {
    case ErrorCode::wrong_node:
      return redirect(*request, peer, header, reply, now);
    case ErrorCode::unavailable:
    case ErrorCode::shutting_down:
      return hold(*request, peer, Error{reply.code, describe(peer) + ": " + std::string{reply.text}}, now);
    default:
      break;
  }
  if (std::string why = why_outdated(*request, peer, header, reply); !why.empty()) {
    ++stats_.answers_outdated;
    if (!may_repeat(request->op)) return finish(*request, ErrorCode::unknown_outcome, std::move(why));
    return hold(*request, peer, Error{ErrorCode::unavailable, std::move(why)}, now);
  }
  const bool was_held = request->last_.code != ErrorCode::ok;
  answer(*request, peer, reply);
  served(peer, was_held, now);
}

void RequestRouter::answer(RoutedRequest& request, const Peer& peer, const wire::Reply& reply) {
  request.outcome = wire::outcome_of(reply, peer.node);
  finish(request);
}

/// The peer serves (again).
void RequestRouter::served(Peer& peer, bool was_held, Instant now) {
  peer.refusals = 0;
  if (peer.held.empty()) return;
  if (was_held) let_go(peer, 2, now);
  peer.release_at = std::min(peer.release_at, now + limits::retry_wait_min);
  let_go_at_ = std::min(let_go_at_, peer.release_at);
}

void RequestRouter::redirect(RoutedRequest& request, Peer& peer, const wire::ReplyHeader& header, const wire::Reply& reply,
                        Instant now) {
  ++stats_.redirects;
  // A node that is behind names yesterday's owner, and will catch up.
  const bool behind = header.epoch < epoch();
  const Member* owner = view_ && !behind ? view_->find(reply.owner) : nullptr;
  if (owner == nullptr || &peer_of(*owner) == &peer || request.redirects_ >= limits::redirects_max) {
    return hold(request, peer, Error{ErrorCode::wrong_node, "the nodes do not agree yet who owns the key; last asked: " + describe(peer)}, now);
  }
  ++request.redirects_;
  request.unlink_queue();
  enqueue(request, peer_of(*owner));
}

/// Why the answer does not count; empty if it does, and then its fence is remembered.
///
/// What a look-up answers is how things are, so an older start than any that was seen is no answer. Of the others it is
/// what they have done: that start may have been the one when they were asked.
std::string RequestRouter::why_outdated(const RoutedRequest& request, const Peer& peer, const wire::ReplyHeader& header,
                                   const wire::Reply& reply) {
  if (!fences_count()) return {};
  const bool about_this_life = request.op == wire::Op::view || request.op == wire::Op::status;
  if (!about_this_life && peer.named.value != 0 && header.incarnation != peer.named && header.epoch <= epoch()) {
    return "a life of " + describe(peer) + " answered that is not the one in view " + std::to_string(epoch().value);
  }
  if (request.key_hash_ == 0 || reply.fence.value == 0) return {};
  Fence least = request.floor_;
  if (reply.fence >= least) {
    const Fence highest = fences_.note(request.key_hash_, reply.fence);
    if (!only_looks(request.op) || reply.fence >= highest) return {};
    least = highest;
  }
  return describe(peer) + " answered for start " + std::to_string(reply.fence.value) + " of the actor, but start " +
         std::to_string(least.value) + " has been seen";
}

void RequestRouter::reply_unreadable(PeerIndex index, const wire::ReplyHeader& header, RequestId id, const Error& why, Instant now) {
  Peer& peer = peers_[index];
  RoutedRequest* const request = in_flight_at(peer, id);
  if (request == nullptr || header.incarnation != peer.session.incarnation()) {
    ++stats_.replies_ignored;
    return;
  }
  heard(index, header.epoch, now);
  const auto code = may_repeat(request->op) ? ErrorCode::malformed_frame : ErrorCode::unknown_outcome;
  finish(*request, code, describe(peer) + " sent a reply that cannot be read: " + why.text);
}

void RequestRouter::heard(PeerIndex index, Epoch epoch, Instant now) {
  Peer& peer = peers_[index];
  peer.session.heard(now);
  polls_.heard_of(epoch, index, now);
  if (epoch <= peer.epoch) return;
  peer.epoch = epoch;
  if (peer.held.empty()) return;
  // It has moved on, perhaps to the view that it refused them for want of.
  peer.refusals = 0;
  let_go_at_ = peer.release_at = now;
}

// ---- the connection

void RequestRouter::welcomed(PeerIndex index, const wire::Welcome& welcome, Instant now) {
  Peer& peer = peers_[index];
  if (peer.node && peer.node->value != welcome.node) {
    polls_.trouble(now);
    rejected(index, ErrorCode::unreachable,
             "node '" + std::string{welcome.node} + "' answers there, not '" + peer.node->value + "'", now);
    return;
  }
  const bool again = peer.session.ready() && peer.session.incarnation() == welcome.incarnation;
  if (again) return heard(index, welcome.epoch, now);  // to a HELLO that was said twice
  if (!peer.node) peer.node = std::make_shared<const NodeId>(std::string{welcome.node});
  const auto last_executed = peer.session.welcomed(welcome.incarnation, now);
  heard(index, welcome.epoch, now);
  Queue resend;
  settle(peer, last_executed, resend);
  // Ahead of those who came later.
  resend.append(peer.queued);
  peer.queued.append(resend);
  work_for(peer);
}

/// No reply is waited for any more to what is in flight there; but perhaps to what it may have executed. What may be sent
/// again is moved to `again`, as queued.
void RequestRouter::settle(Peer& peer, std::uint64_t last_executed_frame, Queue& again, InDoubt in_doubt) {
  Queue before;
  before.append(peer.in_flight);
  while (!before.empty()) {
    RoutedRequest& request = before.front();
    request.unlink_queue();
    if (request.asks_for_view_) {
      finish(request, ErrorCode::unreachable, {});
    } else if (request.frame_ <= last_executed_frame && !may_repeat(request.op)) {
      if (in_doubt == InDoubt::waits) peer.in_flight.push_back(request);
      else finish(request, ErrorCode::unknown_outcome, "the connection to " + describe(peer) + " was over before it answered");
    } else {
      request.state_ = State::queued;
      again.push_back(request);
    }
  }
}

void RequestRouter::rejected(PeerIndex index, ErrorCode code, std::string_view text, Instant now) {
  Peer& peer = peers_[index];
  peer.session.heard(now);
  switch (code) {
    case ErrorCode::hello_required:
    case ErrorCode::wrong_incarnation:
      peer.session.unknown_to_peer(true);
      return work_for(peer);
    case ErrorCode::malformed_frame:
    case ErrorCode::too_large:
      return;  // One frame of ours; which one is not known. What was in it ends by its deadline.
    default:
      break;
  }
  peer.session.refused(Error{code, describe(peer) + " refuses the connection: " + std::string{text}}, now);
  peers_need_time_ = true;
  if (code != ErrorCode::wrong_cluster && code != ErrorCode::version_mismatch) return;
  while (!peer.queued.empty()) finish(peer.queued.front(), peer.session.refusal());
}

void RequestRouter::goodbye(PeerIndex index, std::uint64_t frames, Instant now) {
  Peer& peer = peers_[index];
  if (!peer.session.ready()) return;  // of a session that is over already
  peer.session.heard(now);
  lose(peer, peer.session.last_read(frames), Error{ErrorCode::shutting_down, describe(peer) + " has closed"}, now);
}

void RequestRouter::disconnected(PeerIndex index, Instant now) {
  Peer& peer = peers_[index];
  lose(peer, peer.session.last_executed(),
       Error{ErrorCode::unreachable, "the connection to " + describe(peer) + " is over"}, now);
}

/// What was not executed there waits, for `why`.
void RequestRouter::lose(Peer& peer, std::uint64_t last_executed_frame, const Error& why, Instant now) {
  Queue lost;
  settle(peer, last_executed_frame, lost);
  peer.session.disconnected();
  polls_.trouble(now);
  while (!lost.empty()) hold(lost.front(), peer, why, now);
  work_for(peer);
}

}  // namespace reki
