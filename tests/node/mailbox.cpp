#include "reki/node/mailbox.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

using namespace reki;

namespace {

struct Numbered : Waiter {
  int producer = 0;
  int number = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox)

BOOST_AUTO_TEST_CASE(only_the_push_that_finds_it_idle_schedules) {
  Mailbox box;
  Numbered a, b;
  BOOST_TEST(box.is_idle());
  BOOST_TEST(box.push(&a));
  BOOST_TEST(!box.push(&b));
  BOOST_TEST(!box.wake());
  BOOST_TEST(!box.try_idle());
  BOOST_TEST(box.pop() == &a);
  BOOST_TEST(!box.try_idle());
  BOOST_TEST(box.pop() == &b);
  BOOST_TEST(box.pop() == nullptr);
  BOOST_TEST(box.try_idle());
  BOOST_TEST(box.wake());
  BOOST_TEST(box.size() == 0U);
}

BOOST_AUTO_TEST_CASE(each_producers_messages_stay_in_order_and_none_is_lost) {
  constexpr int producers = 3;
  constexpr int each = 20000;
  Mailbox box;
  std::vector<std::vector<Numbered>> messages(producers);
  std::atomic<int> schedules = 0;
  std::vector<std::thread> threads;
  for (int p = 0; p < producers; ++p) {
    messages[p] = std::vector<Numbered>(each);
    threads.emplace_back([&, p] {
      for (int i = 0; i < each; ++i) {
        messages[p][i].producer = p;
        messages[p][i].number = i;
        if (box.push(&messages[p][i])) ++schedules;
      }
    });
  }
  // The consumer takes a turn for each time that somebody was told to schedule one, and for nothing else.
  std::vector<int> next(producers, 0);
  int got = 0;
  int turns = 0;
  bool in_order = true;
  while (got < producers * each) {
    if (schedules.load() == turns) {
      std::this_thread::yield();
      continue;
    }
    ++turns;
    do {
      while (Waiter* w = box.pop()) {
        const auto& m = static_cast<Numbered&>(*w);
        in_order = in_order && m.number == next[m.producer]++;
        ++got;
      }
    } while (!box.try_idle());
  }
  for (auto& t : threads) t.join();
  BOOST_TEST(in_order);
  BOOST_TEST(schedules.load() == turns);
  BOOST_TEST(box.is_idle());
}

BOOST_AUTO_TEST_SUITE_END()
