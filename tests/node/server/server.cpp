#include "reki/node/server/server.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <future>
#include <thread>

#include "raw_peer.hpp"
#include "reki/actor/msgpack_cxx.hpp"
#include "reki/core/view/view_delta.hpp"
#include "test_nodes.hpp"

using namespace reki;
using namespace std::chrono_literals;
using wire::Op;

namespace {

struct OneNode {
  explicit OneNode(NodeOptions options = {})
      : node(test::start(test::config_of({"n1"}), "n1", std::move(options), gate)) {}
  std::uint64_t count_of(ServerEvent event) const { return node->server_stats().of(event); }

  std::shared_ptr<test::Gate> gate = std::make_shared<test::Gate>();
  std::unique_ptr<Node> node;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(server)

BOOST_AUTO_TEST_CASE(a_message_of_several_parts_is_rejected) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  peer.send_parts({"", "body"});
  BOOST_TEST((peer.reject().code == ErrorCode::malformed_frame));
  peer.send_parts(std::vector<std::string>(50, "part"));
  BOOST_TEST((peer.reject().code == ErrorCode::malformed_frame));
  BOOST_TEST(one.count_of(ServerEvent::malformed_frame) == 2U);
  must_serve(peer);
}

BOOST_AUTO_TEST_CASE(a_frame_over_the_limit_costs_its_sender_the_connection_only) {
  OneNode one;
  RawPeer other(one.node->address());
  other.greet();
  RawPeer peer(one.node->address());
  peer.greet();
  peer.send(std::string(limits::frame_bytes_max + 1, 'x'));
  // libzmq has dropped the connection, and the new one is not known.
  for (int i = 0;; ++i) {
    BOOST_REQUIRE(i < 1000);
    peer.request({start_of(1, "a")});
    const auto frame = peer.receive_within(10ms);
    if (frame && wire::kind_of(*frame).value() == wire::FrameKind::reject) break;
  }
  while (peer.receive_within(50ms)) {
  }
  peer.greet();
  must_serve(peer);
  must_serve(other);
}

BOOST_AUTO_TEST_CASE(status_is_a_map_of_names_to_numbers_and_texts) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  peer.send("garbage");
  static_cast<void>(peer.reject());
  peer.request({request_for(1, Op::status, {}, {})});
  const auto reply = peer.reply();
  const auto handle = msgpack::unpack(reply.payload.data(), reply.payload.size());
  const auto map = handle->as<std::map<std::string, msgpack::object>>();
  BOOST_TEST(map.at("node").as<std::string>() == "n1");
  BOOST_TEST(map.at("slots").as<std::uint64_t>() == slot_count);
  BOOST_TEST(map.at("malformed_frame").as<std::uint64_t>() == 1U);
}

BOOST_AUTO_TEST_CASE(a_slow_reader_loses_replies_and_delays_nobody) {
  OneNode one;
  RawPeer slow(one.node->address(), 1);
  slow.greet();
  RawPeer other(one.node->address());
  other.greet();
  const auto view = request_for(1, Op::view, {}, {});
  for (int i = 0; one.count_of(ServerEvent::reply_blocked) == 0; ++i) {
    BOOST_REQUIRE(i < 10000);
    slow.request({view, view});  // a frame of 66 KiB each
    if (i % 16 == 0) must_serve(other);
  }
  must_serve(other);
}

BOOST_AUTO_TEST_CASE(messages_are_refused_while_those_before_them_wait_too_long_and_look_ups_are_not) {
  auto config = test::config_of({"n1"});
  config.runtime.workers = 1;
  config.runtime.blocking_threads = 1;  // what takes the place of a worker that blocks
  auto gate = std::make_shared<test::Gate>();
  Factories factories;
  factories.add<test::CounterActor>().add<test::GatedActor>({}, [gate](const NoArgs&) { return std::make_unique<test::GatedActor>(gate); });
  NodeOptions options;
  options.fixed_view = true;
  const auto node = Node::start(config, "n1", std::move(factories), options).value();
  RawPeer peer(node->address());
  peer.greet();
  peer.request({start_of(1, "live")});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
  peer.request({call_of(2, "a", "pass", {}, "gated"), call_of(3, "b", "pass", {}, "gated")});
  gate->await_waiting(2);  // all workers

  constexpr std::uint64_t waiting = limits::backlog_requests + 1;
  const auto ask = [&](std::uint64_t id, const std::string& key) {
    auto call = call_of(id, key, "get");
    call.remaining_ms = 60000;  // on a slow machine, too, none ends before there are enough
    peer.request({call});
  };
  for (std::uint64_t id = 10; id < 10 + waiting; ++id) ask(id, "k" + std::to_string(id));
  std::uint64_t last = 10 + waiting;
  const auto refused = [&] {
    ask(last++, "late");
    const auto frame = peer.receive_within(5ms);
    if (!frame) return false;
    auto reader = wire::ReplyReader::open(*frame).value();
    wire::Reply reply;
    BOOST_REQUIRE((*reader.next(reply) == wire::Next::good));
    BOOST_TEST((reply.code == ErrorCode::overloaded));
    return true;
  };
  while (!refused()) {
  }
  BOOST_TEST(node->server_stats().of(ServerEvent::backlogged) > 0U);
  peer.request({request_for(last, Op::lookup, "live")});
  for (bool found = false; !found;) {
    for (const auto& reply : peer.replies()) found |= reply.id.value == last && reply.code == ErrorCode::ok;
  }

  gate->open();
  std::uint64_t served = 0;
  while (served < waiting + 2) {  // all that came before the refusals
    for (const auto& reply : peer.replies()) served += reply.code == ErrorCode::ok && reply.id.value < 10 + waiting ? 1 : 0;
  }
  peer.request({call_of(last + 1, "late", "get")});
  for (bool again = false; !again;) {
    for (const auto& reply : peer.replies()) again |= reply.id.value == last + 1 && reply.code == ErrorCode::ok;
  }
}

BOOST_AUTO_TEST_CASE(a_restarted_node_asks_for_hello_and_has_done_nothing) {
  auto config = test::config_of({"n1"});
  auto node = test::start(config, "n1");
  config.nodes[0].listen = node->address();
  RawPeer peer(node->address());
  peer.greet();
  const auto earlier = node->incarnation();
  BOOST_TEST(node->stop());
  BOOST_TEST(peer.goodbye().frames == 0U);
  node.reset();
  node = test::start(config, "n1");
  BOOST_TEST((node->incarnation() != earlier));
  peer.request({start_of(1, "a")}, earlier);
  BOOST_TEST((peer.reject().code == ErrorCode::hello_required));
  peer.greet();
  peer.request({start_of(1, "a")}, earlier);
  BOOST_TEST((peer.reject().code == ErrorCode::wrong_incarnation));
  BOOST_TEST(node->actor_stats().starts == 0U);
  must_serve(peer);
}

BOOST_AUTO_TEST_CASE(a_node_that_closes_waits_for_who_has_not_read_its_last_word) {
  auto node = test::start(test::config_of({"n1"}), "n1", {.goodbye_time = 60s});
  auto peer = std::make_unique<RawPeer>(node->address());
  peer->greet();
  auto stopped = std::async(std::launch::async, [&] { return node->stop(); });
  BOOST_TEST((stopped.wait_for(1s) == std::future_status::timeout));
  BOOST_TEST(peer->goodbye().frames == 0U);
  peer.reset();
  BOOST_TEST((stopped.wait_for(30s) == std::future_status::ready));
}

BOOST_AUTO_TEST_CASE(an_answer_to_a_peer_that_has_gone_is_dropped_and_counted) {
  OneNode one;
  {
    RawPeer peer(one.node->address());
    peer.greet();
    peer.request({call_of(1, "g", "pass", {}, "gated")});
    one.gate->await_waiting(1);
  }
  one.gate->open();
  RawPeer other(one.node->address());
  other.greet();
  for (int i = 0; one.count_of(ServerEvent::reply_unroutable) == 0 && i < 1000; ++i) {
    must_serve(other);  // libzmq may not have seen the end of the connection by then: the reply goes into the void
    if (one.node->server_stats().replies > static_cast<std::uint64_t>(i) + 1) break;
  }
  must_serve(other);
}

BOOST_AUTO_TEST_CASE(a_stop_answers_what_is_under_way_and_refuses_what_comes) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  peer.request({call_of(1, "g", "pass", {}, "gated")});
  one.gate->await_waiting(1);
  bool in_time = false;
  std::thread stopping([&] { in_time = one.node->stop(); });
  for (std::uint64_t id = 2;; ++id) {
    peer.request({start_of(id, "a")});
    if (peer.reply().code == ErrorCode::shutting_down) break;
  }
  one.gate->open();
  const auto reply = peer.reply();
  BOOST_TEST(reply.id.value == 1U);
  BOOST_TEST((reply.code == ErrorCode::ok));
  stopping.join();
  BOOST_TEST(in_time);
  RawPeer late(one.node->address());
  late.hello();
  BOOST_TEST(!late.receive_within(100ms));
}

BOOST_AUTO_TEST_CASE(the_last_word_of_a_node_that_closes_is_how_much_it_has_read) {
  OneNode one;
  RawPeer peer(one.node->address());
  RawPeer quiet(one.node->address());
  peer.greet();
  quiet.greet();
  RawPeer twice(one.node->address());
  for (int i = 0; i < 2; ++i) {  // the count begins anew
    twice.greet();
    must_serve(twice);
  }
  for (std::uint64_t id = 1; id <= 3; ++id) {
    peer.request({start_of(id, "a"), start_of(id + 10, "b")});
    for (std::size_t answered = 0; answered < 2;) answered += peer.replies().size();  // in one frame or in two
  }
  peer.send(wire::encode_ping({1}));
  BOOST_TEST(wire::decode_pong(peer.receive()).has_value());
  BOOST_TEST(one.node->stop());
  BOOST_TEST(peer.goodbye().frames == 4U);
  BOOST_TEST(quiet.goodbye().frames == 0U);
  BOOST_TEST(twice.goodbye().frames == 1U);
}

BOOST_AUTO_TEST_CASE(an_answer_that_comes_in_the_last_round_still_leaves) {
  const auto gate = std::make_shared<test::Gate>();
  test::Gate round;  // holds the data thread in the part of its round that follows the answers
  HostedRegistry registry{test::factories(gate)};
  Server::Options options;
  options.listen = "tcp://127.0.0.1:0";
  options.plane.node = NodeId{"n1"};
  options.plane.cluster = "test";
  const auto server = Server::bind(options, registry);
  BOOST_REQUIRE_MESSAGE(server.has_value(), test::why(server));
  (*server)->plane().set_view(std::make_shared<const View>(view_of(test::config_of({"n1"}))), Incarnation{});
  (*server)->start();
  RawPeer peer((*server)->address());
  peer.greet();
  peer.request({call_of(1, "g", "pass", {}, "gated")});
  gate->await_waiting(1);

  auto late = std::make_unique<Forwarded>();  // its deadline has passed: answered in this round
  late->done = Completion::of([&](Answer&&) { round.pass(); });
  (*server)->plane().forward(std::move(late));
  round.await_waiting(1);
  gate->open();
  BOOST_TEST(registry.close(5s));  // so the answer is in the queue
  std::thread stopping([&] { (*server)->stop(); });
  // If stop() has not come far by then, the answer leaves in another round: that is right as well.
  std::this_thread::sleep_for(20ms);
  round.open();
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
  stopping.join();
}

BOOST_AUTO_TEST_CASE(a_flood_of_events_is_counted_in_full_and_logged_in_part) {
  std::atomic<int> lines = 0;
  NodeOptions options;
  options.log = [&](LogLevel, std::string_view event, std::string_view) {
    lines += event == "malformed_frame" ? 1 : 0;
  };
  OneNode one(options);
  RawPeer peer(one.node->address());
  constexpr int count = 200;
  for (int i = 0; i < count; ++i) peer.send("garbage");
  for (int i = 0; i < count; ++i) static_cast<void>(peer.reject());
  BOOST_TEST(one.count_of(ServerEvent::malformed_frame) == static_cast<std::uint64_t>(count));
  BOOST_TEST(lines >= 1);
  BOOST_TEST(lines < count / 2);
}

BOOST_AUTO_TEST_SUITE_END()
