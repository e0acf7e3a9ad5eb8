#include "reki/core/routing/request_deadline.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "reki/core/base/limits.hpp"

namespace reki {
namespace {

/// A node has said that it does not serve the request: what its caller is to hear, unless something better comes.
bool was_refused(const Error& last) {
  return last.code == ErrorCode::unavailable || last.code == ErrorCode::shutting_down ||
         last.code == ErrorCode::wrong_node;
}

Error in_flight_ends_with(const RoutedRequest& request, const RouterPeer& peer) {
  const bool heard = peer.session.heard_since(request.progress.sent);
  if (!may_repeat(request.op)) {
    return Error{
        ErrorCode::unknown_outcome,
        "sent to " + peer.describe() + (heard ? ", which is there but has not answered" : ", which is silent")};
  }
  if (heard) return Error{ErrorCode::deadline_exceeded, peer.describe() + " is there but has not answered in time"};
  return Error{ErrorCode::unreachable, peer.describe() + " has been silent since it was asked"};
}

}  // namespace

Instant give_up_at(Instant deadline, Instant now) {
  return deadline + -std::min<Duration>(limits::give_up_before, (deadline - now) / 10);
}

bool too_late_to_send(const RoutedRequest& request, Instant now) {
  constexpr Duration longest = std::chrono::milliseconds(100);
  return !may_repeat(request.op) && now + std::min(2 * request.progress.trip, longest) >= request.deadline;
}

std::optional<Error> ends_with(RoutedRequest& request, const RouterPeers& peers, Instant now) {
  const RequestProgress& progress = request.progress;
  const bool in_flight = progress.state == RoutedRequest::State::in_flight;
  const bool refused = was_refused(progress.last) && (!in_flight || may_repeat(request.op));
  if (now < request.deadline && !refused) return std::nullopt;
  if (refused) {
    Error last = std::move(request.progress.last);
    if (in_flight) last.text += "; asked again, " + peers[progress.at].describe() + " has not answered";
    return last;
  }
  if (!in_flight && progress.last.code != ErrorCode::ok) return std::move(request.progress.last);
  const RouterPeer& peer = peers[progress.at];
  if (in_flight) return in_flight_ends_with(request, peer);
  const Error& refusal = peer.session.refusal();
  if (refusal.code != ErrorCode::ok) return refusal;
  return Error{ErrorCode::unreachable, "no connection to " + peer.describe() + "; nothing was sent"};
}

}  // namespace reki
