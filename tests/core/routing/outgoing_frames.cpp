#include "reki/core/routing/outgoing_frames.hpp"

#include "peers_fixture.hpp"
#include "reki/core/base/limits.hpp"

using namespace router_test;

namespace {

struct FramesFixture : PeersFixture {
  FramesFixture() { connect(1); }
  RoutedRequest& queue(Op op = Op::call) {
    RoutedRequest& r = request(op);
    r.progress.state = RoutedRequest::State::queued;
    peer(1).queued.push_back(r);
    return r;
  }
  BytesView next(int i = 1) { return frames.next(peer(i), Epoch{1}, now, ended); }
  void taken(bool yes = true, int i = 1) { frames.taken(peer(i), yes, ended); }
  static std::string keys_in(BytesView frame) {
    std::string keys;
    auto reader = wire::RequestReader::open(frame).value();
    wire::Request r;
    while (reader.next(r).value() == wire::Next::good) keys += (keys.empty() ? "" : " ") + std::string{r.key};
    return keys;
  }
  static wire::FrameKind kind(BytesView frame) { return wire::kind_of(frame).value(); }

  RequestQueue ended;
  OutgoingFrames frames{Identity{"test", wire::Role::client, "me", Incarnation{9}}};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(outgoing_frames, FramesFixture)

BOOST_AUTO_TEST_CASE(a_peer_that_somebody_wants_is_sent_one_hello_that_says_who_we_are) {
  BOOST_TEST(next(2).empty());
  peer(2).session.want();
  const auto hello = wire::decode_hello(next(2)).value();
  BOOST_TEST(hello.cluster == "test");
  BOOST_TEST(hello.name == "me");
  BOOST_TEST((hello.incarnation == Incarnation{9}));
  taken(false, 2);
  BOOST_TEST((kind(next(2)) == wire::FrameKind::hello));  // the socket had no room
  taken(true, 2);
  BOOST_TEST(next(2).empty());
}

BOOST_AUTO_TEST_CASE(all_that_waits_goes_into_one_frame_in_order_and_is_in_flight) {
  RoutedRequest& first = queue();
  queue();
  const BytesView frame = next();
  BOOST_TEST(keys_in(frame) == "k1 k2");
  const auto header = wire::RequestReader::open(frame).value().header();
  BOOST_TEST((header.target == Incarnation{101}));
  BOOST_TEST((header.epoch == Epoch{1}));
  taken();
  BOOST_TEST((first.progress.state == RoutedRequest::State::in_flight));
  BOOST_TEST((first.progress.sent == now));
  BOOST_TEST(first.progress.frame == 1U);
  BOOST_TEST(next().empty());
  BOOST_TEST(drain(peer(1).in_flight) == "k1 k2");
}

BOOST_AUTO_TEST_CASE(what_the_socket_did_not_take_waits_as_before_and_its_frame_does_not_count) {
  RoutedRequest& first = queue();
  queue();
  BOOST_TEST(keys_in(next()) == "k1 k2");
  taken(false);
  BOOST_TEST((first.progress.state == RoutedRequest::State::queued));
  BOOST_TEST(peer(1).in_flight.empty());
  queue();
  BOOST_TEST(keys_in(next()) == "k1 k2 k3");
  taken();
  BOOST_TEST(first.progress.frame == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_more_than_one_frame_may_have_goes_into_the_next) {
  constexpr std::size_t all = limits::requests_per_frame_max + 2;
  for (std::size_t i = 0; i < all; ++i) queue();
  std::size_t sent = 0;
  int frames_sent = 0;
  for (BytesView frame = next(); !frame.empty(); frame = next()) {
    const auto count = wire::RequestReader::open(frame).value().header().count;
    BOOST_TEST(count <= limits::requests_per_frame_max);
    BOOST_TEST(frame.size() <= limits::batch_bytes_target + 64);  // one small request more than the target
    sent += count;
    ++frames_sent;
    taken();
  }
  BOOST_TEST(sent == all);
  BOOST_TEST(frames_sent == 2);
}

BOOST_AUTO_TEST_CASE(a_send_without_a_reply_is_over_once_it_is_taken_and_no_sooner) {
  RoutedRequest& call = queue();
  RoutedRequest& send = queue(Op::send);
  send.flags = wire::no_reply;
  queue();
  BOOST_TEST(keys_in(next()) == "k1 k2 k3");
  taken(false);
  BOOST_TEST(ended.empty());
  static_cast<void>(next());
  taken();
  BOOST_TEST(drain(ended) == "k2");
  BOOST_TEST(send.outcome.ok());
  BOOST_TEST(send.outcome.node->value == "n1");
  BOOST_TEST(&peer(1).in_flight.front() == &call);
  BOOST_TEST(drain(peer(1).in_flight) == "k1 k3");
}

BOOST_AUTO_TEST_CASE(a_silent_peer_that_owes_is_sent_pings_each_with_another_number) {
  queue();
  static_cast<void>(next());
  taken();
  BOOST_TEST(next().empty());
  now = now + 100ms;
  const auto first = wire::decode_ping(next()).value().nonce;
  taken();
  BOOST_TEST(next().empty());
  now = now + 100ms;
  BOOST_TEST(wire::decode_ping(next()).value().nonce != first);
  taken();
}

BOOST_AUTO_TEST_CASE(the_first_cluster_that_is_heard_of_is_ours_if_we_knew_none) {
  BOOST_TEST(frames.is_ours("test"));
  BOOST_TEST(!frames.is_ours("production"));
  OutgoingFrames open{Identity{}};
  BOOST_TEST(open.is_ours("test"));
  BOOST_TEST(open.identity().cluster == "test");
  BOOST_TEST(!open.is_ours("production"));
}

BOOST_AUTO_TEST_CASE(another_incarnation_is_said_by_the_next_hello) {
  BOOST_TEST(!frames.set_incarnation(Incarnation{9}));
  BOOST_TEST(frames.set_incarnation(Incarnation{10}));
  peer(2).session.want();
  BOOST_TEST((wire::decode_hello(next(2)).value().incarnation == Incarnation{10}));
  taken(true, 2);
}

BOOST_AUTO_TEST_SUITE_END()
