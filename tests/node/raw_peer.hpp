#pragma once

#include <string>
#include <vector>
#include <zmq.hpp>

#include "frame_peer.hpp"

/// A peer that sends whatever a test wants: one DEALER, no manners. For one thread.
class RawPeer final : public FramePeer {
 public:
  explicit RawPeer(const std::string& address, int receive_hwm = 1000) : socket_(context_, zmq::socket_type::dealer) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvhwm, receive_hwm);
    socket_.set(zmq::sockopt::reconnect_ivl, 10);
    socket_.connect(address);
  }

  void send(std::string_view frame) override {
    socket_.send(zmq::const_buffer(frame.data(), frame.size()), zmq::send_flags::none);
  }
  void send_parts(const std::vector<std::string>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto flags = i + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
      socket_.send(zmq::const_buffer(parts[i].data(), parts[i].size()), flags);
    }
  }
  std::optional<std::string> receive_within(std::chrono::milliseconds wait) override {
    zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq::poll(&item, 1, wait) == 0) return std::nullopt;
    zmq::message_t message;
    BOOST_REQUIRE(socket_.recv(message, zmq::recv_flags::dontwait));
    BOOST_TEST(!message.more());
    return message.to_string();
  }

 private:
  zmq::context_t context_{1};
  zmq::socket_t socket_;
};
