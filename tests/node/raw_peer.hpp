#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "reki/core/wire/codec.hpp"

/// A peer that sends whatever a test wants: one DEALER, no manners. For one thread.
class RawPeer {
 public:
  static constexpr std::chrono::milliseconds patience{10000};

  explicit RawPeer(const std::string& address, int receive_hwm = 1000) : socket_(context_, zmq::socket_type::dealer) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvhwm, receive_hwm);
    socket_.set(zmq::sockopt::reconnect_ivl, 10);
    socket_.connect(address);
  }

  void send(std::string_view frame) {
    socket_.send(zmq::const_buffer(frame.data(), frame.size()), zmq::send_flags::none);
  }
  void send_parts(const std::vector<std::string>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto flags = i + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
      socket_.send(zmq::const_buffer(parts[i].data(), parts[i].size()), flags);
    }
  }
  void hello(std::string_view cluster = "test", std::uint64_t incarnation = 7) {
    reki::wire::Hello hello;
    hello.cluster = cluster;
    hello.name = "raw";
    hello.incarnation = reki::Incarnation{incarnation};
    send(reki::wire::encode_hello(hello));
  }
  void request(const std::vector<reki::wire::Request>& requests, reki::Incarnation target = {}) {
    reki::wire::RequestWriter writer;
    for (const auto& r : requests) BOOST_REQUIRE(writer.add(r));
    send(writer.finish(reki::Epoch{1}, target));
  }

  /// The next frame; fails the test if none comes.
  const std::string& receive() {
    frame_ = receive_within(patience).value_or("");
    BOOST_REQUIRE_MESSAGE(!frame_.empty(), "no frame came");
    return frame_;
  }
  std::optional<std::string> receive_within(std::chrono::milliseconds wait) {
    zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq::poll(&item, 1, wait) == 0) return std::nullopt;
    zmq::message_t message;
    BOOST_REQUIRE(socket_.recv(message, zmq::recv_flags::dontwait));
    BOOST_TEST(!message.more());
    return message.to_string();
  }
  // The values point into the frame received last.
  reki::wire::Welcome welcome() { return value(reki::wire::decode_welcome(receive())); }
  reki::wire::Goodbye goodbye() { return value(reki::wire::decode_goodbye(receive())); }
  reki::wire::Reject reject() { return value(reki::wire::decode_reject(receive())); }
  /// The replies of the next frame.
  std::vector<reki::wire::Reply> replies() {
    auto reader = reki::wire::ReplyReader::open(receive());
    BOOST_REQUIRE_MESSAGE(reader.has_value(), "not a REPLY");
    epoch = reader->header().epoch;
    std::vector<reki::wire::Reply> out;
    for (reki::wire::Reply reply; *reader->next(reply) == reki::wire::Next::good;) out.push_back(reply);
    return out;
  }
  reki::wire::Reply reply() {
    const auto all = replies();
    BOOST_REQUIRE(all.size() == 1U);
    return all.front();
  }
  /// HELLO and its WELCOME.
  reki::wire::Welcome greet() {
    hello();
    return welcome();
  }

  reki::Epoch epoch;  ///< Of the last replies.

 private:
  template <class T>
  T value(reki::Result<T> result) {
    BOOST_REQUIRE_MESSAGE(result.has_value(), "another kind of frame came");
    return *result;
  }

  zmq::context_t context_{1};
  zmq::socket_t socket_;
  std::string frame_;
};

inline reki::wire::Request request_for(std::uint64_t id, reki::wire::Op op, std::string_view key = {},
                                       std::string_view type = "counter") {
  reki::wire::Request out;
  out.id = reki::RequestId{id};
  out.op = op;
  out.remaining_ms = 5000;
  out.type = type;
  out.key = key;
  return out;
}
