// What very many requests, nodes and views cost a RequestRouter: bounds, not times.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "router_cluster.hpp"
#include "reki/core/routing/retry_wait.hpp"

using namespace router_test;

BOOST_AUTO_TEST_SUITE(router_crowds)

BOOST_AUTO_TEST_CASE(a_crowd_that_is_refused_knocks_a_few_at_a_time_and_is_served_at_once_when_the_node_serves) {
  constexpr std::size_t crowd = 20000;
  constexpr std::size_t probes = limits::retry_probes;
  SimCluster c({"n1"});
  c.node("n1").refuses = "the lease is over";
  for (std::size_t i = 0; i < crowd; ++i) c.submit(i % 2 == 0 ? Op::lookup : Op::call, "k" + std::to_string(i), 10s);
  c.run(20ms);
  BOOST_TEST(c.done.empty());
  const std::size_t first = c.sent;
  BOOST_TEST(first <= crowd + 20 * probes);
  c.run(2s);
  // Each wait lasts 25 ms at least, in the end.
  BOOST_TEST(c.sent - first <= (2000 / 25 + 40) * probes);
  BOOST_TEST(c.sent - first >= 2000 / 50 * probes);
  c.node("n1").refuses.clear();
  const std::size_t before = c.sent;
  const Instant served = c.now;
  c.run_until_done(5s);
  BOOST_TEST(c.count(ErrorCode::ok) == static_cast<int>(crowd));
  // Once one is let through, two more follow: so all are after a dozen trips.
  BOOST_TEST((c.now - served <= 50ms + 15 * 2 * c.trip));
  BOOST_TEST(c.sent - before <= crowd + 2 * probes);
}

BOOST_AUTO_TEST_CASE(a_slot_that_is_not_served_does_not_make_its_crowd_knock_with_each_request_that_is) {
  SimCluster c({"n1"});
  const std::string stuck = "stuck";
  c.instead = [&](SimNode&, const wire::Request& r) -> std::optional<SimReply> {
    if (r.key == stuck) return SimReply{.code = ErrorCode::unavailable, .text = "this slot is arriving"};
    return std::nullopt;
  };
  for (int i = 0; i < 5000; ++i) c.submit(Op::lookup, stuck, 10s);
  c.run(20ms);
  const std::size_t first = c.sent;
  for (int i = 0; i < 1000; ++i) {
    c.submit(Op::lookup, "k" + std::to_string(i));
    c.run(1ms);
  }
  BOOST_TEST(c.count(ErrorCode::ok) == 1000);
  // 64 each 1 to 2 ms, and not 5000 with each of the thousand.
  BOOST_TEST(c.sent - first <= 1000 + 1000 * limits::retry_probes + 1000);
}

BOOST_AUTO_TEST_CASE(when_the_view_changes_the_whole_crowd_moves_at_once) {
  constexpr std::size_t crowd = 20000;
  SimCluster c({"n1", "n2"});
  for (const auto& id : {"n1", "n2"}) c.submit(Op::lookup, c.key_of(*c.out.view(), id));
  c.run_until_done(1s);
  c.node("n1").refuses = "leaving";
  for (std::size_t i = 0; i < crowd; ++i) c.submit(Op::call, "k" + std::to_string(i), 10s);
  c.run(100ms);
  BOOST_TEST(c.count(ErrorCode::ok) < static_cast<int>(crowd));
  c.give(c.view(2, {"n1", "n2"}, {"n1"}), {"n2"});
  const Instant known = c.now;
  c.run_until_done(5s);
  BOOST_TEST(c.count(ErrorCode::ok) == static_cast<int>(crowd) + 2);
  BOOST_TEST((c.now - known <= limits::view_poll_max + 10 * c.trip));
}

BOOST_AUTO_TEST_CASE(peers_that_come_and_go_use_the_same_places) {
  SimCluster c({"n1", "n2", "n3"});
  for (std::uint32_t epoch = 2; epoch < 1000; ++epoch) {
    const std::string id = "n" + std::to_string(1 + epoch % 3);
    c.kill(id);
    c.restart(id);
    c.give(c.view(epoch, {"n1", "n2", "n3"}), {"n1", "n2", "n3"});
    c.out.set_view(c.node("n1").view, c.now);
    c.submit(Op::call, c.key_of(*c.out.view(), id));
    c.run_until_done(1s);
  }
  BOOST_TEST(c.count(ErrorCode::ok) == 998);
  BOOST_TEST(c.highest_peer <= 6U);
}

BOOST_AUTO_TEST_CASE(a_view_of_a_thousand_nodes_that_are_all_other_incarnations_is_taken_in_one_go) {
  std::vector<std::string> ids;
  for (int i = 1; i <= 1000; ++i) ids.push_back("n" + std::to_string(i));
  SimCluster c(ids);
  for (int i = 0; i < 3000; ++i) c.submit(Op::lookup, "k" + std::to_string(i));
  c.run_until_done(2s);
  for (const auto& id : ids) {
    c.kill(id);
    c.restart(id);
  }
  const auto second = c.view(2, ids);
  c.give(second, ids);
  c.out.set_view(second, c.now);
  for (int i = 0; i < 3000; ++i) c.submit(Op::call, "k" + std::to_string(i));
  c.run_until_done(2s);
  BOOST_TEST(c.count(ErrorCode::ok) == 6000);
  BOOST_TEST(c.highest_peer < 2000U);
}

BOOST_AUTO_TEST_CASE(waits_double_after_each_few_and_are_spread) {
  SplitMix random(1);
  for (unsigned refusals = 0; refusals < 100; ++refusals) {
    const Duration full = std::min<Duration>(limits::retry_wait_max, limits::retry_wait_min * (1 << std::min(refusals / limits::retries_per_wait, 10U)));
    std::set<Duration> seen;
    for (int i = 0; i < 50; ++i) {
      const Duration wait = retry_wait(refusals, random);
      BOOST_TEST((wait >= full / 2));
      BOOST_TEST((wait <= full));
      seen.insert(wait);
    }
    BOOST_TEST(seen.size() > 40U);
  }
  BOOST_TEST((retry_wait(UINT32_MAX, random) <= limits::retry_wait_max));
}

BOOST_AUTO_TEST_SUITE_END()
