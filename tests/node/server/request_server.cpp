#include "reki/node/server/request_server.hpp"

#include <boost/test/unit_test.hpp>

#include "request_server_fixture.hpp"

using namespace reki;
using namespace std::chrono_literals;
using test::DirectPeer;
using test::OneServer;
using wire::Op;

BOOST_AUTO_TEST_SUITE(request_server)

BOOST_AUTO_TEST_CASE(a_hello_is_welcomed_with_who_is_there) {
  OneServer one;
  DirectPeer peer(one);
  const auto welcome = peer.greet();
  BOOST_TEST(welcome.version == 1);
  BOOST_TEST(welcome.cluster == "test");
  BOOST_TEST(welcome.node == "n1");
  BOOST_TEST((welcome.incarnation == OneServer::incarnation));
  BOOST_TEST((welcome.epoch == Epoch{1}));
  BOOST_TEST(one.events.read().sessions == 1U);
}

BOOST_AUTO_TEST_CASE(another_clusters_hello_is_refused_and_the_right_one_works_after_it) {
  OneServer one;
  DirectPeer peer(one);
  peer.hello("production");
  const auto reject = peer.reject();
  BOOST_TEST((reject.code == ErrorCode::wrong_cluster));
  BOOST_TEST((reject.text.find("'test'") != std::string_view::npos));
  BOOST_TEST(one.count_of(ServerEvent::wrong_cluster) == 1U);
  peer.greet();
  must_serve(peer);
}

BOOST_AUTO_TEST_CASE(a_hello_without_a_common_version_is_refused) {
  OneServer one;
  DirectPeer peer(one);
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
  OneServer one;
  DirectPeer peer(one);
  wire::Hello hello;
  hello.cluster = "test";
  hello.version_max = 9;
  peer.send(wire::encode_hello(hello));
  BOOST_TEST(peer.welcome().version == 1);
}

BOOST_AUTO_TEST_CASE(garbage_is_rejected_counted_and_harmless) {
  OneServer one;
  DirectPeer peer(one);
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
  OneServer one;
  DirectPeer peer(one);
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

BOOST_AUTO_TEST_CASE(frames_before_hello_ask_for_it) {
  OneServer one;
  DirectPeer peer(one);
  peer.request({start_of(1, "a")});
  BOOST_TEST((peer.reject().code == ErrorCode::hello_required));
  BOOST_TEST(one.count_of(ServerEvent::hello_required) == 1U);
  BOOST_TEST(one.starts() == 0U);
  peer.greet();
  must_serve(peer);
}

BOOST_AUTO_TEST_CASE(a_ping_is_answered_and_tells_a_stranger_nothing) {
  OneServer one;
  DirectPeer peer(one);
  peer.send(wire::encode_ping({5}));
  const auto to_stranger = peer.pong();
  BOOST_TEST(to_stranger.nonce == 5U);
  BOOST_TEST((to_stranger.epoch == Epoch{0}));
  peer.greet();
  peer.send(wire::encode_ping({6}));
  BOOST_TEST((peer.pong().epoch == Epoch{1}));
}

BOOST_AUTO_TEST_CASE(a_frame_for_an_earlier_incarnation_is_refused_whole) {
  OneServer one;
  DirectPeer peer(one);
  const auto welcome = peer.greet();
  peer.request({start_of(1, "a"), start_of(2, "b")}, Incarnation{welcome.incarnation.value + 1});
  BOOST_TEST((peer.reject().code == ErrorCode::wrong_incarnation));
  BOOST_TEST(one.starts() == 0U);
  peer.request({start_of(1, "a")}, OneServer::incarnation);
  BOOST_TEST((peer.reply().code == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(a_batch_is_answered_in_one_frame) {
  OneServer one;
  DirectPeer peer(one);
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
  OneServer one;
  DirectPeer peer(one);
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

BOOST_AUTO_TEST_CASE(many_large_answers_are_split_into_frames_near_the_target) {
  OneServer one;
  DirectPeer peer(one);
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

BOOST_AUTO_TEST_CASE(at_the_cap_the_longest_idle_session_makes_room) {
  RequestServer::Options options;
  options.sessions_max = 2;
  OneServer one({"n1"}, std::move(options));
  DirectPeer first(one, "first");
  DirectPeer second(one, "second");
  DirectPeer third(one, "third");
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
  RequestServer::Options options;
  options.sessions_max = 1;
  OneServer one({"n1"}, std::move(options));
  DirectPeer busy(one, "busy");
  busy.greet();
  busy.request({call_of(1, "g", "pass", {}, "gated")});
  one.gate->await_waiting(1);
  DirectPeer late(one, "late");
  late.hello();
  BOOST_TEST((late.reject().code == ErrorCode::overloaded));
  one.gate->open();
  BOOST_TEST((busy.reply().code == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(before_the_first_view_everything_is_refused) {
  LogSink silent;
  ServerEvents events{silent};
  OneServer one;
  RequestServer::Options options;
  options.node = NodeId{"n1"};
  options.cluster = "test";
  RequestServer waiting(options, one.registry, *one.answers, one.sink, events);
  wire::Hello hello;
  hello.cluster = "test";
  waiting.frame("early", wire::encode_hello(hello), one.now);
  BOOST_TEST((wire::decode_welcome(*one.sink.take("early")).value().epoch == Epoch{0}));
  wire::RequestWriter writer;
  BOOST_REQUIRE(writer.add(start_of(1, "a")));
  waiting.frame("early", writer.finish(Epoch{0}, {}), one.now);
  waiting.end_round(one.now);
  const auto frame = one.sink.take("early");
  BOOST_REQUIRE(frame.has_value());
  auto reader = wire::ReplyReader::open(*frame).value();
  wire::Reply reply;
  BOOST_REQUIRE((*reader.next(reply) == wire::Next::good));
  BOOST_TEST((reply.code == ErrorCode::unavailable));
}

BOOST_AUTO_TEST_CASE(the_answers_of_one_round_leave_in_one_frame_for_each_session) {
  OneServer one;
  DirectPeer peer(one, "peer");
  DirectPeer other(one, "other");
  peer.greet();
  other.greet();
  for (std::uint64_t id = 1; id <= 5; ++id) peer.request({call_of(id, "g" + std::to_string(id), "pass", {}, "gated")});
  other.request({call_of(6, "g6", "pass", {}, "gated")});
  one.gate->await_waiting(6);
  one.round();
  BOOST_TEST(one.sink.kept["peer"].empty());
  one.gate->open();
  BOOST_TEST(one.registry.close(5s));  // so all answers are in the queue
  BOOST_TEST(peer.replies().size() == 5U);
  BOOST_TEST(other.replies().size() == 1U);
}

BOOST_AUTO_TEST_CASE(who_closes_refuses_what_is_new_answers_what_is_under_way_and_says_what_it_has_read) {
  OneServer one;
  DirectPeer peer(one, "peer");
  peer.greet();
  peer.request({call_of(1, "g", "pass", {}, "gated")});
  peer.send(wire::encode_ping({1}));
  static_cast<void>(peer.pong());
  one.gate->await_waiting(1);
  one.server.refuse_new();
  peer.request({start_of(2, "a"), request_for(3, Op::view, {}, {})});
  for (const auto& reply : peer.replies()) BOOST_TEST((reply.code == ErrorCode::shutting_down));
  DirectPeer late(one, "late");
  late.hello();
  BOOST_TEST((late.reject().code == ErrorCode::shutting_down));
  one.gate->open();
  const auto last = peer.reply();
  BOOST_TEST(last.id.value == 1U);
  BOOST_TEST((last.code == ErrorCode::ok));
  BOOST_TEST(one.server.say_goodbye());
  BOOST_TEST(peer.goodbye().frames == 3U);
  late.must_be_quiet();

  // From then on nothing is read but who says HELLO, which is refused; and once all are gone nobody is waited for.
  peer.request({start_of(4, "a")});
  peer.must_be_quiet();
  late.hello();
  BOOST_TEST((late.reject().code == ErrorCode::shutting_down));
  one.sink.says = FrameSink::Sent::gone;
  BOOST_TEST(!one.server.say_goodbye());
}

BOOST_AUTO_TEST_CASE(the_count_of_a_goodbye_begins_at_the_last_hello_that_was_welcomed_and_has_rejected_requests_in_it) {
  OneServer one;
  DirectPeer peer(one);
  peer.request({start_of(1, "a")});
  BOOST_TEST((peer.reject().code == ErrorCode::hello_required));
  peer.greet();
  must_serve(peer);
  peer.greet();
  peer.request({start_of(1, "a")}, Incarnation{OneServer::incarnation.value + 1});
  BOOST_TEST((peer.reject().code == ErrorCode::wrong_incarnation));
  peer.hello("another cluster");
  BOOST_TEST((peer.reject().code == ErrorCode::wrong_cluster));
  must_serve(peer);
  BOOST_TEST(one.server.say_goodbye());
  BOOST_TEST(peer.goodbye().frames == 2U);
}

BOOST_AUTO_TEST_CASE(a_process_that_joins_again_is_another_incarnation_on_the_same_connection) {
  OneServer one;
  DirectPeer peer(one);
  const Incarnation before = peer.greet().incarnation;
  const Incarnation after{before.value + 1};
  one.server.set_view(one.view, after);
  peer.request({start_of(1, "a")}, before);
  BOOST_TEST((peer.reject().code == ErrorCode::wrong_incarnation));
  BOOST_TEST((peer.greet().incarnation == after));
}

BOOST_AUTO_TEST_CASE(replies_that_a_peer_does_not_read_are_dropped_and_counted_and_its_session_stays) {
  OneServer one;
  DirectPeer peer(one);
  peer.greet();
  one.sink.says = FrameSink::Sent::full;
  peer.request({start_of(1, "a"), start_of(2, "b")});
  while (one.answers->missing() != 0) one.round();
  BOOST_TEST(one.count_of(ServerEvent::reply_blocked) >= 1U);
  BOOST_TEST(one.count_of(ServerEvent::reply_unroutable) == 0U);
  one.sink.says = FrameSink::Sent::ok;
  must_serve(peer);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_gone_takes_its_session_along) {
  OneServer one;
  DirectPeer peer(one);
  peer.greet();
  one.sink.says = FrameSink::Sent::gone;
  peer.request({call_of(1, "g", "pass", {}, "gated"), request_for(2, Op::lookup, "nobody")});
  one.gate->await_waiting(1);
  one.round();
  BOOST_TEST(one.count_of(ServerEvent::reply_unroutable) == 1U);
  BOOST_TEST(one.events.read().sessions == 0U);
  one.sink.says = FrameSink::Sent::ok;
  peer.request({start_of(3, "a")});
  BOOST_TEST((peer.reject().code == ErrorCode::hello_required));
  one.gate->open();
  while (one.answers->missing() != 0) one.round();  // whoever asked for it is not there any more
  BOOST_TEST(one.count_of(ServerEvent::reply_late) == 1U);
  peer.must_be_quiet();
}

BOOST_AUTO_TEST_CASE(a_session_is_forgotten_once_it_has_been_silent_for_long_and_not_while_it_is_owed_something) {
  OneServer one;
  DirectPeer idle(one, "idle");
  DirectPeer busy(one, "busy");
  idle.greet();
  busy.greet();
  busy.request({call_of(1, "g", "pass", {}, "gated")});
  one.gate->await_waiting(1);
  BOOST_TEST((one.server.next_wake() == one.now + limits::session_idle_max));
  one.now = one.now + limits::session_idle_max;
  one.round();
  BOOST_TEST(one.events.read().sessions == 1U);
  idle.request({start_of(2, "a")});
  BOOST_TEST((idle.reject().code == ErrorCode::hello_required));
  one.gate->open();
  BOOST_TEST((busy.reply().code == ErrorCode::ok));
}

BOOST_AUTO_TEST_SUITE_END()
