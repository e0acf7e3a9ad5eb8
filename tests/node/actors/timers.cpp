#include "reki/node/actors/timers.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>

#include "reki/node/actors/thread_executor.hpp"
#include "still_executor.hpp"
#include "test_actors.hpp"

using namespace reki;
using namespace std::chrono_literals;
using test::eventually;

namespace {

struct Bell final : Timers::Entry {
  void fire(Instant) override { rung = true; }
  std::atomic<bool> rung = false;
};

/// Timers whose steps a test takes.
struct Steps {
  Duration step() {
    now = now + pause;
    pause = timers.step(now);
    return pause;
  }
  bool rests() const { return pause == 25ms; }
  int until_they_rest() {
    int steps = 0;
    for (; !rests() && steps < 1000; ++steps) step();
    return steps;
  }

  Instant now{1'000'000'000};
  Duration pause = Timers::tick;
  bool anything_goes_on = false;
  test::StillExecutor executor;
  Timers timers{{.message_due = [](const KeyName&, Fence, EnvelopePtr) {},
                 .restart_due = [](const KeyName&) {},
                 .each_tick = [this](Instant) { return anything_goes_on; }},
                executor};
};

/// Timers on a thread, that once they rest do so until somebody wakes them.
struct OnThread {
  OnThread() {
    executor.start([this](Instant now) { return timers.step(now); }, {});
  }
  ~OnThread() { executor.stop(boot_time() + 20s); }

  std::atomic<bool> anything_goes_on = false;
  std::atomic<int> ticks = 0;
  ThreadExecutor executor{{.workers = 1}};
  Timers timers{{.message_due = [](const KeyName&, Fence, EnvelopePtr) {},
                 .restart_due = [](const KeyName&) {},
                 .each_tick =
                     [this](Instant) {
                       ++ticks;
                       return anything_goes_on.load();
                     }},
                executor, 1h};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(timers)

BOOST_AUTO_TEST_CASE(they_rest_when_nothing_goes_on_and_whoever_begins_something_has_them_look) {
  OnThread clock;
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(eventually([&] { return clock.timers.is_resting(); }));
    const int before = clock.ticks;
    clock.timers.hurry();
    BOOST_TEST(eventually([&] { return clock.ticks > before + Timers::quiet_ticks_min; }));  // and not for one look alone
  }
}

BOOST_AUTO_TEST_CASE(they_do_not_rest_while_something_goes_on) {
  OnThread clock;
  clock.anything_goes_on = true;
  const int before = clock.ticks;
  BOOST_TEST(eventually([&] { return clock.ticks > before + 3 * Timers::quiet_ticks_min; }));
  BOOST_TEST(!clock.timers.is_resting());
}

BOOST_AUTO_TEST_CASE(what_is_added_while_they_rest_fires) {
  OnThread clock;
  Bell bell;
  BOOST_TEST(eventually([&] { return clock.timers.is_resting(); }));
  clock.timers.add(bell, boot_time() + 20ms);
  BOOST_TEST(eventually([&] { return bell.rung.load(); }));
}

BOOST_AUTO_TEST_CASE(after_so_many_quiet_ticks_they_want_to_be_called_less_often) {
  Steps steps;
  BOOST_TEST(steps.until_they_rest() == Timers::quiet_ticks_min + 1);
  BOOST_TEST(steps.timers.is_resting());
  steps.timers.hurry();
  steps.timers.hurry();
  BOOST_TEST(steps.executor.hurried == 1);
  BOOST_TEST(!steps.timers.is_resting());
  steps.step();
  BOOST_TEST(steps.until_they_rest() >= Timers::quiet_ticks_min);
}

BOOST_AUTO_TEST_CASE(they_wait_for_something_that_is_due_soon_without_resting) {
  Steps steps;
  steps.until_they_rest();
  Bell bell;
  steps.timers.add(bell, steps.now + 60ms);
  BOOST_TEST(steps.executor.hurried == 1);
  while (!bell.rung) {
    steps.step();
    BOOST_REQUIRE(!steps.rests());
    BOOST_REQUIRE((steps.now < Instant{10'000'000'000}));
  }
  BOOST_TEST((bell.due() <= steps.now));
}

BOOST_AUTO_TEST_CASE(at_the_end_what_is_left_fires_whatever_its_time) {
  Steps steps;
  Bell bell;
  steps.timers.add(bell, Instant::never());
  steps.step();
  BOOST_TEST(!bell.rung);
  steps.timers.finish();
  BOOST_TEST(bell.rung);
}

BOOST_AUTO_TEST_SUITE_END()
