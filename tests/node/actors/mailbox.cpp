#include "reki/node/actors/mailbox.hpp"

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
  Mailbox::Taken taken;
  Numbered a, b;
  BOOST_TEST(box.is_idle());
  BOOST_TEST(box.push(&a));
  BOOST_TEST(!box.push(&b));
  BOOST_TEST(!box.wake());
  BOOST_TEST(!box.try_idle(taken));
  BOOST_TEST(box.pop(taken) == &a);
  BOOST_TEST(!box.try_idle(taken));
  BOOST_TEST(box.pop(taken) == &b);
  BOOST_TEST(box.pop(taken) == nullptr);
  BOOST_TEST(box.try_idle(taken));
  BOOST_TEST(box.wake());
  BOOST_TEST(box.size() == 0U);
}

BOOST_AUTO_TEST_CASE(each_producers_messages_stay_in_order_and_none_is_lost) {
  constexpr int producers = 3;
  constexpr int each = 20000;
  Mailbox box;
  Mailbox::Taken taken;
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
      while (Waiter* w = box.pop(taken)) {
        const auto& m = static_cast<Numbered&>(*w);
        in_order = in_order && m.number == next[m.producer]++;
        ++got;
      }
    } while (!box.try_idle(taken));
  }
  for (auto& t : threads) t.join();
  BOOST_TEST(in_order);
  BOOST_TEST(schedules.load() == turns);
  BOOST_TEST(box.is_idle());
}

BOOST_AUTO_TEST_CASE(offers_are_refused_while_it_is_closed_and_what_was_taken_stays) {
  Mailbox box;
  Mailbox::Taken taken;
  Numbered a, b, c, d;
  using Offered = Mailbox::Offered;
  BOOST_TEST((box.offer(&a) == Offered::refused));
  BOOST_TEST(box.is_idle());
  BOOST_TEST(box.push(&a));  // closed or not
  BOOST_TEST((box.offer(&b) == Offered::refused));
  box.open();
  BOOST_TEST((box.offer(&b) == Offered::taken));
  BOOST_TEST(box.size() == 2U);
  BOOST_TEST(box.pop(taken) == &a);
  BOOST_TEST((box.offer(&c) == Offered::taken));
  box.close();
  BOOST_TEST((box.offer(&d) == Offered::refused));
  BOOST_TEST(box.pop(taken) == &b);
  BOOST_TEST(box.pop(taken) == &c);
  BOOST_TEST(box.pop(taken) == nullptr);
  BOOST_TEST(box.try_idle(taken));
  BOOST_TEST(box.is_idle());
  BOOST_TEST((box.offer(&d) == Offered::refused));
  BOOST_TEST(box.wake());
  box.open();
  BOOST_TEST(box.try_idle(taken));
  BOOST_TEST((box.offer(&d) == Offered::taken_and_idle));
  BOOST_TEST(box.pop(taken) == &d);
}

BOOST_AUTO_TEST_CASE(it_says_how_many_wait) {
  for (const std::size_t count : {1U, 2U, 7U, 8U, 100U, 1000U, 65535U, 65536U, 200000U}) {
    Mailbox box;
    Mailbox::Taken taken;
    std::vector<Numbered> messages(count);
    for (std::size_t i = 0; i < count; ++i) {
      (void)box.push(&messages[i]);
      BOOST_REQUIRE_EQUAL(box.size(), i + 1);
    }
    for (std::size_t left = count; left-- > 0;) {
      Waiter* const message = box.pop(taken);
      BOOST_REQUIRE(message != nullptr);
      BOOST_REQUIRE_GE(box.size(), left);
      BOOST_REQUIRE_LE(box.size(), left + left / 4);
      box.put_back(taken, message);
      BOOST_REQUIRE_GE(box.size(), left + 1);
      BOOST_REQUIRE(box.pop(taken) == message);
    }
    BOOST_TEST(box.size() == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
