#include "reki/net/deferred_wakeups.hpp"

#include <poll.h>

#include <boost/test/unit_test.hpp>
#include <thread>

using namespace reki;

namespace {

/// Somebody who sleeps.
struct Sleeper {
  std::shared_ptr<Wakeup> wakeup = std::make_shared<Wakeup>();

  Sleeper() { wakeup->arm(); }
  [[nodiscard]] bool is_woken() const {
    pollfd item{wakeup->fd(), POLLIN, 0};
    return poll(&item, 1, 0) == 1;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(deferred_wakeups)

BOOST_AUTO_TEST_CASE(a_thread_defers_nothing_unless_it_says_so) {
  BOOST_TEST(DeferredWakeups::of_this_thread() == nullptr);
  DeferredWakeups mine;
  {
    const DeferredWakeups::Here here(mine);
    BOOST_TEST(DeferredWakeups::of_this_thread() == &mine);
    std::thread([] { BOOST_TEST(DeferredWakeups::of_this_thread() == nullptr); }).join();
  }
  BOOST_TEST(DeferredWakeups::of_this_thread() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_flush_wakes_all_that_were_deferred) {
  DeferredWakeups mine;
  const Sleeper one;
  const Sleeper other;
  mine.defer(one.wakeup);
  mine.defer(other.wakeup);
  mine.defer(one.wakeup);
  BOOST_TEST(mine.any());
  BOOST_TEST(!one.is_woken());
  mine.flush();
  BOOST_TEST(!mine.any());
  BOOST_TEST(one.is_woken());
  BOOST_TEST(other.is_woken());
}

BOOST_AUTO_TEST_CASE(the_end_flushes) {
  DeferredWakeups mine;
  const Sleeper one;
  {
    const DeferredWakeups::Here here(mine);
    mine.defer(one.wakeup);
    BOOST_TEST(!one.is_woken());
  }
  BOOST_TEST(one.is_woken());
}

BOOST_AUTO_TEST_CASE(who_has_waited_for_long_is_woken_between_two_tasks) {
  DeferredWakeups mine;
  const Sleeper one;
  const DeferredWakeups::Here here(mine);
  const Instant began{1'000'000'000};
  DeferredWakeups::flush_if_late(began);
  mine.defer(one.wakeup);
  DeferredWakeups::flush_if_late(began + DeferredWakeups::patience / 2);
  BOOST_TEST(!one.is_woken());
  DeferredWakeups::flush_if_late(began + DeferredWakeups::patience);
  BOOST_TEST(one.is_woken());
}

BOOST_AUTO_TEST_CASE(another_thread_flushes_for_one_that_is_held_up) {
  DeferredWakeups mine;
  const Sleeper one;
  mine.defer(one.wakeup);
  std::thread([&] { mine.flush_for_it(); }).join();
  BOOST_TEST(one.is_woken());
  one.wakeup->disarm(true);
  one.wakeup->arm();
  mine.defer(one.wakeup);
  BOOST_TEST(!one.is_woken());
  mine.flush();
  BOOST_TEST(one.is_woken());
}

BOOST_AUTO_TEST_CASE(who_is_to_be_woken_may_be_gone_by_then) {
  DeferredWakeups mine;
  {
    const Sleeper one;
    mine.defer(one.wakeup);
  }
  mine.flush();  // ASan sees what is wrong here
}

BOOST_AUTO_TEST_SUITE_END()
