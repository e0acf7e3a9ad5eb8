#include "reki/node/server/server.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <thread>

#include "raw_peer.hpp"
#include "reki/actor/pack.hpp"
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

wire::Request start_of(std::uint64_t id, std::string_view key, std::string_view type = "counter") {
  auto out = request_for(id, Op::lookup_or_start, key, type);
  out.args = BytesView{};
  return out;
}

wire::Request call_of(std::uint64_t id, std::string_view key, std::string_view message, BytesView payload = {},
                      std::string_view type = "counter") {
  auto out = request_for(id, Op::call, key, type);
  out.args = BytesView{};
  out.message = message;
  out.payload = payload;
  return out;
}

/// That the same connection is served as if nothing had happened.
void must_serve(RawPeer& peer) {
  peer.request({start_of(4711, "good")});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(server)

BOOST_AUTO_TEST_CASE(a_hello_is_welcomed_with_who_is_there) {
  OneNode one;
  RawPeer peer(one.node->address());
  const auto welcome = peer.greet();
  BOOST_TEST(welcome.version == 1);
  BOOST_TEST(welcome.cluster == "test");
  BOOST_TEST(welcome.node == "n1");
  BOOST_TEST((welcome.incarnation == one.node->incarnation()));
  BOOST_TEST((welcome.epoch == Epoch{1}));
  BOOST_TEST(one.node->server_stats().sessions == 1U);
}

BOOST_AUTO_TEST_CASE(another_clusters_hello_is_refused_and_the_right_one_works_after_it) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.hello("production");
  const auto reject = peer.reject();
  BOOST_TEST((reject.code == ErrorCode::wrong_cluster));
  BOOST_TEST((reject.text.find("'test'") != std::string_view::npos));
  BOOST_TEST(one.count_of(ServerEvent::wrong_cluster) == 1U);
  peer.greet();
  must_serve(peer);
}

BOOST_AUTO_TEST_CASE(a_hello_without_a_common_version_is_refused) {
  OneNode one;
  RawPeer peer(one.node->address());
  wire::Hello hello;
  hello.cluster = "test";
  hello.version_min = 7;
  hello.version_max = 9;
  peer.send(wire::encode_hello(hello));
  BOOST_TEST((peer.reject().code == ErrorCode::version_mismatch));
  BOOST_TEST(one.count_of(ServerEvent::version_mismatch) == 1U);
  peer.greet();
  must_serve(peer);
}

BOOST_AUTO_TEST_CASE(a_hello_of_a_later_version_gets_ours) {
  OneNode one;
  RawPeer peer(one.node->address());
  wire::Hello hello;
  hello.cluster = "test";
  hello.version_max = 9;
  peer.send(wire::encode_hello(hello));
  BOOST_TEST(peer.welcome().version == 1);
}

BOOST_AUTO_TEST_CASE(garbage_is_rejected_counted_and_harmless) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  const std::string requests_of_nothing("\x94\x04\x01\x00\xc0", 5);
  const std::vector<std::string> garbage{"garbage",
                                         "\xc1",
                                         std::string(100, '\xff'),
                                         "\x91\x63",
                                         requests_of_nothing,
                                         wire::encode_pong({}),
                                         wire::encode_reject({})};
  for (const auto& frame : garbage) {
    peer.send(frame);
    BOOST_TEST((peer.reject().code == ErrorCode::malformed_frame));
  }
  peer.send("");
  BOOST_TEST((peer.reject().code == ErrorCode::malformed_frame));
  BOOST_TEST(one.count_of(ServerEvent::malformed_frame) == garbage.size() + 1);
  must_serve(peer);
}

BOOST_AUTO_TEST_CASE(a_request_frame_that_breaks_off_is_served_up_to_there) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  wire::RequestWriter writer;
  BOOST_REQUIRE(writer.add(start_of(1, "a")));
  BOOST_REQUIRE(writer.add(start_of(2, "b")));
  std::string frame(writer.finish(Epoch{1}, {}));
  frame.pop_back();
  peer.send(frame);
  int rejects = 0;
  int replies = 0;
  for (int i = 0; i < 2; ++i) {
    const auto kind = wire::kind_of(peer.receive());
    rejects += kind.value() == wire::FrameKind::reject ? 1 : 0;
    replies += kind.value() == wire::FrameKind::reply ? 1 : 0;
  }
  BOOST_TEST(rejects == 1);
  BOOST_TEST(replies == 1);
  must_serve(peer);
}

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

BOOST_AUTO_TEST_CASE(frames_before_hello_ask_for_it) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.request({start_of(1, "a")});
  BOOST_TEST((peer.reject().code == ErrorCode::hello_required));
  BOOST_TEST(one.count_of(ServerEvent::hello_required) == 1U);
  BOOST_TEST(one.node->actor_stats().starts == 0U);
  peer.greet();
  must_serve(peer);
}

BOOST_AUTO_TEST_CASE(a_ping_is_answered_and_tells_a_stranger_nothing) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.send(wire::encode_ping({5}));
  auto pong = wire::decode_pong(peer.receive());
  BOOST_REQUIRE(pong.has_value());
  BOOST_TEST(pong->nonce == 5U);
  BOOST_TEST((pong->epoch == Epoch{0}));
  peer.greet();
  peer.send(wire::encode_ping({6}));
  pong = wire::decode_pong(peer.receive());
  BOOST_REQUIRE(pong.has_value());
  BOOST_TEST((pong->epoch == Epoch{1}));
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

BOOST_AUTO_TEST_CASE(one_bad_request_gets_its_own_error_and_spoils_no_other) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  const std::string long_key(limits::key_bytes_max + 1, 'k');
  const std::string two_fields = pack(std::vector<int>{1, 2});
  const std::string text = pack(std::vector<std::string>{"one"});
  peer.request({start_of(1, "a"), start_of(2, long_key), request_for(3, static_cast<Op>(77), "a"), start_of(4, ""),
                start_of(5, "a", "nobody"), call_of(6, "a", "jump"), call_of(7, "a", "increment", two_fields),
                call_of(8, "a", "increment", text), call_of(9, "a", "increment", "\xc1"), start_of(10, "b")});
  std::map<std::uint64_t, ErrorCode> codes;
  while (codes.size() < 10) {
    for (const auto& reply : peer.replies()) codes[reply.id.value] = reply.code;
  }
  BOOST_TEST((codes[1] == ErrorCode::ok));
  BOOST_TEST((codes[2] == ErrorCode::too_large));
  BOOST_TEST((codes[3] == ErrorCode::unsupported));
  BOOST_TEST((codes[4] == ErrorCode::invalid_argument));
  BOOST_TEST((codes[5] == ErrorCode::unknown_type));
  BOOST_TEST((codes[6] == ErrorCode::unknown_message));
  BOOST_TEST((codes[7] == ErrorCode::malformed_message));
  BOOST_TEST((codes[8] == ErrorCode::malformed_message));
  BOOST_TEST((codes[9] == ErrorCode::malformed_message));
  BOOST_TEST((codes[10] == ErrorCode::ok));
  BOOST_TEST(one.count_of(ServerEvent::bad_request) == 8U);
}

BOOST_AUTO_TEST_CASE(a_crash_is_told_with_its_text) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  peer.request({call_of(1, "a", "reset")});
  const auto reply = peer.reply();
  BOOST_TEST((reply.code == ErrorCode::actor_crashed));
  BOOST_TEST((reply.text.find("cannot reset") != std::string_view::npos));
}

BOOST_AUTO_TEST_CASE(a_frame_for_an_earlier_incarnation_is_refused_whole) {
  OneNode one;
  RawPeer peer(one.node->address());
  const auto welcome = peer.greet();
  peer.request({start_of(1, "a"), start_of(2, "b")}, Incarnation{welcome.incarnation.value + 1});
  BOOST_TEST((peer.reject().code == ErrorCode::wrong_incarnation));
  BOOST_TEST(one.node->actor_stats().starts == 0U);
  peer.request({start_of(1, "a")}, one.node->incarnation());
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(a_key_of_another_node_is_redirected_and_never_served) {
  test::Cluster cluster({"n1", "n2"});
  RawPeer peer(cluster.nodes[0]->address());
  peer.greet();
  const auto key = cluster.key_of("n2");
  for (const Op op : {Op::lookup_or_start, Op::lookup, Op::start, Op::stop, Op::call, Op::send}) {
    auto request = request_for(1, op, key);
    request.args = BytesView{};
    request.message = op == Op::call || op == Op::send ? "get" : "";
    peer.request({request});
    const auto reply = peer.reply();
    BOOST_TEST((reply.code == ErrorCode::wrong_node));
    BOOST_TEST(reply.owner == "n2");
  }
  BOOST_TEST(cluster.nodes[0]->actor_stats().starts == 0U);
  BOOST_TEST(cluster.nodes[0]->server_stats().of(ServerEvent::wrong_node) == 6U);
  peer.request({start_of(1, cluster.key_of("n1"))});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(a_batch_is_answered_in_one_frame) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  peer.request({start_of(1, "a")});
  peer.reply();
  std::vector<wire::Request> lookups;
  for (std::uint64_t id = 1; id <= limits::batch_part_min; ++id) lookups.push_back(request_for(id, Op::lookup, "a"));
  peer.request(lookups);
  BOOST_TEST(peer.replies().size() == limits::batch_part_min);
}

BOOST_AUTO_TEST_CASE(a_large_batch_is_answered_in_parts) {
  constexpr std::uint64_t count = 1024;
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  peer.request({start_of(1, "a")});
  peer.reply();
  std::vector<wire::Request> lookups;
  for (std::uint64_t id = 1; id <= count; ++id) lookups.push_back(request_for(id, Op::lookup, id % 3 == 0 ? "nobody" : "a"));
  peer.request(lookups);
  for (std::uint64_t id = 1; id <= count;) {
    const auto part = peer.replies();
    BOOST_TEST(part.size() == limits::batch_part_of(count));
    for (const auto& reply : part) {
      BOOST_TEST((reply.code == (reply.id.value % 3 == 0 ? ErrorCode::not_running : ErrorCode::ok)));
      ++id;
    }
  }
}

BOOST_AUTO_TEST_CASE(what_one_frame_asks_of_one_key_is_done_in_its_order) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  const std::string by = pack(example::Increment{1});
  std::vector<wire::Request> calls{start_of(1, "a")};
  for (std::uint64_t id = 2; id <= 101; ++id) calls.push_back(call_of(id, "a", "increment", by));
  peer.request(calls);
  std::map<std::uint64_t, std::string> values;
  while (values.size() < 101) {
    for (const auto& reply : peer.replies()) values[reply.id.value] = std::string{reply.payload};
  }
  for (std::uint64_t id = 2; id <= 101; ++id) BOOST_TEST(unpack<std::int64_t>(values[id]).value() == std::int64_t(id) - 1);
}

BOOST_AUTO_TEST_CASE(many_large_answers_are_split_into_frames_near_the_target) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  std::vector<wire::Request> views;
  for (std::uint64_t id = 1; id <= 20; ++id) views.push_back(request_for(id, Op::view, {}, {}));
  peer.request(views);
  std::size_t seen = 0;
  while (seen < 20) {
    const auto replies = peer.replies();
    seen += replies.size();
    BOOST_TEST(replies.size() <= 2U);  // 33 KiB each, and the target is 64
    for (const auto& reply : replies) BOOST_TEST(decode_view(reply.payload).has_value());
  }
  BOOST_TEST(seen == 20U);
}

BOOST_AUTO_TEST_CASE(an_answer_over_the_limit_is_an_error) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  const auto too_much = pack(std::vector<std::size_t>{limits::message_bytes_max});
  const auto just_right = pack(std::vector<std::size_t>{limits::message_bytes_max - 16});
  peer.request({call_of(1, "h", "blow", too_much, "horn")});
  BOOST_TEST((peer.reply().code == ErrorCode::too_large));
  peer.request({call_of(2, "h", "blow", just_right, "horn")});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(a_send_that_wants_no_reply_gets_none) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  auto quiet = request_for(1, Op::send, "a");
  quiet.args = BytesView{};
  quiet.message = "increment";
  quiet.flags = wire::no_reply;
  auto wrong = quiet;
  wrong.type = "nobody";
  auto broken = quiet;
  broken.key = "";
  peer.request({quiet, wrong, broken, call_of(2, "a", "get")});
  const auto reply = peer.reply();
  BOOST_TEST(reply.id.value == 2U);
  BOOST_TEST(unpack<std::int64_t>(reply.payload).value() == 1);
  BOOST_TEST(!peer.receive_within(50ms));
}

BOOST_AUTO_TEST_CASE(view_is_empty_for_those_who_have_it) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  const Bytes newest = wire::encode_view_args(Epoch{1});
  auto request = request_for(1, Op::view, {}, {});
  request.args = newest;
  peer.request({request});
  BOOST_TEST(peer.reply().payload.empty());
  request.args = "\xc1";
  peer.request({request});
  BOOST_TEST((peer.reply().code == ErrorCode::malformed_message));
  request.args.reset();
  peer.request({request});
  BOOST_TEST((decode_view(peer.reply().payload).value() == *one.node->view()));
}

BOOST_AUTO_TEST_CASE(view_is_a_delta_for_those_who_take_one_and_have_a_view_it_leads_from) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  const auto before = one.node->view();
  ViewHead head = before->head();
  head.epoch = Epoch{2};
  const std::vector<Member> members(before->members().begin(), before->members().end());
  one.node->set_view(std::make_shared<const View>(View::make(head, members, before->table()).value()));
  Bytes payload;
  const auto ask = [&](Bytes args) {
    auto request = request_for(1, Op::view, {}, {});
    request.args = args;
    peer.request({request});
    payload = peer.reply().payload;
  };
  // The node's data thread takes the view a little later than set_view returns.
  do ask(wire::encode_view_args(Epoch{1}, true));
  while (payload.empty());
  BOOST_TEST((apply(*before, decode_view_delta(payload).value()).value() == *one.node->view()));
  ask(wire::encode_view_args(Epoch{1}));
  BOOST_TEST((decode_view(payload).value() == *one.node->view()));
  ask(wire::encode_view_args(Epoch{0}, true));
  BOOST_TEST((decode_view(payload).value() == *one.node->view()));
  ask(wire::encode_view_args(Epoch{2}, true));
  BOOST_TEST(payload.empty());
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

BOOST_AUTO_TEST_CASE(describe_names_the_types) {
  OneNode one;
  RawPeer peer(one.node->address());
  peer.greet();
  peer.request({request_for(1, Op::describe, {}, "counter")});
  const auto types = decode_descriptions(peer.reply().payload);
  BOOST_REQUIRE(types.has_value());
  BOOST_REQUIRE(types->size() == 1U);
  BOOST_TEST(types->front().type == "counter");
}

BOOST_AUTO_TEST_CASE(at_the_cap_the_longest_idle_session_makes_room) {
  NodeOptions options;
  options.sessions_max = 2;
  OneNode one(options);
  RawPeer first(one.node->address());
  RawPeer second(one.node->address());
  RawPeer third(one.node->address());
  first.greet();
  second.greet();
  must_serve(first);
  third.greet();
  must_serve(first);
  second.request({start_of(1, "a")});
  BOOST_TEST((second.reject().code == ErrorCode::hello_required));
  BOOST_TEST(one.count_of(ServerEvent::session_dropped) == 1U);
}

BOOST_AUTO_TEST_CASE(when_all_sessions_are_busy_the_newest_is_refused) {
  NodeOptions options;
  options.sessions_max = 1;
  OneNode one(options);
  RawPeer busy(one.node->address());
  busy.greet();
  busy.request({call_of(1, "g", "pass", {}, "gated")});
  one.gate->await_waiting(1);
  RawPeer late(one.node->address());
  late.hello();
  BOOST_TEST((late.reject().code == ErrorCode::overloaded));
  one.gate->open();
  BOOST_TEST((busy.reply().code == ErrorCode::ok));
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
  const auto node = Node::start(config, "n1", std::move(factories), std::move(options)).value();
  RawPeer peer(node->address());
  peer.greet();
  peer.request({start_of(1, "live")});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
  peer.request({call_of(2, "a", "pass", {}, "gated"), call_of(3, "b", "pass", {}, "gated")});
  gate->await_waiting(2);  // all workers

  constexpr std::uint64_t waiting = limits::backlog_requests + 1;
  for (std::uint64_t id = 10; id < 10 + waiting; ++id) peer.request({call_of(id, "k" + std::to_string(id), "get")});
  std::uint64_t last = 10 + waiting;
  const auto refused = [&] {
    peer.request({call_of(last++, "late", "get")});
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
  options.node = NodeId{"n1"};
  options.cluster = "test";
  const auto server = Server::bind(std::move(options), registry);
  BOOST_REQUIRE_MESSAGE(server.has_value(), test::why(server));
  (*server)->set_view(std::make_shared<const View>(view_of(test::config_of({"n1"}))), Incarnation{});
  (*server)->start();
  RawPeer peer((*server)->address());
  peer.greet();
  peer.request({call_of(1, "g", "pass", {}, "gated")});
  gate->await_waiting(1);

  auto late = std::make_unique<Forwarded>();  // its deadline has passed: answered in this round
  late->done = Completion::of([&](Answer&&) { round.pass(); });
  (*server)->forward(std::move(late));
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
