#include "reki/core/routing/request_deadline.hpp"

#include "peers_fixture.hpp"
#include "reki/core/base/limits.hpp"

using namespace router_test;
using State = RoutedRequest::State;

namespace {

struct DeadlineFixture : PeersFixture {
  RoutedRequest& at(State state, Op op = Op::lookup, ErrorCode last = ErrorCode::ok) {
    RoutedRequest& r = request(op, 0s);
    r.progress.state = state;
    r.progress.at = peer(1).index;
    r.progress.sent = now + -50ms;
    if (last != ErrorCode::ok) r.progress.last = Error{last, "said no"};
    return r;
  }
  Error ends(RoutedRequest& r) {
    const auto why = ends_with(r, peers, now);
    BOOST_REQUIRE(why.has_value());
    return *why;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(request_deadline, DeadlineFixture)

BOOST_AUTO_TEST_CASE(it_gives_up_a_moment_before_its_deadline_and_one_that_is_short_not_too_early) {
  BOOST_TEST((give_up_at(now + 10s, now) == now + 10s + -Duration{limits::give_up_before}));
  BOOST_TEST((give_up_at(now + 10ms, now) == now + 9ms));
}

BOOST_AUTO_TEST_CASE(before_the_deadline_only_what_is_being_refused_ends) {
  for (const State state : {State::waiting, State::queued, State::in_flight}) {
    RoutedRequest& fine = at(state);
    fine.deadline = now + 2ms;
    BOOST_TEST(!ends_with(fine, peers, now).has_value());
    RoutedRequest& refused = at(state, Op::lookup, ErrorCode::unavailable);
    refused.deadline = now + 2ms;
    BOOST_TEST((ends(refused).code == ErrorCode::unavailable));
    RoutedRequest& unsent = at(state, Op::lookup, ErrorCode::unreachable);
    unsent.deadline = now + 2ms;
    BOOST_TEST(!ends_with(unsent, peers, now).has_value());
  }
}

BOOST_AUTO_TEST_CASE(what_was_refused_and_asked_again_says_both) {
  const Error why = ends(at(State::in_flight, Op::lookup, ErrorCode::wrong_node));
  BOOST_TEST((why.code == ErrorCode::wrong_node));
  BOOST_TEST(why.text.starts_with("said no; asked again, node 'n1'"));
}

BOOST_AUTO_TEST_CASE(a_message_in_flight_is_of_unknown_outcome_even_if_it_was_refused_before) {
  for (const ErrorCode last : {ErrorCode::ok, ErrorCode::unavailable}) {
    BOOST_TEST((ends(at(State::in_flight, Op::call, last)).code == ErrorCode::unknown_outcome));
  }
}

BOOST_AUTO_TEST_CASE(a_look_up_in_flight_tells_a_silent_peer_from_a_slow_one) {
  BOOST_TEST((ends(at(State::in_flight)).code == ErrorCode::unreachable));
  peer(1).session.heard(now);
  BOOST_TEST((ends(at(State::in_flight)).code == ErrorCode::deadline_exceeded));
}

BOOST_AUTO_TEST_CASE(what_was_never_sent_is_unreachable_or_says_why_the_peer_will_not_have_us) {
  BOOST_TEST(ends(at(State::queued, Op::call)).text.find("nothing was sent") != std::string::npos);
  peer(1).session.refused(Error{ErrorCode::overloaded, "too many sessions"}, now);
  BOOST_TEST((ends(at(State::queued)).code == ErrorCode::overloaded));
}

BOOST_AUTO_TEST_CASE(what_waits_ends_with_why_its_last_try_came_to_nothing) {
  BOOST_TEST((ends(at(State::waiting, Op::call, ErrorCode::unreachable)).code == ErrorCode::unreachable));
}

BOOST_AUTO_TEST_CASE(a_message_is_not_sent_if_two_trips_would_miss_the_deadline_and_a_look_up_is) {
  for (const Op op : {Op::call, Op::lookup}) {
    RoutedRequest& r = request(op, 20ms);
    r.progress.trip = 9ms;
    BOOST_TEST(!too_late_to_send(r, now));
    r.progress.trip = 10ms;
    BOOST_TEST(too_late_to_send(r, now) == (op == Op::call));
  }
  RoutedRequest& slow = request(Op::call, 1s);
  slow.progress.trip = 5s;  // it was kept waiting there
  BOOST_TEST(!too_late_to_send(slow, now));
}

BOOST_AUTO_TEST_SUITE_END()
