#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/base/time.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/dialer.hpp"
#include "reki/net/poll.hpp"

namespace reki::cli {

/// Connections of a command to the control planes of some nodes. Who has no address of its own gets its answers over the
/// connection on which it asks. Thread: one.
class ControlConnections {
 public:
  explicit ControlConnections(const std::vector<std::string>& addresses) {
    sockets_.reserve(addresses.size());  // the dialer wants them to stay where they are
    for (const std::string& address : addresses) {
      auto& socket = sockets_.emplace_back(context_, zmq::socket_type::dealer);
      socket.set(zmq::sockopt::linger, 0);
      socket.set(zmq::sockopt::immediate, true);
      socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(limits::control_frame_bytes_max));
      socket.set(zmq::sockopt::reconnect_ivl, 50);
      dialer_.connect(socket, address, boot_time());
    }
  }
  /// To the node of that place in the list; lost if it is not connected.
  void send(std::size_t node, BytesView frame) {
    (void)sockets_[node].send(zmq::const_buffer(frame.data(), frame.size()), zmq::send_flags::dontwait);
  }
  /// Gives what comes until `until` to `take`, as long as that returns true.
  template <class Take>
  void receive(Instant until, Take take) {
    std::vector<zmq::pollitem_t> items;
    for (auto& socket : sockets_) items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
    items.push_back({nullptr, dialer_.fd(), ZMQ_POLLIN, 0});
    for (Instant now = boot_time(); now < until; now = boot_time()) {
      poll_until(items, now, std::min(until, dialer_.next_wake()));
      dialer_.turn(boot_time());
      for (std::size_t i = 0; i < sockets_.size(); ++i) {
        zmq::message_t frame;
        while (sockets_[i].recv(frame, zmq::recv_flags::dontwait)) {
          if (!take(i, BytesView{static_cast<const char*>(frame.data()), frame.size()})) return;
        }
      }
    }
  }

 private:
  zmq::context_t context_{1};
  Dialer dialer_;
  std::vector<zmq::socket_t> sockets_;
};

}  // namespace reki::cli
