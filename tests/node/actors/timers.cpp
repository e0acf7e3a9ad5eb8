#include "reki/node/actors/timers.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>

#include "reki/net/clock.hpp"
#include "test_actors.hpp"

using namespace reki;
using namespace std::chrono_literals;
using test::eventually;

namespace {

/// Timers that once they rest do so until somebody wakes them.
struct Clock {
  Clock() { timers.start(); }

  std::atomic<bool> anything_goes_on = false;
  std::atomic<int> ticks = 0;
  Timers timers{{.message_due = [](const KeyName&, Fence, EnvelopePtr) {},
                 .restart_due = [](const KeyName&) {},
                 .each_tick =
                     [this](Instant) {
                       ++ticks;
                       return anything_goes_on.load();
                     }},
                1h};
};

struct Bell final : Timers::Entry {
  void fire(Instant) override { rung = true; }
  std::atomic<bool> rung = false;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(timers)

BOOST_AUTO_TEST_CASE(they_rest_when_nothing_goes_on_and_whoever_begins_something_has_them_look) {
  Clock clock;
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(eventually([&] { return clock.timers.is_resting(); }));
    const int before = clock.ticks;
    clock.timers.hurry();
    BOOST_TEST(eventually([&] { return clock.ticks > before + Timers::quiet_ticks_min; }));  // and not for one look alone
  }
}

BOOST_AUTO_TEST_CASE(they_do_not_rest_while_something_goes_on) {
  Clock clock;
  clock.anything_goes_on = true;
  const int before = clock.ticks;
  BOOST_TEST(eventually([&] { return clock.ticks > before + 3 * Timers::quiet_ticks_min; }));
  BOOST_TEST(!clock.timers.is_resting());
}

BOOST_AUTO_TEST_CASE(what_is_added_while_they_rest_fires) {
  Clock clock;
  Bell bell;
  BOOST_TEST(eventually([&] { return clock.timers.is_resting(); }));
  clock.timers.add(bell, boot_time() + 20ms);
  BOOST_TEST(eventually([&] { return bell.rung.load(); }));
}

BOOST_AUTO_TEST_SUITE_END()
