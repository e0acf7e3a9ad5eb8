#pragma once

#include <cstddef>
#include <zmq.hpp>

#include "reki/core/base/limits.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

/// What every socket between nodes and their callers has: a frame that is too long, a queue that is full and a stranger who
/// says nothing cost a connection and no more, and nothing is kept once the socket is closed.
void set_bounds(zmq::socket_t& socket, std::size_t frame_bytes_max, int frames_queued_max = limits::frames_queued_max);
/// What one that connects has beside that: from one attempt to the next it waits for `limits::reconnect_wait_min` at first,
/// and for `wait_max` in the end. Takes nothing while there is no connection: it would be old by then.
void set_reconnecting(zmq::socket_t& socket, Duration wait_max);

}  // namespace reki
