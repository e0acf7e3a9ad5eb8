#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/wire/codec.hpp"

/// A peer of a node as tests play it: says what it wants, and reads frame by frame what comes. How frames get there is
/// for those who derive from it.
class FramePeer {
 public:
  static constexpr std::chrono::milliseconds patience{10000};

  virtual void send(std::string_view frame) = 0;
  virtual std::optional<std::string> receive_within(std::chrono::milliseconds wait) = 0;

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
  // The values point into the frame received last.
  reki::wire::Welcome welcome() { return value(reki::wire::decode_welcome(receive())); }
  reki::wire::Goodbye goodbye() { return value(reki::wire::decode_goodbye(receive())); }
  reki::wire::Reject reject() { return value(reki::wire::decode_reject(receive())); }
  reki::wire::Pong pong() { return value(reki::wire::decode_pong(receive())); }
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

 protected:
  FramePeer() = default;
  ~FramePeer() = default;

 private:
  template <class T>
  T value(reki::Result<T> result) {
    BOOST_REQUIRE_MESSAGE(result.has_value(), "another kind of frame came");
    return *result;
  }

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

inline reki::wire::Request start_of(std::uint64_t id, std::string_view key, std::string_view type = "counter") {
  auto out = request_for(id, reki::wire::Op::lookup_or_start, key, type);
  out.args = reki::BytesView{};
  return out;
}

inline reki::wire::Request call_of(std::uint64_t id, std::string_view key, std::string_view message,
                                   reki::BytesView payload = {}, std::string_view type = "counter") {
  auto out = request_for(id, reki::wire::Op::call, key, type);
  out.args = reki::BytesView{};
  out.message = message;
  out.payload = payload;
  return out;
}

/// That the same connection is served as if nothing had happened.
inline void must_serve(FramePeer& peer) {
  peer.request({start_of(4711, "good")});
  BOOST_TEST((peer.reply().code == reki::ErrorCode::ok));
}
