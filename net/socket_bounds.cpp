#include "reki/net/socket_bounds.hpp"

#include <cstdint>

namespace reki {
namespace {

int in_milliseconds(Duration d) { return static_cast<int>(milliseconds_of(d)); }

}  // namespace

void set_bounds(zmq::socket_t& socket, std::size_t frame_bytes_max, int frames_queued_max) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::sndhwm, frames_queued_max);
  socket.set(zmq::sockopt::rcvhwm, frames_queued_max);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(frame_bytes_max));
  socket.set(zmq::sockopt::handshake_ivl, in_milliseconds(limits::handshake_time_max));
}

void set_reconnecting(zmq::socket_t& socket, Duration wait_max) {
  socket.set(zmq::sockopt::immediate, true);
  socket.set(zmq::sockopt::reconnect_ivl, in_milliseconds(limits::reconnect_wait_min));
  socket.set(zmq::sockopt::reconnect_ivl_max, in_milliseconds(wait_max));
}

}  // namespace reki
