#include "reki/client/io_leadership.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

using namespace reki;

namespace {

/// The client's own thread, which lends the leadership again and again until it is told to end.
struct Lender {
  ~Lender() {
    over = true;
    thread.join();
  }
  void run() {
    while (!over) {
      leadership.lend([this] { return idle && !over; });
      ++returns;
    }
  }

  IoLeadership leadership;
  std::atomic<bool> idle = true;
  std::atomic<bool> over = false;
  std::atomic<int> returns = 0;
  std::thread thread{[this] { run(); }};
};

/// Waits for the lender: it lends again and again.
void take(IoLeadership& leadership) {
  while (!leadership.take()) std::this_thread::yield();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(io_leadership)

BOOST_AUTO_TEST_CASE(the_thread_has_it_until_it_lends_it) {
  IoLeadership leadership;
  BOOST_TEST(!leadership.take());
}

BOOST_AUTO_TEST_CASE(only_one_caller_has_it) {
  Lender lender;
  take(lender.leadership);
  BOOST_TEST(!lender.leadership.take());
  lender.leadership.give_back([] { return false; });
}

BOOST_AUTO_TEST_CASE(the_thread_stays_away_while_a_caller_has_it_for_long) {
  Lender lender;
  take(lender.leadership);
  const int before = lender.returns;
  std::this_thread::sleep_for(5 * IoLeadership::patience);
  BOOST_TEST(lender.returns == before);
  lender.leadership.recall();  // not from a caller's hands
  BOOST_TEST(lender.returns == before);
  lender.leadership.give_back([] { return true; });
}

BOOST_AUTO_TEST_CASE(what_is_left_to_do_goes_to_the_thread_at_once) {
  Lender lender;
  take(lender.leadership);
  const int before = lender.returns;
  lender.idle = false;
  lender.leadership.give_back([] { return false; });
  while (lender.returns == before) std::this_thread::yield();
}

BOOST_AUTO_TEST_CASE(it_is_not_lent_while_something_waits) {
  IoLeadership leadership;
  leadership.lend([] { return false; });  // returns
  BOOST_TEST(!leadership.take());
}

BOOST_AUTO_TEST_CASE(the_thread_takes_back_what_nobody_uses) {
  IoLeadership leadership;
  leadership.lend([] { return true; });  // returns
  BOOST_TEST(!leadership.take());
}

// What each holder does is not synchronised by anything else: ThreadSanitizer sees whether it goes over in order.
BOOST_AUTO_TEST_CASE(all_that_its_holders_write_goes_over_with_it) {
  long written = 0;  // by whoever leads, without a lock of its own
  long own_turns = 0;
  std::atomic<long> taken = 0;
  {
    IoLeadership leadership;
    std::atomic<bool> over = false;
    std::thread own([&] {
      do {  // once at least: the callers may be through before this thread runs
        ++written;
        ++own_turns;
        leadership.lend([&] { return !over; });
      } while (!over);
    });
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i) {
      callers.emplace_back([&] {
        for (int n = 0; n < 2000; ++n) {
          if (!leadership.take()) {
            leadership.recall();
            continue;
          }
          ++written;
          ++taken;
          leadership.give_back([n] { return n % 7 != 0; });
        }
      });
    }
    for (auto& caller : callers) caller.join();
    over = true;
    leadership.recall();
    own.join();
  }
  BOOST_TEST(written == own_turns + taken);
}

BOOST_AUTO_TEST_SUITE_END()
