#include "reki/node/actors/workers.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "reki/net/clock.hpp"
#include "test_actors.hpp"

using namespace reki;
using namespace std::chrono_literals;
using test::Door;
using test::eventually;

namespace {

struct Does final : Turn {
  explicit Does(std::function<void()> w) : what(std::move(w)) {}
  void run() override { what(); }
  std::function<void()> what;
};

/// To be made after the turns that it runs, so that it ends before them.
struct Pool {
  explicit Pool(int threads) : workers({.threads = threads, .threads_max = std::max(1, threads)}) { workers.start({}); }
  ~Pool() { BOOST_TEST(workers.stop(boot_time() + 20s)); }
  Workers workers;
};

struct Sleeper {
  std::shared_ptr<Wakeup> wakeup = std::make_shared<Wakeup>();
  Sleeper() { wakeup->arm(); }
  [[nodiscard]] bool is_woken() const {
    pollfd item{wakeup->fd(), POLLIN, 0};
    return poll(&item, 1, 0) == 1;
  }
  /// As whoever answers it from a turn.
  void wake() const {
    if (auto* const wakeups = DeferredWakeups::of_this_thread()) wakeups->defer(wakeup);
    else wakeup->signal();
  }
};

/// As the system sees them.
bool all_other_threads_sleep() {
  const auto sleeps = [](const std::filesystem::directory_entry& task) {
    std::ifstream file(task.path() / "stat");
    std::string text;
    std::getline(file, text);
    const auto name_ends = text.rfind(") ");
    return name_ends != std::string::npos && text.substr(name_ends + 2, 1) == "S";
  };
  const std::string self = std::to_string(gettid());
  return std::ranges::all_of(std::filesystem::directory_iterator("/proc/self/task"),
                             [&](const auto& task) { return task.path().filename() == self || sleeps(task); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(workers)

BOOST_AUTO_TEST_CASE(turns_that_come_together_all_run_in_their_order) {
  Pool pool(1);
  std::vector<int> ran;
  std::atomic<bool> all = false;
  std::vector<std::unique_ptr<Does>> does;
  std::vector<Turn*> turns;
  for (int i = 0; i < 100; ++i) {
    does.push_back(std::make_unique<Does>([&, i] {
      ran.push_back(i);
      all = i == 99;
    }));
    turns.push_back(does.back().get());
  }
  pool.workers.schedule(turns);
  BOOST_REQUIRE(eventually([&] { return all.load(); }));
  BOOST_TEST(ran.size() == 100U);
  BOOST_TEST(std::ranges::is_sorted(ran));
}

BOOST_AUTO_TEST_CASE(a_wake_up_that_turns_owe_is_given_once_nothing_is_left_to_run) {
  const Sleeper sleeper;
  Does first([&] { sleeper.wake(); });
  Does second([&] { sleeper.wake(); });
  const std::vector<Turn*> both{&first, &second};
  Pool pool(1);
  pool.workers.schedule(both);
  BOOST_TEST(eventually([&] { return sleeper.is_woken(); }));
}

BOOST_AUTO_TEST_CASE(a_deferred_wake_up_does_not_wait_for_a_turn_that_blocks) {
  const Sleeper sleeper;
  Door door;
  Does answers([&] { sleeper.wake(); });
  Does blocks([&] { door.pass(); });
  const std::vector<Turn*> both{&answers, &blocks};
  Pool pool(1);
  pool.workers.schedule(both);
  BOOST_REQUIRE(eventually([&] { return door.waiting == 1; }));
  pool.workers.watch(boot_time());
  BOOST_TEST(sleeper.is_woken());
  door.open();
}

BOOST_AUTO_TEST_CASE(a_pool_for_what_blocks_owes_nothing) {
  const Sleeper sleeper;
  Door door;
  Does answers_and_blocks([&] {
    sleeper.wake();
    door.pass();
  });
  Pool pool(0);
  pool.workers.schedule(&answers_and_blocks);
  BOOST_REQUIRE(eventually([&] { return door.waiting == 1; }));
  BOOST_TEST(sleeper.is_woken());
  door.open();
}

BOOST_AUTO_TEST_CASE(a_turn_that_turns_make_again_and_again_does_not_keep_others_waiting) {
  Pool pool(1);
  std::atomic<bool> other = false;
  std::atomic<int> rounds = 0;
  std::atomic<bool> ended = false;
  Does asked_for([&] { other = true; });
  std::unique_ptr<Does> again;
  again = std::make_unique<Does>([&] {
    if (++rounds == 1000) {
      Turn* const one = &asked_for;
      pool.workers.schedule(again.get());
      pool.workers.schedule(std::span(&one, 1));
      return;
    }
    if (other) ended = true;
    else pool.workers.schedule(again.get());
  });
  pool.workers.schedule(again.get());
  BOOST_TEST(eventually([&] { return ended.load(); }));
  BOOST_TEST(rounds < 1000 + 50);
}

BOOST_AUTO_TEST_CASE(a_turn_that_a_blocked_turn_has_made_is_run_by_another_thread) {
  Pool pool(2);
  Door door;
  std::atomic<bool> ran = false;
  Does made([&] { ran = true; });
  Does blocks([&] {
    pool.workers.schedule(&made);
    door.pass();
  });
  pool.workers.schedule(&blocks);
  BOOST_REQUIRE(eventually([&] { return door.waiting == 1; }));
  BOOST_TEST(!ran);
  pool.workers.watch(boot_time());
  pool.workers.watch(boot_time());
  BOOST_TEST(eventually([&] { return ran.load(); }));
  door.open();
}

BOOST_AUTO_TEST_CASE(a_thread_that_ends_leaves_no_turn_to_those_who_sleep) {
  std::atomic<int> ran = 0;
  Door door;
  Does blocks([&] { door.pass(); });
  Does turn([&] { ++ran; });
  Workers workers({.threads = 1, .threads_max = 2, .idle_exit = 1h});
  workers.start({});
  workers.schedule(&blocks);
  BOOST_REQUIRE(eventually([&] { return door.waiting == 1; }));
  const Instant at = boot_time();
  workers.watch(at);
  workers.schedule(&turn);
  workers.watch(at + 1s);
  BOOST_REQUIRE(eventually([&] { return ran == 1; }));  // by one more thread
  door.open();
  BOOST_REQUIRE(eventually([] { return all_other_threads_sleep(); }));
  BOOST_TEST(!workers.watch(at + 2s));  // whichever is woken first is one too many, and ends
  BOOST_TEST(workers.alive() == 2);
  workers.schedule(&turn);
  BOOST_TEST(eventually([&] { return ran == 2; }));
  BOOST_TEST(workers.stop(boot_time() + 20s));
}

BOOST_AUTO_TEST_CASE(two_stand_in_for_each_thread_that_is_blocked_and_no_more) {
  Door door;
  std::deque<Does> turns;
  for (int i = 0; i < 10; ++i) turns.emplace_back([&] { door.pass(); });
  Workers workers({.threads = 1, .threads_max = 8});
  workers.start({});
  for (Does& turn : turns) workers.schedule(&turn);
  Instant at = boot_time();
  for (const int threads : {1, 3, 7, 8}) {
    BOOST_REQUIRE(eventually([&] { return door.waiting == threads; }));
    BOOST_TEST(workers.alive() == threads);
    workers.watch(at);            // sees them in their turns
    workers.watch(at = at + 1s);  // and still there
  }
  door.open();
  BOOST_TEST(workers.stop(boot_time() + 20s));
}

BOOST_AUTO_TEST_SUITE_END()
