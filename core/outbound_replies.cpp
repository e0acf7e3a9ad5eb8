// What peers say to an Outbound, and what it means for the requests that they owe.
#include <algorithm>

#include "reki/core/outbound.hpp"

namespace reki {
namespace {

/// A reply that promises that nothing was executed and that asking again, or elsewhere, can help.
bool refused_unexecuted(ErrorCode code) {
  return code == ErrorCode::hello_required || code == ErrorCode::wrong_incarnation || code == ErrorCode::wrong_node ||
         code == ErrorCode::shutting_down;
}

}  // namespace

OutboundRequest* Outbound::in_flight_at(const Peer& peer, RequestId id) {
  const std::uint64_t place = id.value & ((std::uint64_t{1} << place_bits) - 1);
  if (place >= places_.size()) return nullptr;
  OutboundRequest* request = places_[place].request;
  if (request == nullptr || request->id_ != id) return nullptr;
  const bool here = request->state_ == OutboundRequest::State::in_flight && request->at_ == peer.index;
  return here ? request : nullptr;
}

void Outbound::answer(OutboundRequest& request, const Peer& peer, const wire::Reply& reply) {
  request.outcome.fence = reply.fence;
  request.outcome.started = reply.started;
  request.outcome.retry_after = std::chrono::milliseconds(reply.retry_after_ms);
  request.outcome.node = peer.node;
  request.outcome.payload.assign(reply.payload);
  finish(request, reply.code, std::string{reply.text});
}

void Outbound::replied(PeerIndex index, const wire::ReplyHeader& header, const wire::Reply& reply, Instant now) {
  Peer& peer = at(index);
  OutboundRequest* const request = in_flight_at(peer, reply.id);
  const bool to_greet = reply.code == ErrorCode::hello_required || reply.code == ErrorCode::wrong_incarnation;
  if (request == nullptr || (!to_greet && header.incarnation != peer.session.incarnation())) {
    ++stats_.replies_ignored;
    return;
  }
  heard(index, header.epoch, now);
  if (reply.code == ErrorCode::wrong_node) {
    redirect(*request, header, reply, now);
  } else if (to_greet) {
    request->unlink_queue();
    enqueue(*request, peer);
    peer.session.unknown_to_peer(false);
  } else if (reply.code == ErrorCode::unavailable || reply.code == ErrorCode::shutting_down) {
    view_wanted_ = true;
    if (!may_repeat(request->op) && !refused_unexecuted(reply.code)) {
      answer(*request, peer, reply);
    } else {
      retry_later(*request, Error{reply.code, describe(peer) + ": " + std::string{reply.text}}, now);
    }
  } else {
    answer(*request, peer, reply);
  }
  close_if_over(peer);
}

void Outbound::reply_unreadable(PeerIndex index, const wire::ReplyHeader& header, RequestId id, const Error& why, Instant now) {
  Peer& peer = at(index);
  OutboundRequest* const request = in_flight_at(peer, id);
  if (request == nullptr || header.incarnation != peer.session.incarnation()) {
    ++stats_.replies_ignored;
    return;
  }
  heard(index, header.epoch, now);
  const auto code = may_repeat(request->op) ? ErrorCode::malformed_frame : ErrorCode::unknown_outcome;
  finish(*request, code, describe(peer) + " sent a reply that cannot be read: " + why.text);
}

void Outbound::heard(PeerIndex index, Epoch epoch, Instant now) {
  at(index).session.heard(now);
  note_epoch(epoch);
}

void Outbound::note_epoch(Epoch seen) {
  if (seen > epoch()) view_wanted_ = true;
}

void Outbound::welcomed(PeerIndex index, const wire::Welcome& welcome, Instant now) {
  Peer& peer = at(index);
  if (!peer.node.value.empty() && peer.node.value != welcome.node) {
    view_wanted_ = true;
    rejected(index, ErrorCode::unreachable,
             "node '" + std::string{welcome.node} + "' answers there, not '" + peer.node.value + "'", now);
    return;
  }
  const bool again = peer.session.ready() && peer.session.incarnation() == welcome.incarnation;
  if (again) return heard(index, welcome.epoch, now);  // to a HELLO that was said twice
  peer.node = NodeId{std::string{welcome.node}};
  const auto last_executed = peer.session.welcomed(welcome.incarnation, now);
  note_epoch(welcome.epoch);
  settle_in_flight(peer, last_executed, now);
  work_for(peer);
}

/// A new session: no reply will come to what was sent in an earlier one.
void Outbound::settle_in_flight(Peer& peer, std::uint64_t last_executed_frame, Instant now) {
  Queue before;
  before.append(peer.in_flight);
  Queue resend;
  while (!before.empty()) {
    OutboundRequest& request = before.front();
    request.unlink_queue();
    if (request.frame_ <= last_executed_frame && !may_repeat(request.op)) {
      interrupted(request, now);
    } else {
      ++stats_.retries;
      request.state_ = OutboundRequest::State::queued;
      resend.push_back(request);
    }
  }
  // Ahead of those who came later.
  resend.append(peer.queued);
  peer.queued.append(resend);
}

void Outbound::interrupted(OutboundRequest& request, Instant now) {
  const std::string where = describe(at(request.at_));
  if (may_repeat(request.op)) {
    retry_later(request, Error{ErrorCode::unreachable, "the connection to " + where + " is over"}, now);
  } else {
    finish(request, ErrorCode::unknown_outcome, "the connection to " + where + " was over before it answered");
  }
}

void Outbound::rejected(PeerIndex index, ErrorCode code, std::string_view text, Instant now) {
  Peer& peer = at(index);
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

void Outbound::disconnected(PeerIndex index, Instant now) {
  Peer& peer = at(index);
  peer.session.disconnected();
  view_wanted_ = true;
  Queue lost;
  lost.append(peer.in_flight);
  while (!lost.empty()) interrupted(lost.front(), now);
  work_for(peer);
  close_if_over(peer);
}

}  // namespace reki
