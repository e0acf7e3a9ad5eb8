#include "reki/core/base/cond_var.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

using namespace reki;
using namespace std::chrono_literals;

namespace {

struct Flag {
  Mutex mutex;
  CondVar changed;
  bool is_set ABSL_GUARDED_BY(mutex) = false;

  void set() {
    const MutexLock lock(mutex);
    is_set = true;
    changed.notify_all();
  }
  auto check() {
    return [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return is_set; };
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(cond_var)

BOOST_AUTO_TEST_CASE(who_waits_goes_on_with_the_lock_once_it_is_told) {
  Flag flag;
  std::thread other([&flag] { flag.set(); });
  {
    const MutexLock lock(flag.mutex);
    while (!flag.is_set) flag.changed.wait(flag.mutex);
  }
  {
    const MutexLock lock(flag.mutex);
    flag.changed.wait(flag.mutex, flag.check());
  }
  other.join();
}

BOOST_AUTO_TEST_CASE(a_wait_with_a_time_ends_with_it_and_not_before) {
  Flag flag;
  const MutexLock lock(flag.mutex);
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(!flag.changed.wait_for(flag.mutex, 5ms, flag.check()));
  while (flag.changed.wait_for(flag.mutex, 5ms)) {  // woken for no reason
  }
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= 10ms));
}

BOOST_AUTO_TEST_CASE(a_wait_with_a_time_ends_early_when_it_is_told) {
  Flag flag;
  std::thread other([&flag] { flag.set(); });
  {
    const MutexLock lock(flag.mutex);
    BOOST_TEST(flag.changed.wait_for(flag.mutex, 1min, flag.check()));
  }
  other.join();
}

BOOST_AUTO_TEST_SUITE_END()
