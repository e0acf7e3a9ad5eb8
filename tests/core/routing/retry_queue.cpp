#include "reki/core/routing/retry_queue.hpp"

#include "peers_fixture.hpp"
#include "reki/core/base/limits.hpp"

using namespace router_test;

namespace {

struct RetryFixture : PeersFixture {
  void hold(int at, int requests_held = 1) {
    for (int i = 0; i < requests_held; ++i) retries.hold(peer(at).held, request(), now);
  }
  std::string released() { return drain(retries.released()); }
  int count_released() {
    int n = 0;
    for (; !retries.released().empty(); ++n) retries.released().front().unlink_queue();
    return n;
  }
  /// The time goes on to when something is to be done.
  void go_on() {
    now = retries.next();
    retries.tick(peers, now);
  }
  RetryQueue retries{1};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(retry_queue, RetryFixture)

BOOST_AUTO_TEST_CASE(without_requests_there_is_nothing_to_wait_for) {
  BOOST_TEST((retries.next() == Instant::never()));
  retries.tick(peers, now + 10s);
  BOOST_TEST(retries.released().empty());
}

BOOST_AUTO_TEST_CASE(what_is_held_is_let_go_after_a_wait_and_not_earlier_in_the_order_in_which_it_came) {
  hold(1, 3);
  const Instant due = retries.next();
  BOOST_TEST((due >= now + limits::retry_wait_min / 2));
  BOOST_TEST((due <= now + limits::retry_wait_min));
  retries.tick(peers, due + -1ns);
  BOOST_TEST(released() == "");
  retries.tick(peers, due);
  BOOST_TEST(released() == "k1 k2 k3");
  BOOST_TEST(peer(1).held.requests.empty());
  BOOST_TEST((retries.next() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(who_comes_later_does_not_put_off_who_waits_already) {
  hold(1);
  const Instant due = retries.next();
  now = now + 500us;
  hold(1);
  BOOST_TEST((retries.next() == due));
}

BOOST_AUTO_TEST_CASE(of_many_some_are_let_go_each_time_and_the_waits_grow_while_nothing_is_served) {
  constexpr int rounds = 2 * limits::retries_per_wait + 4;  // so that the wait has doubled twice
  hold(1, rounds * limits::retry_probes);
  Duration longest{0};
  for (int i = 0; i < rounds; ++i) {
    const Instant before = now;
    go_on();
    longest = std::max(longest, now - before);
    BOOST_TEST(count_released() == limits::retry_probes);
    BOOST_TEST(peer(1).held.refusals == static_cast<unsigned>(i + 1));
  }
  BOOST_TEST((longest > 2 * limits::retry_wait_min));
  BOOST_TEST((retries.next() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(each_that_is_served_after_it_was_held_lets_go_two_more) {
  hold(1, 5);
  retries.served(peer(1).held, true, now);
  BOOST_TEST(released() == "k1 k2");
  retries.served(peer(1).held, true, now);
  BOOST_TEST(released() == "k3 k4");
  retries.served(peer(1).held, false, now);
  BOOST_TEST(released() == "");
  retries.served(peer(1).held, true, now);
  BOOST_TEST(released() == "k5");
  retries.served(peer(1).held, true, now);
  BOOST_TEST(released() == "");
}

BOOST_AUTO_TEST_CASE(a_peer_that_serves_is_tried_again_soon_and_counts_as_one_that_never_refused) {
  hold(1, 10 * limits::retry_probes);
  for (int i = 0; i < 8; ++i) {
    go_on();
    static_cast<void>(count_released());
  }
  BOOST_TEST(peer(1).held.refusals == 8U);
  retries.served(peer(1).held, false, now);
  BOOST_TEST(peer(1).held.refusals == 0U);
  BOOST_TEST((retries.next() <= now + limits::retry_wait_min));
}

BOOST_AUTO_TEST_CASE(a_peer_with_a_newer_view_is_tried_at_once_with_the_patience_of_a_first_try) {
  hold(1, 3 * limits::retry_probes);
  go_on();
  static_cast<void>(count_released());
  retries.moved_on(peer(1).held, now);
  BOOST_TEST((retries.next() == now));
  BOOST_TEST(peer(1).held.refusals == 0U);
  retries.tick(peers, now);
  BOOST_TEST(count_released() == limits::retry_probes);
}

BOOST_AUTO_TEST_CASE(a_newer_view_of_a_peer_where_nobody_waits_wakes_nobody) {
  retries.moved_on(peer(1).held, now);
  BOOST_TEST((retries.next() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(peers_do_not_wait_for_each_other) {
  hold(1);
  const Instant first = retries.next();
  now = first + -1ns;
  hold(2);
  retries.tick(peers, first);
  BOOST_TEST(released() == "k1");
  BOOST_TEST((retries.next() >= now + limits::retry_wait_min / 2));
  go_on();
  BOOST_TEST(released() == "k2");
}

BOOST_AUTO_TEST_CASE(requests_that_were_taken_elsewhere_meanwhile_leave_nothing_behind) {
  hold(1, 2);
  BOOST_TEST(drain(peer(1).held.requests) == "k1 k2");
  go_on();
  BOOST_TEST(released() == "");
  BOOST_TEST(peer(1).held.refusals == 0U);
  BOOST_TEST((retries.next() == Instant::never()));
}

BOOST_AUTO_TEST_SUITE_END()
