#include "reki/net/task_queue.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "reki/net/clock.hpp"
#include "reki/net/poll.hpp"

using namespace reki;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(task_queue)

namespace {
/// Waits as the header says; true if there was something to take by the deadline.
template <class T>
bool wait_for_mail(TaskQueue<T>& bag, Duration patience, int& sleeps) {
  std::vector<zmq::pollitem_t> items{{nullptr, bag.wakeup().fd(), ZMQ_POLLIN, 0}};
  const Instant until = boot_time() + patience;
  while (bag.empty() && boot_time() < until) {
    bag.wakeup().arm();
    if (bag.empty()) {
      ++sleeps;
      poll_until(items, boot_time(), until);
    }
    bag.wakeup().disarm(items[0].revents != 0);
  }
  return !bag.empty();
}
}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_lost_and_order_is_kept_for_each_producer) {
  TaskQueue<std::pair<int, int>> bag;
  constexpr int producers = 4;
  constexpr int each = 20000;
  std::vector<std::jthread> threads;
  for (int p = 0; p < producers; ++p) {
    threads.emplace_back([&bag, p] {
      for (int i = 0; i < each; ++i) bag.push({p, i});
    });
  }
  std::vector<int> next(producers, 0);
  std::vector<std::pair<int, int>> taken;
  int sleeps = 0;
  for (int total = 0; total < producers * each; total += static_cast<int>(taken.size())) {
    BOOST_REQUIRE(wait_for_mail(bag, 20s, sleeps));
    bag.take(taken);
    for (const auto& [p, i] : taken) BOOST_REQUIRE(next[static_cast<std::size_t>(p)]++ == i);
  }
}

BOOST_AUTO_TEST_CASE(a_sleeper_is_woken_and_sleeps_again_when_all_is_taken) {
  TaskQueue<int> bag;
  std::jthread other([&bag] {
    for (int i = 0; i < 3; ++i) bag.push(int{i});
  });
  int sleeps = 0;
  std::vector<int> taken;
  for (std::size_t got = 0; got < 3; got += taken.size()) {
    BOOST_REQUIRE(wait_for_mail(bag, 20s, sleeps));
    bag.take(taken);
  }
  other.join();
  // At most one wake-up for nothing may be left over; then it really sleeps.
  sleeps = 0;
  BOOST_TEST(!wait_for_mail(bag, 50ms, sleeps));
  BOOST_TEST(sleeps <= 3);
}

BOOST_AUTO_TEST_CASE(a_closed_queue_takes_nothing_and_gives_what_it_has) {
  TaskQueue<int> bag;
  bag.push(1);
  bag.close();
  BOOST_TEST(!bag.push(2));
  std::vector<int> more{3, 4};
  BOOST_TEST(!bag.push_all(more));
  BOOST_TEST(more.size() == 2U);
  std::vector<int> taken;
  bag.take(taken);
  BOOST_TEST(taken.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
