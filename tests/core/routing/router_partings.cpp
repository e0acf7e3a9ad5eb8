// How requests end whose node says goodbye, or leaves the view.
#include "router_fixture.hpp"

using namespace router_test;

namespace {

struct Parting : Fixture {
  /// n3 hands its keys over, and then is gone.
  static std::shared_ptr<const View> view_without(std::uint32_t epoch, bool gone) {
    const auto rest = make_view(epoch, {"n1", "n2"});
    std::vector<Member> members(rest->members().begin(), rest->members().end());
    if (!gone) members.push_back({NodeId{"n3"}, Incarnation{}, "tcp://127.0.0.1:7030", 1, {}, MemberState::leaving});
    return std::make_shared<const View>(View::make({"test", Epoch{epoch}, Term{}, NodeId{}, 1}, members, rest->table()).value());
  }
  void install(std::shared_ptr<const View> view) {
    out.set_view(std::move(view), now);
    pump();
  }
  /// A call and a look-up are under way to n3, which leaves. Who fetches views may miss one between.
  Sent leave_amid_a_call(bool seen_leaving = true) {
    const auto key = key_of("n3");
    submit(Op::call, key);
    submit(Op::lookup, key);
    pump();
    Sent call = sent.at(0);
    if (seen_leaving) install(view_without(2, false));
    install(view_without(3, true));
    return call;
  }
  std::size_t closed() {
    std::vector<PeerIndex> peers;
    out.take_closed(peers);
    return peers.size();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(router_partings, Parting)

BOOST_AUTO_TEST_CASE(what_a_closing_node_has_not_read_goes_elsewhere_and_what_it_has_read_is_in_doubt) {
  const auto key = key_of("n3");
  submit(Op::call, key);
  pump();
  submit(Op::call, key);
  pump();
  submit(Op::call, key);
  pump();
  BOOST_REQUIRE(sent.size() == 3U);
  const PeerIndex peer = last().peer;
  out.goodbye(peer, 1, now);
  pump();
  BOOST_TEST((only_outcome() == ErrorCode::unknown_outcome));
  run(100ms);
  BOOST_TEST(sent.size() == 5U);  // the two others, once more
}

BOOST_AUTO_TEST_CASE(a_goodbye_cannot_speak_of_frames_that_were_never_sent) {
  submit(Op::call, key_of("n3"));
  pump();
  out.goodbye(last().peer, ~std::uint64_t{0}, now);
  pump();
  BOOST_TEST((only_outcome() == ErrorCode::unknown_outcome));
}

BOOST_AUTO_TEST_CASE(a_node_that_has_left_may_still_answer_what_it_executed) {
  for (const bool seen_leaving : {true, false}) {
    Parting one;
    const Sent call = one.leave_amid_a_call(seen_leaving);
    BOOST_TEST(one.done.empty());
    BOOST_TEST(one.closed() == 0U);
    BOOST_TEST(one.sent.size() == 3U);  // the look-up went on to the new owner
    one.reply(call, ErrorCode::ok);
    BOOST_TEST((one.only_outcome() == ErrorCode::ok));
    one.out.tick(one.now);
    BOOST_TEST(one.closed() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(what_has_happened_on_a_node_that_has_left_it_alone_can_tell) {
  for (const bool answers : {true, false}) {
    Parting one;
    const auto key = one.key_of("n3");
    auto asking = Parting::make(Op::watch, key, 20s);
    asking->node = NodeId{"n3"};
    one.out.submit(std::move(asking), one.now);
    one.pump();
    const Sent question = one.sent.at(0);
    one.install(view_without(2, false));
    one.install(view_without(3, true));
    BOOST_TEST(one.done.empty());
    if (answers) one.reply(question, ErrorCode::ok);
    else one.run(2 * limits::closing_time_max);
    BOOST_TEST((one.only_outcome() == (answers ? ErrorCode::ok : ErrorCode::unreachable)));
    BOOST_TEST(one.sent.size() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(what_a_node_that_has_left_refuses_goes_to_the_new_owner) {
  for (const auto code : {ErrorCode::shutting_down, ErrorCode::unavailable, ErrorCode::wrong_node}) {
    Parting one;
    const Sent call = one.leave_amid_a_call();
    one.reply(call, code);
    BOOST_TEST(one.done.empty());
    BOOST_TEST((one.last().op == Op::call && one.last().peer != call.peer));
    one.out.tick(one.now);
    BOOST_TEST(one.closed() == 1U);
    one.reply(one.last(), ErrorCode::ok);
    BOOST_TEST((one.only_outcome() == ErrorCode::ok));
  }
}

BOOST_AUTO_TEST_CASE(what_a_node_that_has_left_did_not_read_goes_to_the_new_owner) {
  const Sent call = leave_amid_a_call();
  out.goodbye(call.peer, 0, now);
  pump();
  BOOST_TEST(done.empty());
  BOOST_TEST((last().op == Op::call && last().peer != call.peer));
}

BOOST_AUTO_TEST_CASE(a_node_that_has_left_and_hangs_up_or_stays_silent_leaves_a_call_in_doubt_soon) {
  Parting hangs_up;
  hangs_up.out.disconnected(hangs_up.leave_amid_a_call().peer, hangs_up.now);
  hangs_up.pump();
  BOOST_TEST((hangs_up.only_outcome() == ErrorCode::unknown_outcome));

  leave_amid_a_call();
  reply(last(), ErrorCode::ok);
  done.clear();
  run(limits::closing_time_max);
  BOOST_TEST(done.empty());
  run(limits::closing_time_max);
  BOOST_TEST((only_outcome() == ErrorCode::unknown_outcome));
  BOOST_TEST(closed() == 1U);
}

BOOST_AUTO_TEST_CASE(a_node_that_was_put_out_for_its_silence_is_not_waited_for) {
  submit(Op::call, key_of("n3"));
  pump();
  run(500ms);
  BOOST_TEST(done.empty());
  install(view_without(2, true));
  BOOST_TEST((only_outcome() == ErrorCode::unknown_outcome));
  BOOST_TEST(closed() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
