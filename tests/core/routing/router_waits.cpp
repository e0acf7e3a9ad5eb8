// When requests that a node does not serve are tried again, step by step.
#include <boost/test/unit_test.hpp>

#include "router_fixture.hpp"

using namespace router_test;

namespace {

struct Refused : Fixture {
  /// Until the waits are as long as they get.
  void refuse_for_long() {
    for (int i = 0; i < 60; ++i) {
      const auto n = sent.size();
      reply(last(), ErrorCode::unavailable);
      while (sent.size() == n) run(1ms);
    }
    reply(last(), ErrorCode::unavailable);
  }
  Bytes view_of(const std::string& cluster, std::uint32_t epoch) const {
    const std::vector<Member> members{{NodeId{"n1"}, Incarnation{}, "tcp://127.0.0.1:7010", 1, {}, MemberState::up}};
    const auto table = fixed_view(cluster, 1, members).value().table();
    return encode(View::make({cluster, Epoch{epoch}, Term{}, NodeId{}, 1}, members, table).value());
  }
  void answer_poll(const Bytes& payload) {
    wire::Reply r;
    r.id = polls.back().id;
    r.payload = payload;
    out.replied(polls.back().peer, {Epoch{1}, incarnations[polls.back().peer.value], 1}, r, now);
    out.tick(now);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(router_waits, Refused)

BOOST_AUTO_TEST_CASE(when_a_node_moves_on_to_a_newer_view_what_waits_for_it_is_tried_at_once) {
  submit(Op::lookup, key_of("n1"), 30s);
  pump();
  refuse_for_long();
  const auto n = sent.size();
  const Instant start = now;
  out.heard(sent[0].peer, Epoch{2}, now);
  while (sent.size() == n) run(100us);
  BOOST_TEST((now - start <= 200us));
}

BOOST_AUTO_TEST_CASE(when_a_node_serves_something_what_waits_for_it_is_tried_soon) {
  const auto key = key_of("n1");
  for (int i = 0; i < 3; ++i) submit(Op::lookup, key, 30s);
  pump();
  for (const auto& s : std::vector<Sent>{sent}) reply(s, ErrorCode::unavailable);
  for (int round = 0; round < 60; ++round) {
    const auto n = sent.size();
    while (sent.size() == n) run(1ms);
    for (auto i = n; i < sent.size(); ++i) reply(Sent{sent[i]}, ErrorCode::unavailable);
  }
  const auto n = sent.size();
  submit(Op::lookup, key, 30s);
  pump();
  const Instant start = now;
  reply(last(), ErrorCode::ok);
  while (sent.size() < n + 4) run(100us);
  BOOST_TEST((now - start <= limits::retry_wait_min + 200us));
}

BOOST_AUTO_TEST_CASE(a_node_that_names_itself_is_not_asked_again_at_once) {
  submit(Op::lookup, key_of("n1"));
  pump();
  reply(last(), ErrorCode::wrong_node, "n1");
  BOOST_TEST(sent.size() == 1U);
  run(3ms);
  BOOST_TEST(sent.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_node_that_is_not_in_our_view_is_not_gone_to_before_the_view_that_has_it) {
  const auto key = key_of("n1");
  submit(Op::call, key);
  pump();
  reply_as(last(), ErrorCode::wrong_node, {.owner = "n7", .epoch = Epoch{2}});
  BOOST_TEST(sent.size() == 1U);
  out.tick(now);
  pump();
  BOOST_REQUIRE(polls.size() == 1U);
  answer_poll(encode(*make_view(2, {"n7"})));
  incarnations[3] = Incarnation{107};
  pump();
  BOOST_REQUIRE(sent.size() == 2U);
  BOOST_TEST(node(last().peer) == "n7");
  reply_as(last(), ErrorCode::ok, {.epoch = Epoch{2}});
  BOOST_TEST((only_outcome() == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(the_view_of_another_cluster_or_what_is_none_is_not_taken) {
  submit(Op::lookup, key_of("n1"), 30s);
  pump();
  reply(last(), ErrorCode::unavailable);
  for (const Bytes& payload : {view_of("other", 5), Bytes{"rubbish"}, view_of("test", 1)}) {
    polls.clear();
    while (polls.empty()) run(1ms);
    answer_poll(payload);
    BOOST_TEST(out.epoch().value == 1U);
  }
  polls.clear();
  while (polls.empty()) run(1ms);
  answer_poll(view_of("test", 5));
  BOOST_TEST(out.epoch().value == 5U);
}

BOOST_AUTO_TEST_CASE(a_full_house_is_no_reason_not_to_ask_for_a_view) {
  RequestRouter::Options options;
  options.outstanding_max = 1;
  Fixture full(options);
  full.submit(Op::lookup, full.key_of("n1"), 30s);
  full.pump();
  full.reply(full.last(), ErrorCode::unavailable);
  full.run(50ms);
  BOOST_TEST(!full.polls.empty());
  BOOST_TEST(full.out.outstanding() == 1U);
}

BOOST_AUTO_TEST_CASE(a_nodes_own_router_asks_nobody_for_views) {
  RequestRouter::Options options;
  options.follow_views = false;
  Fixture node(options);
  node.submit(Op::lookup, node.key_of("n1"), 30s);
  node.pump();
  node.reply_as(node.last(), ErrorCode::unavailable, {.epoch = Epoch{9}});
  node.run(1s);
  BOOST_TEST(node.polls.empty());
  BOOST_TEST(node.sent.size() >= 2U);
  BOOST_TEST(node.out.is_behind());
}

BOOST_AUTO_TEST_CASE(a_call_that_was_refused_before_the_connection_was_lost_is_sent_again) {
  const auto key = key_of("n1");
  submit(Op::call, key);
  pump();
  submit(Op::call, key);
  pump();
  auto_welcome = false;
  const PeerIndex peer = last().peer;
  out.rejected(peer, ErrorCode::hello_required, {}, now);  // the second, at least
  pump();
  out.disconnected(peer, now);
  pump();
  BOOST_TEST((only_outcome() == ErrorCode::unknown_outcome));
  auto_welcome = true;
  run(1s);
  BOOST_TEST(sent.size() == 3U);
  BOOST_TEST(last().id.value == sent.at(1).id.value);
}

BOOST_AUTO_TEST_CASE(a_newer_view_moves_what_waits_and_closes_the_peers_that_left) {
  const auto key = key_of("n2");
  submit(Op::lookup, key);
  pump();
  const PeerIndex gone = last().peer;
  submit(Op::call, key);
  blocked.insert(gone.value);
  submit(Op::call, key);  // not sent
  out.set_view(make_view(2, {"n1", "n3"}), now);
  run(10ms);
  std::vector<PeerIndex> closed;
  out.take_closed(closed);
  BOOST_TEST(closed.size() == 1U);
  BOOST_TEST((closed.at(0) == gone));
  BOOST_TEST(sent.size() == 4U);
  for (std::size_t i = 1; i < 4; ++i) BOOST_TEST(node(sent.at(i).peer) == owner(key));
  for (const auto& s : std::vector<Sent>{sent}) reply(s, ErrorCode::ok);
  BOOST_TEST(done.size() == 3U);
}

BOOST_AUTO_TEST_CASE(what_asks_one_peer_ends_when_that_peer_has_left_the_view) {
  submit(Op::lookup, key_of("n1"));
  pump();
  auto r = make(Op::status, {});
  r->peer = last().peer;
  out.submit(std::move(r), now);
  out.set_view(make_view(2, {"n2", "n3"}), now);
  pump();
  BOOST_TEST((only_outcome() == ErrorCode::unreachable));
  BOOST_TEST(done[0]->outcome.text.find("not in view 2") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
