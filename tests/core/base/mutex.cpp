#include "reki/core/base/mutex.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

using namespace reki;

namespace {

struct Counter {
  Mutex mutex;
  int value ABSL_GUARDED_BY(mutex) = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mutex)

BOOST_AUTO_TEST_CASE(two_threads_that_take_it_lose_no_step) {
  Counter counter;
  const auto count = [&counter] {
    for (int i = 0; i < 20000; ++i) {
      const MutexLock lock(counter.mutex);
      counter.value = counter.value + 1;
    }
  };
  std::thread other(count);
  count();
  other.join();
  const MutexLock lock(counter.mutex);
  const int value = counter.value;
  BOOST_TEST(value == 40000);
}

BOOST_AUTO_TEST_CASE(another_thread_gets_it_while_it_is_let_go) {
  Counter counter;
  const MutexLock lock(counter.mutex);
  counter.value = 1;
  counter.mutex.unlock();
  std::thread([&counter] {
    const MutexLock lock_there(counter.mutex);
    counter.value = 2;
  }).join();
  counter.mutex.lock();
  const int value = counter.value;
  BOOST_TEST(value == 2);
}

BOOST_AUTO_TEST_SUITE_END()
