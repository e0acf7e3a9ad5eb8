#include "reki/core/membership/waiting_clock.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;

namespace {

const Instant boot{5'000'000'000};
const Instant raw{3'000'000'000};

struct Running {
  WaitingClock clock{100ms};
  Running() { clock.advance({boot, raw}); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(waiting_clock, Running)

BOOST_AUTO_TEST_CASE(at_each_step_it_believes_the_slower_of_the_two) {
  const Instant begun = clock.now();
  clock.advance({boot + 80ms, raw + 60ms});
  BOOST_TEST((clock.now() - begun == 60ms));
  clock.advance({boot + 110ms, raw + 160ms});
  BOOST_TEST((clock.now() - begun == 90ms));
}

BOOST_AUTO_TEST_CASE(it_never_goes_back) {
  const Instant begun = clock.now();
  clock.advance({boot + -1s, raw + 50ms});
  BOOST_TEST((clock.now() == begun));
  clock.advance({boot + -950ms, raw + 100ms});
  BOOST_TEST((clock.now() - begun == 50ms));
}

BOOST_AUTO_TEST_CASE(a_step_longer_than_the_gap_is_a_stop) {
  clock.advance({boot + 100ms, raw + 100ms});
  BOOST_TEST((clock.smooth() == 100ms));
  clock.advance({boot + 201ms, raw + 200ms});  // by either of the two
  BOOST_TEST((clock.smooth() == 0ms));
  clock.advance({boot + 231ms, raw + 230ms});
  BOOST_TEST((clock.smooth() == 30ms));
}

BOOST_AUTO_TEST_CASE(a_suspend_that_only_one_of_them_counts_is_a_stop) {
  clock.advance({boot + 50ms, raw + 50ms});
  clock.advance({boot + 1h, raw + 60ms});
  BOOST_TEST((clock.smooth() == 0ms));
}

BOOST_AUTO_TEST_SUITE_END()
