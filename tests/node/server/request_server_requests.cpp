// What a RequestServer does with the requests of a frame.
#include "reki/node/server/request_server.hpp"

#include <boost/test/unit_test.hpp>
#include <map>

#include "reki/actor/pack.hpp"
#include "reki/core/view/view_delta.hpp"
#include "reki/core/watch/watch_codec.hpp"
#include "request_server_fixture.hpp"

using namespace reki;
using namespace std::chrono_literals;
using test::DirectPeer;
using test::OneServer;
using wire::Op;

namespace {

const Bytes one_increment = pack(example::Increment{1});

}  // namespace

BOOST_AUTO_TEST_SUITE(request_server_requests)

BOOST_AUTO_TEST_CASE(one_bad_request_gets_its_own_error_and_spoils_no_other) {
  OneServer one;
  DirectPeer peer(one);
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

BOOST_AUTO_TEST_CASE(an_operation_of_a_later_level_is_refused_by_name_until_the_view_has_that) {
  OneServer one({"n1", "n2"});
  DirectPeer peer(one);
  peer.greet();
  const std::string here = one.key_of("n1");
  const std::string there = one.key_of("n2");
  peer.request({request_for(1, Op::next, here), request_for(2, Op::next, there)});
  for (const auto& reply : peer.replies()) {
    BOOST_TEST((reply.code == ErrorCode::unsupported));
    BOOST_TEST((reply.text == "operation 48 needs level 2, and the cluster has level 1; once all nodes run a reki that has it, 'reki upgrade finish' raises that"));
  }
  one.next_view_of(2);
  peer.request({start_of(3, here)});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
  peer.request({request_for(4, Op::next, here)});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
  peer.request({request_for(5, Op::next, there)});
  BOOST_TEST((peer.reply().code == ErrorCode::wrong_node));
}

BOOST_AUTO_TEST_CASE(a_crash_is_told_with_its_text) {
  OneServer one;
  DirectPeer peer(one);
  peer.greet();
  peer.request({call_of(1, "a", "reset")});
  const auto reply = peer.reply();
  BOOST_TEST((reply.code == ErrorCode::actor_crashed));
  BOOST_TEST((reply.text.find("cannot reset") != std::string_view::npos));
}

BOOST_AUTO_TEST_CASE(a_key_of_another_node_is_redirected_and_never_served) {
  OneServer one({"n1", "n2"});
  DirectPeer peer(one);
  peer.greet();
  const auto key = one.key_of("n2");
  for (const Op op : {Op::lookup_or_start, Op::lookup, Op::start, Op::stop, Op::call, Op::send}) {
    auto request = request_for(1, op, key);
    request.args = BytesView{};
    request.message = op == Op::call || op == Op::send ? "get" : "";
    peer.request({request});
    const auto reply = peer.reply();
    BOOST_TEST((reply.code == ErrorCode::wrong_node));
    BOOST_TEST(reply.owner == "n2");
  }
  BOOST_TEST(one.starts() == 0U);
  BOOST_TEST(one.count_of(ServerEvent::wrong_node) == 6U);
  peer.request({start_of(1, one.key_of("n1"))});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(what_one_frame_asks_of_one_key_is_done_in_its_order) {
  OneServer one;
  DirectPeer peer(one);
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

BOOST_AUTO_TEST_CASE(an_answer_over_the_limit_is_an_error) {
  OneServer one;
  DirectPeer peer(one);
  peer.greet();
  const auto too_much = pack(std::vector<std::size_t>{limits::message_bytes_max});
  const auto just_right = pack(std::vector<std::size_t>{limits::message_bytes_max - 16});
  peer.request({call_of(1, "h", "blow", too_much, "horn")});
  BOOST_TEST((peer.reply().code == ErrorCode::too_large));
  peer.request({call_of(2, "h", "blow", just_right, "horn")});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(a_send_that_wants_no_reply_gets_none) {
  OneServer one;
  DirectPeer peer(one);
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
  peer.must_be_quiet();
}

BOOST_AUTO_TEST_CASE(view_is_empty_for_those_who_have_it) {
  OneServer one;
  DirectPeer peer(one);
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
  BOOST_TEST((decode_view(peer.reply().payload).value() == *one.view));
}

BOOST_AUTO_TEST_CASE(view_is_a_delta_for_those_who_take_one_and_have_a_view_it_leads_from) {
  OneServer one;
  DirectPeer peer(one);
  peer.greet();
  const auto before = one.view;
  one.next_view({"n1"});
  Bytes payload;
  const auto ask = [&](const Bytes& args) {
    auto request = request_for(1, Op::view, {}, {});
    request.args = args;
    peer.request({request});
    payload = peer.reply().payload;
  };
  ask(wire::encode_view_args(Epoch{1}, true));
  BOOST_TEST((apply(*before, decode_view_delta(payload).value()).value() == *one.view));
  ask(wire::encode_view_args(Epoch{1}));
  BOOST_TEST((decode_view(payload).value() == *one.view));
  ask(wire::encode_view_args(Epoch{0}, true));
  BOOST_TEST((decode_view(payload).value() == *one.view));
  ask(wire::encode_view_args(Epoch{2}, true));
  BOOST_TEST(payload.empty());
}

BOOST_AUTO_TEST_CASE(describe_names_the_types) {
  OneServer one;
  DirectPeer peer(one);
  peer.greet();
  peer.request({request_for(1, Op::describe, {}, "counter")});
  const auto types = decode_descriptions(peer.reply().payload);
  BOOST_REQUIRE(types.has_value());
  BOOST_REQUIRE(types->size() == 1U);
  BOOST_TEST(types->front().type == "counter");
}

BOOST_AUTO_TEST_CASE(what_is_there_at_once_takes_no_place_in_the_queue_of_answers) {
  OneServer one;
  DirectPeer peer(one);
  peer.greet();
  peer.request({start_of(1, "a")});
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
  auto send = request_for(4, Op::send, "a");
  send.message = "increment";
  send.payload = one_increment;
  peer.request({request_for(1, Op::lookup, "a"), request_for(2, Op::lookup, "nobody"), start_of(3, "a", "unknown"), send,
                call_of(5, "a", "unknown"), request_for(6, Op::start, "a"), request_for(7, Op::count, {}),
                request_for(8, Op::describe, {}, {})});
  BOOST_TEST(one.answers->missing() == 0U);
  std::map<std::uint64_t, ErrorCode> codes;
  for (const auto& reply : peer.replies()) codes[reply.id.value] = reply.code;
  BOOST_TEST(codes.size() == 8U);
  BOOST_TEST((codes[1] == ErrorCode::ok && codes[4] == ErrorCode::ok && codes[7] == ErrorCode::ok && codes[8] == ErrorCode::ok));
  BOOST_TEST((codes[2] == ErrorCode::not_running));
  BOOST_TEST((codes[3] == ErrorCode::unknown_type));
  BOOST_TEST((codes[5] == ErrorCode::unknown_message));
  BOOST_TEST((codes[6] == ErrorCode::already_started));
}

BOOST_AUTO_TEST_CASE(a_node_that_the_view_does_not_have_is_served_nothing) {
  RequestServer::Options options;
  std::vector<std::pair<std::string, Epoch>> heard;
  options.heard_epoch = [&](const NodeId& from, Epoch epoch) { heard.emplace_back(from.value, epoch); };
  OneServer one({"n1", "n2"}, std::move(options));
  const auto hello_of = [&](DirectPeer& peer, std::string_view name) {
    wire::Hello hello;
    hello.cluster = "test";
    hello.role = wire::Role::node;
    hello.name = name;
    hello.incarnation = Incarnation{9};
    peer.send(wire::encode_hello(hello));
    static_cast<void>(peer.welcome());
  };
  DirectPeer member(one, "member");
  hello_of(member, "n2");
  member.request({start_of(1, one.key_of("n1"))});
  BOOST_TEST((member.reply().code == ErrorCode::ok));
  DirectPeer stranger(one, "stranger");
  hello_of(stranger, "n3");
  const std::string key = one.key_of("n1");
  auto quiet = request_for(2, Op::send, key);
  quiet.message = "increment";
  quiet.flags = wire::no_reply;
  stranger.request({start_of(1, one.key_of("n1")), quiet});
  BOOST_TEST((stranger.reply().code == ErrorCode::unavailable));
  BOOST_TEST(one.count_of(ServerEvent::unknown_sender) == 2U);
  BOOST_TEST(heard.empty());
  wire::RequestWriter writer;
  BOOST_REQUIRE(writer.add(start_of(3, one.key_of("n1"))));
  stranger.send(writer.finish(Epoch{5}, {}));
  BOOST_TEST((stranger.reply().code == ErrorCode::unavailable));
  BOOST_REQUIRE(heard.size() == 1U);
  BOOST_TEST(heard[0].first == "n3");
  BOOST_TEST((heard[0].second == Epoch{5}));
}

BOOST_AUTO_TEST_CASE(questions_about_the_nodes_are_answered_by_the_next_view_or_at_their_deadline) {
  OneServer one({"n1", "n2"});
  DirectPeer peer(one);
  peer.greet();
  const auto ask = [&](std::uint64_t id, std::uint64_t after) {
    auto request = request_for(id, Op::watch, {}, {});
    const Bytes args = wire::encode_watch_args({Incarnation{}, after});
    request.args = args;
    request.remaining_ms = 1000;
    peer.request({request});
  };
  ask(1, 0);
  BOOST_TEST(wire::decode_watch_reply(peer.reply().payload).value().position.sequence == 1U);
  ask(2, 1);
  peer.must_be_quiet();
  BOOST_TEST((one.server.next_wake() == one.now + 1s));
  one.now = one.now + 1s;
  auto reply = peer.reply();
  BOOST_TEST(reply.id.value == 2U);
  BOOST_TEST(wire::decode_watch_reply(reply.payload).value().events.empty());
  ask(3, 1);
  peer.must_be_quiet();
  one.next_view({"n1"});
  reply = peer.reply();
  BOOST_TEST(reply.id.value == 3U);
  const auto told = wire::decode_watch_reply(reply.payload).value();
  BOOST_TEST(told.position.sequence == 2U);
  BOOST_REQUIRE(!told.events.empty());
  BOOST_TEST((told.events.front().kind == WatchKind::lost));
  ask(4, 2);
  one.server.refuse_new();
  BOOST_TEST((peer.reply().code == ErrorCode::shutting_down));
}

BOOST_AUTO_TEST_CASE(a_question_about_a_key_is_answered_when_it_becomes_anothers) {
  OneServer one({"n1", "n2"});
  DirectPeer peer(one);
  peer.greet();
  const auto ask = [&](std::uint64_t id, const WatchPosition& after) {
    auto request = request_for(id, Op::watch, {});
    const std::string key = one.key_of("n1");
    const Bytes args = wire::encode_watch_args(after);
    request.key = key;
    request.args = args;
    peer.request({request});
    one.round();
  };
  ask(1, {});
  const auto now = wire::decode_watch_reply(peer.reply().payload).value();
  BOOST_REQUIRE(now.events.size() == 1U);
  BOOST_TEST((now.events[0].kind == WatchKind::not_running));
  ask(2, now.position);
  BOOST_TEST(!peer.receive_within(0ms));
  one.next_view({"n2"});
  BOOST_TEST(peer.reply().id.value == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
