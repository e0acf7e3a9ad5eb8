#include "reki/node/server/reply_batches.hpp"

#include <boost/test/unit_test.hpp>

#include "request_server_fixture.hpp"

using namespace reki;
using Sent = FrameSink::Sent;

namespace {

struct Batches {
  Batches() { batches.set_sender(Epoch{3}, Incarnation{7}); }

  Session& greet(const std::string& route) { return *sessions.greet(route, wire::Hello{}, now).session; }
  void add(Session& session, std::uint64_t id, BytesView payload = {}) {
    batches.add(session, {.id = RequestId{id}, .payload = payload}, now);
  }
  void add_many(Session& session, std::size_t count) {
    for (std::size_t i = 1; i <= count; ++i) add(session, i);
  }
  /// How many replies each frame to it has had.
  std::vector<std::size_t> frames(const std::string& route) {
    std::vector<std::size_t> out;
    while (const auto frame = sink.take(route)) {
      const auto reader = wire::ReplyReader::open(*frame);
      BOOST_REQUIRE(reader.has_value());
      BOOST_TEST((reader->header().epoch == Epoch{3} && reader->header().incarnation == Incarnation{7}));
      out.push_back(reader->header().count);
    }
    return out;
  }
  std::uint64_t count_of(ServerEvent event) const { return events.read().of(event); }

  const Instant now{1'000'000'000};
  Sessions sessions;
  test::KeepingSink sink;
  ServerEvents events{{}};
  ReplyBatches batches{sessions, sink, events};
};

using Sizes = std::vector<std::size_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(reply_batches)

BOOST_AUTO_TEST_CASE(the_replies_of_a_round_go_in_one_frame_to_each_session) {
  Batches b;
  Session& first = b.greet("a");
  Session& second = b.greet("b");
  b.add(first, 1);
  b.add(second, 1);
  b.add(first, 2);
  BOOST_TEST(b.frames("a").empty());
  b.batches.flush(b.now);
  BOOST_TEST((b.frames("a") == Sizes{2} && b.frames("b") == Sizes{1}));
  b.batches.flush(b.now);
  BOOST_TEST(b.frames("a").empty());
  BOOST_TEST(b.events.read().replies == 3U);
  BOOST_TEST(b.events.read().reply_frames == 2U);
}

BOOST_AUTO_TEST_CASE(at_the_end_of_a_frame_its_replies_leave_if_they_are_a_part) {
  Batches b;
  Session& peer = b.greet("a");
  b.batches.begin_frame(limits::batch_part_min - 1);
  b.add_many(peer, limits::batch_part_min - 1);
  b.batches.end_frame(peer, b.now);
  BOOST_TEST(b.frames("a").empty());
  b.add(peer, 1000);
  BOOST_TEST((b.frames("a") == Sizes{limits::batch_part_min}));
}

BOOST_AUTO_TEST_CASE(of_very_many_a_sixteenth_at_a_time) {
  Batches b;
  Session& peer = b.greet("a");
  b.batches.begin_frame(1600);
  b.add_many(peer, 250);
  BOOST_TEST((b.frames("a") == Sizes{100, 100}));
  b.batches.end_frame(peer, b.now);
  BOOST_TEST((b.frames("a") == Sizes{50}));
}

BOOST_AUTO_TEST_CASE(so_too_of_those_that_were_asked_before_and_are_still_under_way) {
  Batches b;
  Session& peer = b.greet("a");
  peer.under_way = 960;
  b.add_many(peer, 130);
  BOOST_TEST((b.frames("a") == Sizes{60, 60}));
}

BOOST_AUTO_TEST_CASE(large_ones_leave_as_soon_as_a_frame_is_as_large_as_it_should_be) {
  Batches b;
  Session& peer = b.greet("a");
  const Bytes half(limits::batch_bytes_target / 2, 'x');
  b.add(peer, 1, half);
  BOOST_TEST(b.frames("a").empty());
  b.add(peer, 2, half);
  BOOST_TEST((b.frames("a") == Sizes{2}));
}

BOOST_AUTO_TEST_CASE(the_largest_come_through_behind_others) {
  Batches b;
  Session& peer = b.greet("a");
  const Bytes small(limits::batch_bytes_target - 1000, 'x');
  const Bytes largest(limits::message_bytes_max, 'x');
  b.add(peer, 1, small);
  b.add(peer, 2, largest);
  b.add(peer, 3, largest);
  b.batches.flush(b.now);
  std::size_t replies = 0;
  for (const std::size_t n : b.frames("a")) replies += n;
  BOOST_TEST(replies == 3U);
  BOOST_TEST(b.count_of(ServerEvent::reply_too_large) == 0U);
}

BOOST_AUTO_TEST_CASE(a_reply_that_is_too_large_is_counted_and_answered_all_the_same) {
  Batches b;
  Session& peer = b.greet("a");
  b.add(peer, 1, Bytes(limits::message_bytes_max + 1, 'x'));
  b.batches.flush(b.now);
  BOOST_TEST(b.count_of(ServerEvent::reply_too_large) == 1U);
  BOOST_TEST((b.frames("a") == Sizes{1}));
}

BOOST_AUTO_TEST_CASE(what_a_peer_does_not_read_is_dropped_and_the_next_may_come_through) {
  Batches b;
  Session& peer = b.greet("a");
  b.sink.says = Sent::full;
  b.add(peer, 1);
  b.batches.flush(b.now);
  BOOST_TEST(b.count_of(ServerEvent::reply_blocked) == 1U);
  BOOST_TEST(b.events.read().reply_frames == 0U);
  b.sink.says = Sent::ok;
  b.add(peer, 2);
  b.batches.flush(b.now);
  BOOST_TEST((b.frames("a") == Sizes{1}));
}

BOOST_AUTO_TEST_CASE(a_session_whose_connection_is_gone_is_forgotten_at_the_end_of_the_round) {
  Batches b;
  Session& gone = b.greet("a");
  b.greet("b");
  b.sink.says = Sent::gone;
  b.batches.begin_frame(1);
  b.add_many(gone, limits::batch_part_min);
  BOOST_TEST(b.count_of(ServerEvent::reply_unroutable) == 1U);
  b.sink.says = Sent::ok;
  b.add(gone, 1);  // is not tried any more
  b.batches.flush(b.now);
  BOOST_TEST(b.frames("a").empty());
  BOOST_TEST(b.count_of(ServerEvent::reply_unroutable) == 2U);
  BOOST_TEST(b.sessions.find("a") == nullptr);
  BOOST_TEST(b.sessions.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_session_that_is_forgotten_meanwhile_is_passed_over) {
  Batches b;
  Session& gone = b.greet("a");
  Session& stays = b.greet("b");
  b.add(gone, 1);
  b.add(stays, 1);
  b.sessions.forget(gone);
  b.batches.flush(b.now);
  BOOST_TEST(b.frames("a").empty());
  BOOST_TEST((b.frames("b") == Sizes{1}));
}

BOOST_AUTO_TEST_SUITE_END()
