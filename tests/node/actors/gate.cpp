#include "reki/node/actors/gate.hpp"

#include <boost/test/unit_test.hpp>

#include "cell_stage.hpp"

using namespace reki;
using test::CellStage;
using test::NotingHost;

namespace {

/// A gate with a lease until 100 ns, and a cell that comes to it.
struct Leased {
  std::int64_t time = 0;  ///< Of the wall clock.
  LeaseEnds lease{100};
  std::atomic<std::int64_t>& lease_end = lease.boot_ns;
  Gate gate{&lease, Clock(time)};
  NotingHost host;
  CellStage stage{host};
  ActorCell& cell = *stage.cell;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(gate)

BOOST_AUTO_TEST_CASE(without_a_lease_it_is_always_open) {
  const Gate gate(nullptr, Clock{});
  BOOST_TEST(gate.is_open(Instant::never()));
  BOOST_TEST(!gate.has_lease());
}

BOOST_AUTO_TEST_CASE(it_is_open_until_the_lease_ends_and_again_once_that_is_extended) {
  Leased l;
  BOOST_TEST(l.gate.is_open(Instant{99}));
  BOOST_TEST(!l.gate.is_open(Instant{100}));
  l.lease_end = 200;
  BOOST_TEST(l.gate.is_open(Instant{100}));
}

BOOST_AUTO_TEST_CASE(it_is_closed_when_the_wall_clock_says_that_the_other_has_stood_still) {
  Leased l;
  l.time = 1'000'000;
  BOOST_TEST(l.gate.is_open(Instant{50}));
  l.lease.wall_ns = 1'000'001;
  BOOST_TEST(l.gate.is_open(Instant{50}));
  l.time = 1'000'001;
  BOOST_TEST(!l.gate.is_open(Instant{50}));
  BOOST_TEST(l.gate.lasts(Instant{50}));  // for look-ups, which have no effect
  BOOST_TEST(l.gate.suspend(l.cell, Instant{50}));
}

BOOST_AUTO_TEST_CASE(once_abandoned_no_lease_opens_it) {
  Leased l;
  l.gate.abandon();
  l.lease_end = Instant::never().ns;
  BOOST_TEST(!l.gate.is_open(Instant{1}));
}

BOOST_AUTO_TEST_CASE(a_cell_that_found_it_closed_is_kept_until_somebody_takes_it) {
  Leased l;
  BOOST_TEST(l.gate.suspend(l.cell, Instant{100}));
  const auto taken = l.gate.take_suspended();
  BOOST_REQUIRE(taken.size() == 1U);
  BOOST_TEST(taken.front() == &l.cell);
  BOOST_TEST(l.gate.take_suspended().empty());
}

BOOST_AUTO_TEST_CASE(a_cell_that_could_miss_its_resumption_is_not_kept) {
  Leased extended;
  extended.lease_end = 200;  // between the cell's look and its wish to wait
  BOOST_TEST(!extended.gate.suspend(extended.cell, Instant{100}));
  Leased abandoned;
  abandoned.gate.abandon();
  BOOST_TEST(!abandoned.gate.suspend(abandoned.cell, Instant{100}));
  Leased closing;
  closing.gate.close();
  BOOST_TEST(!closing.gate.suspend(closing.cell, Instant{100}));
}

BOOST_AUTO_TEST_CASE(only_the_first_who_closes_it_is_told_so) {
  Leased l;
  BOOST_TEST(!l.gate.is_closing());
  BOOST_TEST(l.gate.close());
  BOOST_TEST(!l.gate.close());
  BOOST_TEST(l.gate.is_closing());
}

BOOST_AUTO_TEST_SUITE_END()
