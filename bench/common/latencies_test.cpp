#include "reki/bench/latencies.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace reki::bench;

BOOST_AUTO_TEST_SUITE(latencies)

BOOST_AUTO_TEST_CASE(without_any_every_percentile_is_nothing) {
  const Latencies none;
  BOOST_TEST(none.percentile(0.5).count() == 0);
  BOOST_TEST(none.count() == 0U);
}

BOOST_AUTO_TEST_CASE(short_ones_are_exact) {
  Latencies all;
  for (int ns = 1; ns <= 100; ++ns) all.add(Duration{ns});
  BOOST_TEST(all.percentile(0.5).count() == 50);
  BOOST_TEST(all.percentile(0.99).count() == 99);
  BOOST_TEST(all.percentile(1).count() == 100);
}

BOOST_AUTO_TEST_CASE(long_ones_are_off_by_less_than_a_sixtieth_and_never_below) {
  for (std::int64_t ns = 1; ns > 0 && ns < INT64_MAX / 3; ns = ns * 3 + 1) {
    Latencies one;
    one.add(Duration{ns});
    one.add(Duration{INT64_MAX});
    const auto said = one.percentile(0.5).count();
    BOOST_TEST(said >= ns);
    BOOST_TEST(said - ns <= ns / 60);
  }
}

BOOST_AUTO_TEST_CASE(those_of_another_thread_count_too) {
  Latencies all;
  Latencies other;
  all.add(Duration{10});
  other.add(Duration{5000});
  all.add(other);
  BOOST_TEST(all.count() == 2U);
  BOOST_TEST(all.max().count() == 5000);
  BOOST_TEST(all.percentile(0.5).count() == 10);
}

BOOST_AUTO_TEST_SUITE_END()
