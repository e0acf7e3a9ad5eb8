#include "simulation.hpp"

#include <boost/test/unit_test.hpp>

#include "cluster.hpp"
#include "scenario.hpp"

using namespace reki;
using namespace reki::sim;

namespace {

RunOptions short_run(std::uint64_t seed) {
  RunOptions out;
  out.seed = seed;
  out.lasts = 20 * second;
  return out;
}

std::string broken(const RunOptions& options) {
  const Outcome outcome = run(options);
  return outcome.violation ? outcome.violation->invariant + ": " + command_of(options) : "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(simulation)

BOOST_AUTO_TEST_CASE(equal_seeds_give_equal_runs_and_others_do_not) {
  const Outcome first = run(short_run(3));
  const Outcome again = run(short_run(3));
  BOOST_TEST(first.trace == again.trace);
  BOOST_TEST(first.stats.events == again.stats.events);
  BOOST_TEST(first.trace != run(short_run(4)).trace);
}

BOOST_AUTO_TEST_CASE(a_cluster_without_faults_forms_and_serves) {
  RunOptions options = short_run(1);
  options.kinds = 0;
  const Outcome outcome = run(options);
  BOOST_TEST(!outcome.violation.has_value());
  BOOST_TEST(outcome.stats.calls_ok > 300U);
  BOOST_TEST(outcome.stats.handlers > 100U);
}

BOOST_AUTO_TEST_CASE(every_kind_of_fault_happens_and_breaks_nothing) {
  for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
    RunOptions options = short_run(100 + kind);
    options.kinds = FaultSet{1} << kind;
    options.etcd = !has(faults_of(false), static_cast<FaultKind>(kind));
    const Outcome outcome = run(options);
    BOOST_TEST(outcome.faults[kind] > 0U, name_of(static_cast<FaultKind>(kind)));
    BOOST_TEST(!outcome.violation.has_value(), command_of(options));
  }
}

BOOST_AUTO_TEST_CASE(leases_do_not_hold_when_clocks_stand_still_and_what_counts_on_no_clock_does) {
  int broken_leases = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    RunOptions options = short_run(seed);
    options.kinds = clocks_stop;
    BOOST_TEST(broken(options) == "");
    options.watch = "I8,I10";
    if (!broken(options).empty()) ++broken_leases;
  }
  BOOST_TEST(broken_leases > 0);
}

BOOST_AUTO_TEST_CASE(clusters_of_one_to_seven_nodes_keep_their_promises) {
  for (std::size_t nodes = 1; nodes <= 7; ++nodes) {
    RunOptions options = short_run(200 + nodes);
    options.nodes = nodes;
    BOOST_TEST(broken(options) == "");
    options.cloud = true;
    BOOST_TEST(broken(options) == "");
    options.etcd = true;
    BOOST_TEST(broken(options) == "");
  }
}

BOOST_AUTO_TEST_CASE(a_cluster_with_etcd_forms_and_serves) {
  RunOptions options = short_run(1);
  options.kinds = 0;
  options.etcd = true;
  const Outcome outcome = run(options);
  BOOST_TEST(!outcome.violation.has_value());
  BOOST_TEST(outcome.stats.calls_ok > 300U);
  BOOST_TEST(outcome.stats.elections == 1U);
}

BOOST_AUTO_TEST_CASE(names_of_faults_are_read_as_they_are_written) {
  FaultSet set = 0;
  BOOST_TEST(parse("crash,lose_store", set));
  BOOST_TEST(text_of(set) == "crash,lose_store");
  BOOST_TEST(parse("all,-loss", set));
  BOOST_TEST(set == (all_faults & ~(FaultSet{1} << static_cast<int>(FaultKind::loss))));
  BOOST_TEST(!parse("crash,los", set));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(scenario)

namespace {

/// The longest of a few runs, until everyone holds what it owns.
Time slowest(Change change, bool etcd = false) {
  Time out = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) out = std::max(out, measure(change, 5, false, etcd, millisecond, seed).settled);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_join_and_a_leave_take_less_than_a_tenth_of_a_second) {
  BOOST_TEST(slowest(Change::join) < 100 * millisecond);
  BOOST_TEST(slowest(Change::leave) < 100 * millisecond);
}

BOOST_AUTO_TEST_CASE(a_death_that_the_guard_reports_is_over_in_a_tenth_of_a_second) {
  BOOST_TEST(slowest(Change::kill) < 100 * millisecond);
}

BOOST_AUTO_TEST_CASE(with_etcd_changes_are_as_quick_and_a_lost_coordinator_takes_little_more_than_a_second) {
  BOOST_TEST(slowest(Change::join, true) < 100 * millisecond);
  BOOST_TEST(slowest(Change::kill, true) < 100 * millisecond);
  BOOST_TEST(slowest(Change::kill_unguarded, true) < second);
  BOOST_TEST(slowest(Change::coordinator, true) < 1300 * millisecond);
}

BOOST_AUTO_TEST_CASE(a_lost_machine_is_replaced_in_a_second) {
  BOOST_TEST(slowest(Change::kill_unguarded) < second);
  BOOST_TEST(slowest(Change::coordinator) < second);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(node_clock)

BOOST_AUTO_TEST_CASE(a_reading_is_reached_when_it_says_and_no_sooner) {
  NodeClock clock(3600 * second);
  clock.bend(5 * second, {1100, 900});
  const Instant at_seven = clock.read(7 * second).boot;
  clock.bend(9 * second, {913, 0});
  const Instant wanted{clock.read(9 * second).boot.ns + 12'345};
  const Time at = clock.when(wanted);
  BOOST_TEST(clock.read(at).boot.ns >= wanted.ns);
  BOOST_TEST(clock.read(at - 1).boot.ns < wanted.ns);
  BOOST_TEST(clock.read(at).raw.ns == clock.read(9 * second).raw.ns);
  BOOST_TEST(clock.when_was(at_seven) == 7 * second);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(events)

BOOST_AUTO_TEST_CASE(come_by_time_and_then_as_they_were_scheduled) {
  EventQueue queue;
  SplitMix random(1);
  for (std::uint32_t i = 0; i < 1000; ++i) queue.push({static_cast<Time>(random.below(50)), 0, i, 0, 0, Event::Kind::timer});
  Event last = queue.pop();
  for (int left = 999; left > 0; --left) {
    const Event next = queue.pop();
    BOOST_TEST((last.at < next.at || (last.at == next.at && last.payload < next.payload)));
    last = next;
  }
  BOOST_TEST(queue.empty());
}

BOOST_AUTO_TEST_SUITE_END()
