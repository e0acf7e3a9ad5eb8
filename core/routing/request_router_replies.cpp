// What peers say to a RequestRouter, and what it means for the requests that they owe.
#include <algorithm>

#include "reki/core/routing/request_router.hpp"

namespace reki {

void RequestRouter::replied(PeerIndex index, const wire::ReplyHeader& header, const wire::Reply& reply, Instant now) {
  Peer& peer = peers_[index];
  RoutedRequest* const request = requests_.find_in_flight(reply.id, index);
  const bool to_greet = reply.code == ErrorCode::hello_required || reply.code == ErrorCode::wrong_incarnation;
  if (request == nullptr || (!to_greet && header.incarnation != peer.session.incarnation())) {
    ++stats_.replies_ignored;
    return;
  }
  answers_.prefetch_behind(peer.in_flight, *request);
  heard(index, header.epoch, now);
  if (to_greet) {
    request->unlink_queue();
    enqueue(*request, peer);
    return peer.session.unknown_to_peer(false);
  }
  if (request->progress.asks_for_view) {
    request->outcome = wire::outcome_of(reply, peer.node);
    return finish(*request);
  }
  switch (reply.code) {
    case ErrorCode::wrong_node:
      return redirect(*request, peer, header, reply, now);
    case ErrorCode::unavailable:
    case ErrorCode::shutting_down:
      return hold(*request, peer, Error{reply.code, peer.describe() + ": " + std::string{reply.text}}, now);
    default:
      break;
  }
  if (std::string why = answers_.why_outdated(*request, peer, header, reply, view().get()); !why.empty()) {
    ++stats_.answers_outdated;
    if (!may_repeat(request->op)) return finish(*request, Error{ErrorCode::unknown_outcome, std::move(why)});
    return hold(*request, peer, Error{ErrorCode::unavailable, std::move(why)}, now);
  }
  if (is_of_all(request->op) && header.epoch > epoch()) {
    request->unlink_queue();
    return await_view(*request, peer.describe() + " goes by a newer view, which may have more nodes", now);
  }
  const bool was_held = request->progress.last.code != ErrorCode::ok;
  request->outcome = wire::outcome_of(reply, peer.node);
  finish(*request);
  retries_.served(peer.held, was_held, now);
  try_again(now);
}

void RequestRouter::redirect(RoutedRequest& request, Peer& peer, const wire::ReplyHeader& header,
                             const wire::Reply& reply, Instant now) {
  ++stats_.redirects;
  // A node that is behind names yesterday's owner, and will catch up.
  const bool behind = header.epoch < epoch();
  const Member* owner = view() && !behind ? view()->find(reply.owner) : nullptr;
  if (owner == nullptr || &peers_.of(*owner) == &peer || request.progress.redirects >= limits::redirects_max) {
    return hold(
        request, peer,
        Error{ErrorCode::wrong_node, "the nodes do not agree yet who owns the key; last asked: " + peer.describe()},
        now);
  }
  ++request.progress.redirects;
  request.unlink_queue();
  enqueue(request, peers_.of(*owner));
}

void RequestRouter::reply_unreadable(PeerIndex index, const wire::ReplyHeader& header, RequestId id, const Error& why,
                                     Instant now) {
  Peer& peer = peers_[index];
  RoutedRequest* const request = requests_.find_in_flight(id, index);
  if (request == nullptr || header.incarnation != peer.session.incarnation()) {
    ++stats_.replies_ignored;
    return;
  }
  heard(index, header.epoch, now);
  const auto code = may_repeat(request->op) ? ErrorCode::malformed_frame : ErrorCode::unknown_outcome;
  finish(*request, Error{code, peer.describe() + " sent a reply that cannot be read: " + why.text});
}

void RequestRouter::heard(PeerIndex index, Epoch epoch, Instant now) {
  Peer& peer = peers_[index];
  peer.session.heard(now);
  follower_.heard_of(epoch, index, now);
  if (epoch <= peer.epoch) return;
  peer.epoch = epoch;
  retries_.moved_on(peer.held, now);
}

// ---- the connection

void RequestRouter::welcomed(PeerIndex index, const wire::Welcome& welcome, Instant now) {
  if (!frames_.is_ours(welcome.cluster)) {
    const auto text = "it belongs to cluster '" + std::string{welcome.cluster} + "', not '" + identity().cluster + "'";
    return rejected(index, ErrorCode::wrong_cluster, text, now);
  }
  Peer& peer = peers_[index];
  if (peer.node && peer.node->value != welcome.node) {
    follower_.trouble(now);
    rejected(index, ErrorCode::unreachable,
             "node '" + std::string{welcome.node} + "' answers there, not '" + peer.node->value + "'", now);
    return;
  }
  const bool again = peer.session.ready() && peer.session.incarnation() == welcome.incarnation;
  if (again) return heard(index, welcome.epoch, now);  // to a HELLO that was said twice
  if (!peer.node) peer.node = std::make_shared<const NodeId>(std::string{welcome.node});
  const auto last_executed = peer.session.welcomed(welcome.incarnation, now);
  heard(index, welcome.epoch, now);
  RequestQueue resend;
  settle(peer, last_executed, Peer::InDoubt::ends, resend);
  // Ahead of those who came later.
  resend.append(peer.queued);
  peer.queued.append(resend);
  work_.add(peer);
}

void RequestRouter::settle(Peer& peer, std::uint64_t last_executed_frame, Peer::InDoubt in_doubt, RequestQueue& again) {
  RequestQueue ended;
  peer.settle(last_executed_frame, in_doubt, again, ended);
  finish_all(ended);
}

void RequestRouter::rejected(PeerIndex index, ErrorCode code, std::string_view text, Instant now) {
  Peer& peer = peers_[index];
  peer.session.heard(now);
  switch (code) {
    case ErrorCode::hello_required:
    case ErrorCode::wrong_incarnation:
      peer.session.unknown_to_peer(true);
      return work_.add(peer);
    case ErrorCode::malformed_frame:
    case ErrorCode::too_large:
      return;  // One frame of ours; which one is not known. What was in it ends by its deadline.
    default:
      break;
  }
  peer.session.refused(Error{code, peer.describe() + " refuses the connection: " + std::string{text}}, now);
  work_.expect_more();
  if (code != ErrorCode::wrong_cluster && code != ErrorCode::version_mismatch) return;
  while (!peer.queued.empty()) finish(peer.queued.front(), peer.session.refusal());
}

void RequestRouter::goodbye(PeerIndex index, std::uint64_t frames, Instant now) {
  Peer& peer = peers_[index];
  if (!peer.session.ready()) return;  // of a session that is over already
  peer.session.heard(now);
  lose(peer, peer.session.last_read(frames), Error{ErrorCode::shutting_down, peer.describe() + " has closed"}, now);
}

void RequestRouter::disconnected(PeerIndex index, Instant now) {
  Peer& peer = peers_[index];
  lose(peer, peer.session.last_executed(),
       Error{ErrorCode::unreachable, "the connection to " + peer.describe() + " is over"}, now);
}

/// What was not executed there waits, for `why`.
void RequestRouter::lose(Peer& peer, std::uint64_t last_executed_frame, const Error& why, Instant now) {
  RequestQueue lost;
  settle(peer, last_executed_frame, Peer::InDoubt::ends, lost);
  peer.session.disconnected();
  follower_.trouble(now);
  while (!lost.empty()) hold(lost.front(), peer, why, now);
  work_.add(peer);
}

}  // namespace reki
