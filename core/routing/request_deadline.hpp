#pragma once

#include <optional>

#include "reki/core/base/error.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/routing/routed_request.hpp"
#include "reki/core/routing/router_peers.hpp"

/// What becomes of a request when its time is up. Pure.
namespace reki {

/// When a request that waits gives up, a moment before its deadline: its caller is to hear why in time.
Instant give_up_at(Instant deadline, Instant now);

/// A call that is in flight at the deadline is of unknown outcome: better not send it than too late. What took longer
/// than any trip was kept waiting there, which says nothing about the next time.
bool too_late_to_send(const RoutedRequest& request, Instant now);

/// What the caller is told if `now` is the end, first at give_up_at(), then at the deadline. Nothing: go on until the
/// deadline.
///  - One that is being refused ends at once, with the code and text of the last refusal; also if it has been asked
///    again and may be repeated.
///  - In flight: a `call` or `send` is `unknown_outcome`; another is `deadline_exceeded` if the peer has been heard
///    since, else `unreachable`.
///  - Never handed to a socket: `unreachable`, or why the peer will not have us.
std::optional<Error> ends_with(RoutedRequest& request, const RouterPeers& peers, Instant now);

}  // namespace reki
