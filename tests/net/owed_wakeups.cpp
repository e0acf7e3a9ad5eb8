#include "reki/net/owed_wakeups.hpp"

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

BOOST_AUTO_TEST_SUITE(owed_wakeups)

BOOST_AUTO_TEST_CASE(a_thread_owes_nothing_unless_it_says_so) {
  BOOST_TEST(OwedWakeups::of_this_thread() == nullptr);
  OwedWakeups mine;
  {
    const OwedWakeups::Here here(mine);
    BOOST_TEST(OwedWakeups::of_this_thread() == &mine);
    std::thread([] { BOOST_TEST(OwedWakeups::of_this_thread() == nullptr); }).join();
  }
  BOOST_TEST(OwedWakeups::of_this_thread() == nullptr);
}

BOOST_AUTO_TEST_CASE(what_is_owed_is_given_when_it_is_settled_and_to_all) {
  OwedWakeups mine;
  const Sleeper one;
  const Sleeper other;
  mine.owe(one.wakeup);
  mine.owe(other.wakeup);
  mine.owe(one.wakeup);
  BOOST_TEST(mine.any());
  BOOST_TEST(!one.is_woken());
  mine.settle();
  BOOST_TEST(!mine.any());
  BOOST_TEST(one.is_woken());
  BOOST_TEST(other.is_woken());
}

BOOST_AUTO_TEST_CASE(the_end_settles) {
  OwedWakeups mine;
  const Sleeper one;
  {
    const OwedWakeups::Here here(mine);
    mine.owe(one.wakeup);
    BOOST_TEST(!one.is_woken());
  }
  BOOST_TEST(one.is_woken());
}

BOOST_AUTO_TEST_CASE(who_has_waited_for_long_is_woken_between_two_things) {
  OwedWakeups mine;
  const Sleeper one;
  const OwedWakeups::Here here(mine);
  const Instant began{1'000'000'000};
  OwedWakeups::settle_if_late(began);
  mine.owe(one.wakeup);
  OwedWakeups::settle_if_late(began + OwedWakeups::patience / 2);
  BOOST_TEST(!one.is_woken());
  OwedWakeups::settle_if_late(began + OwedWakeups::patience);
  BOOST_TEST(one.is_woken());
}

BOOST_AUTO_TEST_CASE(another_thread_settles_for_one_that_is_held_up) {
  OwedWakeups mine;
  const Sleeper one;
  mine.owe(one.wakeup);
  std::thread([&] { mine.settle_for_it(); }).join();
  BOOST_TEST(one.is_woken());
  one.wakeup->disarm(true);
  one.wakeup->arm();
  mine.owe(one.wakeup);
  BOOST_TEST(!one.is_woken());
  mine.settle();
  BOOST_TEST(one.is_woken());
}

BOOST_AUTO_TEST_CASE(who_is_owed_a_wake_up_may_be_gone_by_then) {
  OwedWakeups mine;
  {
    const Sleeper one;
    mine.owe(one.wakeup);
  }
  mine.settle();  // ASan sees what is wrong here
}

BOOST_AUTO_TEST_SUITE_END()
