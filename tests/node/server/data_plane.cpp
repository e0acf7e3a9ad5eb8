#include "reki/node/server/data_plane.hpp"

#include <boost/test/unit_test.hpp>

#include "request_server_fixture.hpp"

using namespace reki;
using test::OneServer;

namespace {

/// A node that asks a data plane which does nothing but read its frames.
class Asker final : public FramePeer {
 public:
  Asker(DataPlane& plane, OneServer& one) : plane_(plane), one_(one) {
    wire::Hello hello;
    hello.cluster = "test";
    hello.role = wire::Role::node;
    hello.name = "n2";
    hello.incarnation = Incarnation{7};
    send(wire::encode_hello(hello));
    static_cast<void>(welcome());
  }
  void send(std::string_view frame) override {
    plane_.catch_up(one_.now);
    plane_.requests().frame("n2", frame, one_.now);
  }
  std::optional<std::string> receive_within(std::chrono::milliseconds wait) override {
    const Instant end = boot_time() + wait;
    for (;;) {
      plane_.requests().take_answers(one_.now);
      plane_.requests().end_round(one_.now);
      if (auto frame = one_.sink.take("n2")) return frame;
      if (boot_time() >= end) return std::nullopt;
      std::this_thread::yield();
    }
  }

 private:
  DataPlane& plane_;
  OneServer& one_;
};

struct NoPeers final : PeerConnections {
  void set_incarnation(Incarnation, Instant) override {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(data_plane)

BOOST_AUTO_TEST_CASE(a_frame_is_read_by_the_view_that_was_installed_last_though_the_thread_has_not_had_its_turn) {
  OneServer one({"n1", "n2"});
  DataPlane::Options options;
  options.node = NodeId{"n1"};
  options.cluster = "test";
  options.incarnation = OneServer::incarnation;
  DataPlane plane(options, one.registry, one.sink, one.events);
  NoPeers peers;
  plane.connect(peers);
  plane.set_view(one.view, OneServer::incarnation);
  plane.take_tasks(one.now);
  Asker member(plane, one);
  member.request({start_of(1, one.key_of("n1"))});
  BOOST_TEST((member.reply().code == ErrorCode::ok));
  const std::string key = one.key_of("n1");
  one.next_view({"n1"});
  plane.set_view(one.view, OneServer::incarnation);
  member.request({start_of(2, key)});
  BOOST_TEST((member.reply().code == ErrorCode::unavailable));
}

BOOST_AUTO_TEST_SUITE_END()
