#include "reki/core/routing/peer_session.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace std::chrono_literals;
using State = PeerSession::State;

namespace {

struct Session {
  void ready(Incarnation of = Incarnation{7}) {
    session.want();
    session.hello_sent(now);
    (void)session.welcomed(of, now);
  }
  void send(int frames) {
    for (int i = 0; i < frames; ++i) session.requests_sent();
  }

  Instant now{1'000'000'000};
  PeerSession session{{.ping_after = 100ms, .hello_again = 500ms}};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(peer_session)

BOOST_AUTO_TEST_CASE(hello_is_due_once_somebody_wants_something_and_again_if_no_welcome_comes) {
  Session s;
  BOOST_TEST(!s.session.hello_due(s.now));
  s.session.want();
  BOOST_TEST(s.session.hello_due(s.now));
  s.session.hello_sent(s.now);
  BOOST_TEST(!s.session.hello_due(s.now + 500ms + -1ns));
  BOOST_TEST(s.session.hello_due(s.now + 500ms));
  BOOST_TEST(!s.session.ready());
  (void)s.session.welcomed(Incarnation{7}, s.now);
  BOOST_TEST((s.session.ready() && s.session.incarnation() == Incarnation{7}));
  BOOST_TEST(!s.session.hello_due(s.now + 1h));
  s.session.want();
  BOOST_TEST(s.session.ready());
}

BOOST_AUTO_TEST_CASE(a_ping_is_due_when_what_is_owed_and_the_last_ping_and_the_peers_last_word_are_old_enough) {
  Session s;
  s.ready();
  const Instant sent = s.now + 50ms;
  BOOST_TEST(!s.session.ping_due(sent, sent + 100ms + -1ns));
  BOOST_TEST(s.session.ping_due(sent, sent + 100ms));
  s.session.ping_sent(sent + 100ms);
  BOOST_TEST(!s.session.ping_due(sent, sent + 200ms + -1ns));
  BOOST_TEST(s.session.ping_due(sent, sent + 200ms));
  s.session.heard(sent + 190ms);
  BOOST_TEST(!s.session.ping_due(sent, sent + 290ms + -1ns));
  BOOST_TEST(s.session.ping_due(sent, sent + 290ms));
  s.session.disconnected();
  BOOST_TEST(!s.session.ping_due(sent, sent + 1h));
}

BOOST_AUTO_TEST_CASE(a_peer_is_silent_for_as_long_as_a_ping_takes_and_to_the_ping_for_as_long_again) {
  Session s;
  s.ready();
  const Instant sent = s.now + 50ms;
  BOOST_TEST(!s.session.silent(sent, sent + 100ms + -1ns));
  BOOST_TEST(s.session.silent(sent, sent + 100ms));
  BOOST_TEST(!s.session.silent_to_ping(sent, sent + 200ms + -1ns));
  BOOST_TEST(s.session.silent_to_ping(sent, sent + 200ms));
  s.session.heard(sent + 60ms);
  BOOST_TEST(!s.session.silent(sent, sent + 160ms + -1ns));
  BOOST_TEST(!s.session.silent_to_ping(sent, sent + 260ms + -1ns));
}

BOOST_AUTO_TEST_CASE(what_was_heard_is_heard_whatever_comes_late) {
  Session s;
  s.ready();
  s.session.heard(s.now + 10ms);
  s.session.heard(s.now + 5ms);
  BOOST_TEST(s.session.heard_since(s.now + 9ms));
  BOOST_TEST(!s.session.heard_since(s.now + 10ms));
}

BOOST_AUTO_TEST_CASE(frames_are_counted_from_1_and_pings_among_them) {
  Session s;
  s.ready();
  BOOST_TEST(s.session.next_frame() == 1U);
  s.send(2);
  s.session.ping_sent(s.now);
  BOOST_TEST(s.session.next_frame() == 4U);
  BOOST_TEST(s.session.last_executed() == 3U);
}

BOOST_AUTO_TEST_CASE(of_the_frames_before_a_hello_the_last_ones_were_refused_by_who_did_not_know_us) {
  Session s;
  s.ready();
  s.send(5);
  s.session.unknown_to_peer(true);
  s.session.unknown_to_peer(true);
  BOOST_TEST(s.session.hello_due(s.now));
  BOOST_TEST(s.session.last_executed() == 3U);
  s.session.hello_sent(s.now);
  BOOST_TEST(s.session.welcomed(Incarnation{8}, s.now) == 3U);
  s.send(1);
  BOOST_TEST(s.session.last_executed() == 6U);  // those refusals are counted no more
  s.session.unknown_to_peer(false);
  BOOST_TEST(s.session.last_executed() == 6U);
}

BOOST_AUTO_TEST_CASE(more_refusals_than_frames_leave_none_executed) {
  Session s;
  s.ready();
  s.send(1);
  for (int i = 0; i < 3; ++i) s.session.unknown_to_peer(true);
  BOOST_TEST(s.session.last_executed() == 0U);
  s.session.hello_sent(s.now);
  BOOST_TEST(s.session.welcomed(Incarnation{8}, s.now) == 0U);
}

BOOST_AUTO_TEST_CASE(what_a_peer_has_read_counts_from_the_welcome_and_is_at_most_what_was_sent) {
  Session s;
  s.ready();
  s.send(3);
  s.session.disconnected();
  s.session.hello_sent(s.now);
  (void)s.session.welcomed(Incarnation{7}, s.now);
  s.send(4);
  BOOST_TEST(s.session.last_read(0) == 3U);
  BOOST_TEST(s.session.last_read(2) == 5U);
  BOOST_TEST(s.session.last_read(4) == 7U);
  BOOST_TEST(s.session.last_read(99) == 7U);
}

BOOST_AUTO_TEST_CASE(who_refuses_us_is_asked_again_later_even_if_it_hangs_up) {
  Session s;
  s.session.want();
  s.session.hello_sent(s.now);
  s.session.refused(Error{ErrorCode::overloaded, "full"}, s.now + 1ms);
  BOOST_TEST((s.session.refusal().code == ErrorCode::overloaded));
  BOOST_TEST(s.session.heard_since(s.now));
  s.session.disconnected();
  BOOST_TEST(!s.session.hello_due(s.now + 501ms + -1ns));
  BOOST_TEST(s.session.hello_due(s.now + 501ms));
  (void)s.session.welcomed(Incarnation{7}, s.now);
  BOOST_TEST((s.session.refusal().code == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(one_that_does_not_know_us_any_more_is_greeted_at_once_even_after_it_refused_us) {
  Session s;
  s.session.refused(Error{ErrorCode::overloaded, "full"}, s.now);
  s.ready();
  s.session.unknown_to_peer(false);
  BOOST_TEST((s.session.state() == State::hello_due));
  BOOST_TEST(s.session.hello_due(s.now));
}

BOOST_AUTO_TEST_CASE(a_peer_that_nobody_has_wanted_anything_of_stays_so_without_its_connection) {
  Session s;
  s.session.disconnected();
  BOOST_TEST((s.session.state() == State::idle));
  s.session.unknown_to_peer(true);
  BOOST_TEST((s.session.state() == State::idle));
}

BOOST_AUTO_TEST_SUITE_END()
