// How a RequestRouter follows the cluster's views: what joins, drains, restarts and failovers cost its callers.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "router_cluster.hpp"

using namespace router_test;

namespace {

const std::vector<std::string> three{"n1", "n2", "n3"};

template <class T>
T median(std::vector<T> values) {
  BOOST_REQUIRE(!values.empty());
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// How much later than its slot was served again a request was done, one for each seed. `length`: of the hand-over.
template <class Refusal>
std::vector<Duration> added_to_hand_over(Duration length, Op op, Refusal refusal) {
  std::vector<Duration> added;
  for (std::uint64_t seed = 1; seed <= 41; ++seed) {
    SimCluster c(three, seed);
    const auto first = c.out.view();
    const auto second = c.view(2, three, {"n1"});
    const auto key = c.key_of(*first, "n1");
    const auto heir = SimCluster::owner(*second, key);
    c.submit(Op::lookup, key);
    c.run_until_done(1s);  // connected
    c.give(second, {"n1"});
    refusal(c, c.node(heir));
    c.submit(op, key);
    Instant served;
    c.at(length, [&] {
      served = c.now;
      c.give(second, three);
      c.node(heir).refuses.clear();
    });
    c.run_until_done(2s);
    BOOST_REQUIRE(c.count(ErrorCode::ok) == 2);
    BOOST_TEST(c.node(heir).executed == 1);
    added.push_back(c.done.back()->done - served);
  }
  return added;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(router_views)

BOOST_AUTO_TEST_CASE(a_hand_over_to_a_node_that_is_behind_costs_a_few_milliseconds_more_than_it_takes) {
  for (const auto length : {10ms, 20ms, 30ms, 50ms}) {
    for (const Op op : {Op::lookup_or_start, Op::call}) {
      const auto added = median(added_to_hand_over(length, op, [](SimCluster&, SimNode&) {}));
      BOOST_TEST_MESSAGE("behind, " << length.count() << " ms: " << double(added.count()) / 1e6 << " ms more");
      BOOST_TEST((added <= 5ms));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_hand_over_to_a_node_that_does_not_serve_yet_costs_a_few_milliseconds_more_than_it_takes) {
  for (const auto length : {10ms, 20ms, 30ms, 50ms}) {
    for (const Op op : {Op::lookup_or_start, Op::call}) {
      const auto added = median(added_to_hand_over(length, op, [](SimCluster& c, SimNode& heir) {
        c.give(c.view(2, three, {"n1"}), three);
        heir.refuses = "the slot has not arrived yet";
      }));
      BOOST_TEST_MESSAGE("refusing, " << length.count() << " ms: " << double(added.count()) / 1e6 << " ms more");
      BOOST_TEST((added <= 5ms));
    }
  }
}

BOOST_AUTO_TEST_CASE(look_ups_go_to_the_new_owner_within_milliseconds_of_the_new_view_being_anywhere) {
  std::vector<Duration> added;
  for (std::uint64_t seed = 1; seed <= 21; ++seed) {
    for (const auto failover : {30ms, 200ms, 900ms}) {
      SimCluster c(three, seed);
      const auto key = c.key_of(*c.out.view(), "n1");
      for (const auto& id : three) c.submit(Op::lookup, c.key_of(*c.out.view(), id));
      c.run_until_done(1s);
      c.submit(Op::lookup, key);  // is in flight when its node is killed
      c.run(150us);
      c.kill("n1");
      c.run(5ms);
      c.submit(Op::lookup_or_start, key);  // and this one has nowhere to go
      c.submit(Op::call, key);
      Instant known;
      c.at(failover, [&] {
        known = c.now;
        c.give(c.view(2, {"n2", "n3"}), {"n2"});  // n3 has not got it yet
        c.at(3ms, [&] { c.give(c.node("n2").view, {"n3"}); });
      });
      c.run_until_done(2s);
      BOOST_REQUIRE(c.count(ErrorCode::ok) == 6);
      for (auto i = c.done.size() - 3; i < c.done.size(); ++i) added.push_back(c.done[i]->done - known);
    }
  }
  const auto worst = *std::max_element(added.begin(), added.end());
  const auto usual = median(added);
  BOOST_TEST_MESSAGE("median " << double(usual.count()) / 1e6 << " ms, worst " << double(worst.count()) / 1e6 << " ms");
  BOOST_TEST((usual <= 12ms));
  BOOST_TEST((worst <= 60ms));
}

BOOST_AUTO_TEST_CASE(a_call_in_flight_when_its_node_dies_is_of_unknown_outcome_at_once_and_one_that_was_not_sent_waits) {
  SimCluster c(three);
  const auto key = c.key_of(*c.out.view(), "n1");
  c.submit(Op::lookup, key);
  c.run_until_done(1s);
  c.submit(Op::call, key);
  c.run(150us);
  c.kill("n1");
  c.run(1ms);
  BOOST_TEST(c.count(ErrorCode::unknown_outcome) == 1);
  c.submit(Op::call, key);
  c.at(300ms, [&] { c.give(c.view(2, {"n2", "n3"}), {"n2", "n3"}); });
  c.run_until_done(1s);
  BOOST_TEST(c.count(ErrorCode::ok) == 2);
}

BOOST_AUTO_TEST_CASE(a_node_that_falls_silent_is_left_when_the_view_leaves_it) {
  SimCluster c(three);
  const auto key = c.key_of(*c.out.view(), "n1");
  c.submit(Op::lookup, key);
  c.run_until_done(1s);
  c.node("n1").frozen = true;
  c.submit(Op::lookup, key);
  c.submit(Op::call, key);
  const Instant start = c.now;
  c.at(900ms, [&] { c.give(c.view(2, {"n2", "n3"}), {"n2", "n3"}); });
  c.run_until_done(2s);
  BOOST_TEST(c.count(ErrorCode::ok) == 2);
  BOOST_TEST(c.count(ErrorCode::unknown_outcome) == 1);
  BOOST_TEST((c.now <= start + 930ms));
}

BOOST_AUTO_TEST_CASE(a_newer_view_is_fetched_once_from_whoever_goes_by_it) {
  SimCluster c(three);
  for (const auto& id : three) c.submit(Op::lookup, c.key_of(*c.out.view(), id));
  c.run_until_done(1s);
  c.give(c.view(2, {"n2", "n3"}), {"n3"});
  for (int i = 0; i < 20; ++i) c.submit(Op::lookup, c.key_of(*c.out.view(), "n3", i));
  c.run(2ms);
  BOOST_TEST(c.out.epoch().value == 2U);
  c.run(1s);
  BOOST_TEST(c.node("n3").asked_for_view == 1);
  BOOST_TEST(c.out.stats().view_polls == 1U);
}

BOOST_AUTO_TEST_CASE(a_pong_tells_of_a_newer_view_too) {
  SimCluster c(three);
  c.instead = [](SimNode&, const wire::Request& r) -> std::optional<SimReply> {
    if (r.op == Op::view) return std::nullopt;
    return SimReply{.code = ErrorCode::deadline_exceeded};
  };
  SimNode& n1 = c.node("n1");
  const auto key = c.key_of(*c.out.view(), "n1");
  c.submit(Op::lookup, key);
  c.run_until_done(1s);
  n1.frozen = true;
  c.submit(Op::lookup, key, 3s);
  c.run(50ms);
  n1.frozen = false;  // the request is lost, what comes now is answered
  n1.view = c.view(2, three);
  c.run(150ms);
  BOOST_TEST(c.out.epoch().value == 2U);
}

BOOST_AUTO_TEST_CASE(if_who_knows_the_newer_view_falls_silent_another_is_asked) {
  SimCluster c(three);
  for (const auto& id : three) c.submit(Op::lookup, c.key_of(*c.out.view(), id));
  c.run_until_done(1s);
  const auto second = c.view(2, {"n2", "n3"});
  c.give(second, {"n2", "n3"});
  c.instead = [&](SimNode& n, const wire::Request&) -> std::optional<SimReply> {
    if (n.id == "n3") n.frozen = true;  // it says no more than this
    return std::nullopt;
  };
  c.submit(Op::lookup, c.key_of(*c.out.view(), "n3"));
  const Instant start = c.now;
  while (c.out.epoch().value == 1 && c.now < start + 1s) c.run(1ms);
  // n1 may be asked first, and has nothing newer.
  BOOST_TEST((c.now - start <= limits::view_poll_patience + 2 * limits::view_poll_max));
  BOOST_TEST(c.node("n2").asked_for_view >= 1);
}

BOOST_AUTO_TEST_CASE(nobody_is_asked_for_a_view_while_all_is_well) {
  SimCluster c(three);
  for (int i = 0; i < 100; ++i) c.submit(Op::lookup, "k" + std::to_string(i));
  c.run(10s);
  BOOST_TEST(c.count(ErrorCode::ok) == 100);
  BOOST_TEST(c.out.stats().view_polls == 0U);
  BOOST_TEST((c.out.next_wake() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(a_view_that_went_with_the_node_that_spoke_of_it_is_not_asked_for_for_ever) {
  SimCluster c(three);
  for (const auto& id : three) c.submit(Op::lookup, c.key_of(*c.out.view(), id));
  c.run_until_done(1s);
  c.node("n3").view = c.view(2, three);
  c.instead = [&](SimNode& n, const wire::Request&) -> std::optional<SimReply> {
    if (n.id == "n3") n.frozen = true;
    return std::nullopt;
  };
  c.submit(Op::lookup, c.key_of(*c.out.view(), "n3"));
  c.run(5s);
  BOOST_TEST(c.out.epoch().value == 1U);
  BOOST_TEST(c.out.stats().view_polls >= 16U);
  BOOST_TEST(c.out.stats().view_polls <= 25U);
}

BOOST_AUTO_TEST_CASE(a_thousand_requests_that_are_stuck_ask_one_question_at_a_time) {
  SimCluster c(three);
  for (const auto& id : three) c.submit(Op::lookup, c.key_of(*c.out.view(), id));
  c.run_until_done(1s);
  for (auto& [id, node] : c.nodes) node.refuses = "no quorum";
  for (int i = 0; i < 1000; ++i) c.submit(Op::lookup, "k" + std::to_string(i), 3s);
  c.run(2s);
  BOOST_TEST(c.out.stats().view_polls >= 90U);
  BOOST_TEST(c.out.stats().view_polls <= 210U);
  // In turn, and not only those that refuse.
  for (auto& [id, node] : c.nodes) BOOST_TEST(node.asked_for_view >= 25);
}

BOOST_AUTO_TEST_CASE(a_node_that_refuses_alone_is_not_the_only_one_that_is_asked_and_connections_are_made_for_it) {
  SimCluster c(three);
  const auto key = c.key_of(*c.out.view(), "n1");
  c.submit(Op::lookup, key);
  c.run_until_done(1s);  // to n1 alone
  c.node("n1").refuses = "the lease is over";
  c.give(c.view(2, {"n2", "n3"}), {"n2", "n3"});
  c.submit(Op::call, key);
  const Instant start = c.now;
  c.run_until_done(2s);
  BOOST_TEST(c.count(ErrorCode::ok) == 2);
  BOOST_TEST((c.now - start <= 60ms));
}

BOOST_AUTO_TEST_CASE(who_reaches_only_nodes_without_a_quorum_is_told_so_by_the_deadline) {
  SimCluster c({"n1", "n2", "n3", "n4", "n5"});
  for (const auto& id : {"n3", "n4", "n5"}) c.node(id).frozen = true;
  for (const auto& id : {"n1", "n2"}) c.node(id).refuses = "no quorum: 2 of 5 voters answer";
  for (const Op op : {Op::lookup, Op::lookup_or_start, Op::call, Op::stop}) c.submit(op, c.key_of(*c.out.view(), "n1"), 700ms);
  c.run(800ms);
  BOOST_TEST(c.count(ErrorCode::unavailable) == 4);
  for (const auto* call : c.with(ErrorCode::unavailable)) BOOST_TEST(call->outcome.text.find("no quorum: 2 of 5") != std::string::npos);
  BOOST_TEST(c.late == 0);
}

BOOST_AUTO_TEST_CASE(a_call_that_is_refused_is_not_sent_so_late_that_the_answer_would_miss_the_deadline) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SimCluster c({"n1"}, seed);
    c.submit(Op::lookup, "a");
    c.run_until_done(1s);
    c.trip = 10ms;
    c.node("n1").refuses = "no quorum";
    c.submit(Op::call, "a", 300ms);
    c.run_until_done(1s);
    BOOST_REQUIRE(c.done.size() == 2U);
    BOOST_TEST((c.done.back()->outcome.code == ErrorCode::unavailable));
    BOOST_TEST((c.done.back()->done >= c.done.back()->deadline + -100ms));
  }
}

BOOST_AUTO_TEST_CASE(a_key_that_nobody_owns_waits_for_a_view_in_which_somebody_does) {
  SimCluster c({"n1"});
  const auto nobody_up = c.view(2, {"n1"}, {"n1"});
  c.give(nobody_up, {"n1"});
  c.out.set_view(nobody_up, c.now);
  c.submit(Op::call, "a", 500ms);
  c.submit(Op::call, "a", 100ms);
  c.at(200ms, [&] { c.give(c.view(3, {"n1"}), {"n1"}); });
  c.run_until_done(1s);
  BOOST_TEST(c.count(ErrorCode::ok) == 1);
  BOOST_TEST(c.node("n1").executed == 1);
  BOOST_REQUIRE(c.count(ErrorCode::unavailable) == 1);
  BOOST_TEST(c.with(ErrorCode::unavailable)[0]->outcome.text.find("no node owns") != std::string::npos);
  BOOST_TEST(c.late == 0);
}

BOOST_AUTO_TEST_CASE(nodes_that_join_later_are_found_and_those_that_leave_are_left) {
  SimCluster c({"n1"});
  c.submit(Op::lookup, "a");
  c.run_until_done(1s);
  c.add("n8");
  c.add("n9");
  const auto second = c.view(2, {"n8", "n9"});
  c.give(second, {"n1", "n8", "n9"});
  const int before = c.node("n1").asked;
  for (int i = 0; i < 50; ++i) c.submit(Op::call, "k" + std::to_string(i));
  c.run_until_done(2s);
  BOOST_TEST(c.count(ErrorCode::ok) == 51);
  BOOST_TEST(c.node("n8").executed + c.node("n9").executed == 50);
  BOOST_TEST(c.node("n1").asked - before <= 100);
  const int after = c.node("n1").asked;
  for (int i = 0; i < 50; ++i) c.submit(Op::call, "k" + std::to_string(i));
  c.run_until_done(2s);
  BOOST_TEST(c.node("n1").asked == after);
}

BOOST_AUTO_TEST_CASE(a_rolling_restart_under_load_fails_no_request) {
  SimCluster c(three, 7);
  for (int i = 0; i < 300; ++i) c.submit(Op::lookup, "k" + std::to_string(i));
  c.run_until_done(1s);
  std::uint32_t epoch = 1;
  int n = 0;
  const auto load = [&](Duration d) {
    for (const Instant end = c.now + d; c.now < end; c.run(500us)) {
      c.submit(n % 2 == 0 ? Op::lookup_or_start : Op::call, "k" + std::to_string(n % 300), 3s);
      ++n;
    }
  };
  for (const auto& id : three) {
    // Drained: it owns nothing, the others know a few milliseconds later; then it is out, and ends.
    const auto draining = c.view(++epoch, three, {id});
    c.give(draining, {id});
    load(5ms);
    c.give(draining, three);
    load(20ms);
    std::vector<std::string> others;
    std::copy_if(three.begin(), three.end(), std::back_inserter(others), [&](const auto& other) { return other != id; });
    c.give(c.view(++epoch, others), others);
    load(3ms);
    c.kill(id);
    load(300ms);
    c.restart(id);
    load(20ms);
    const auto joined = c.view(++epoch, three);
    c.give(joined, {others[0]});
    load(5ms);
    c.give(joined, three);
    load(100ms);
  }
  c.run_until_done(3s);
  BOOST_TEST(n > 2000);
  BOOST_TEST(c.count(ErrorCode::ok) == n + 300);
  BOOST_TEST(c.late == 0);
  BOOST_TEST(c.out.epoch().value == epoch);
}

BOOST_AUTO_TEST_CASE(when_all_nodes_of_the_view_have_gone_the_addresses_that_were_given_are_asked_again) {
  SimCluster c({"n1"}, 1, false);
  const PeerIndex seed = c.out.add_peer(SimCluster::address_of("n1"));
  const auto first = c.view(1, {"n1"});
  c.give(first, {"n1"});
  c.out.set_view(first, c.now);
  static_cast<void>(seed);
  c.add("n2");
  const auto second = c.view(2, {"n2"});
  c.give(second, {"n1", "n2"});
  c.submit(Op::lookup, "a");
  c.run_until_done(1s);
  c.submit(Op::lookup, "a");
  c.run_until_done(1s);
  BOOST_TEST(c.out.epoch().value == 2U);
  // Months later: the cluster is where it was configured to be, under another view.
  c.kill("n2");
  c.restart("n1");
  c.give(c.view(9, {"n1"}), {"n1"});
  c.submit(Op::call, "a", 5s);
  const Instant start = c.now;
  c.run_until_done(5s);
  BOOST_TEST(c.count(ErrorCode::ok) == 3);
  BOOST_TEST((c.now - start <= limits::seeds_after + 100ms));
}

BOOST_AUTO_TEST_SUITE_END()
