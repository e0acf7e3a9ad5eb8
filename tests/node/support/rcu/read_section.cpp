#include "reki/node/support/rcu/read_section.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "reki/node/support/rcu/rcu_ptr.hpp"
#include "test_actors.hpp"

using namespace reki;
using namespace std::chrono_literals;
using test::eventually;

BOOST_AUTO_TEST_SUITE(read_section)

BOOST_AUTO_TEST_CASE(a_grace_period_is_over_at_once_when_nobody_reads) {
  BOOST_TEST(RcuGracePeriod::begin().is_over());
}

BOOST_AUTO_TEST_CASE(it_lasts_as_long_as_a_section_that_began_before_it_and_no_longer) {
  auto section = std::make_unique<RcuReadSection>();
  const auto period = RcuGracePeriod::begin();
  BOOST_TEST(!period.is_over());
  section.reset();
  BOOST_TEST(period.is_over());
  section = std::make_unique<RcuReadSection>();  // began after it
  BOOST_TEST(period.is_over());
  BOOST_TEST(!RcuGracePeriod::begin().is_over());
}

BOOST_AUTO_TEST_CASE(sections_of_other_threads_count_too) {
  std::atomic<bool> begun{false};
  std::atomic<bool> end{false};
  std::thread reader([&] {
    const RcuReadSection section;
    begun = true;
    eventually([&] { return end.load(); });
  });
  BOOST_TEST(eventually([&] { return begun.load(); }));
  const auto period = RcuGracePeriod::begin();
  BOOST_TEST(!period.is_over());
  end = true;
  BOOST_TEST(eventually([&] { return period.is_over(); }));
  reader.join();
}

BOOST_AUTO_TEST_CASE(threads_that_exist_at_once_have_indices_of_their_own_and_later_ones_have_theirs) {
  const auto index_of_a_thread = [] {
    unsigned out = 0;
    std::thread([&] { out = RcuReadSection().thread_index(); }).join();
    return out;
  };
  BOOST_TEST(index_of_a_thread() == index_of_a_thread());
  BOOST_TEST(index_of_a_thread() != RcuReadSection().thread_index());
}

BOOST_AUTO_TEST_CASE(counts_of_more_threads_than_stripes_add_up) {
  constexpr int threads = 100;
  ReadCount count;
  test::Door door;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      { const RcuReadSection claimed; }
      door.pass();  // so that all of them are there at once
      for (int i = 0; i < 1000; ++i) count.add(RcuReadSection());
    });
  }
  BOOST_TEST(eventually([&] { return door.waiting == threads; }));
  door.open();
  for (auto& thread : all) thread.join();
  BOOST_TEST(count.total() == 1000U * threads);
}

// Each reads an object that is replaced and destroyed all the time: ASan and TSan see it if it is destroyed too early.
BOOST_AUTO_TEST_CASE(nothing_is_destroyed_that_a_section_has_found) {
  struct Pair {
    explicit Pair(int n) : a(n), b(n) {}
    ~Pair() { a = b = -1; }
    int a;
    int b;
  };
  std::atomic<Pair*> now{new Pair(0)};
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::atomic<int> reads{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      while (!over) {
        const RcuReadSection section;
        const Pair& pair = *now.load(std::memory_order_acquire);
        if (pair.a != pair.b || pair.a < 0) ++wrong;
        ++reads;
      }
    });
  }
  for (int i = 1; i < 300 || reads < 10000; ++i) {
    Pair* const old = now.exchange(new Pair(i));
    const auto period = RcuGracePeriod::begin();
    BOOST_REQUIRE(eventually([&] { return period.is_over(); }));
    delete old;
  }
  over = true;
  for (auto& reader : readers) reader.join();
  delete now.load();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(a_replaced_object_is_in_use_while_a_section_reads_it) {
  RcuPtr<int> rcu_ptr(std::make_shared<int>(1));
  std::atomic<int> seen{0};
  test::Door door;
  std::thread reader([&] {
    const RcuReadSection section;
    const int& value = rcu_ptr.read(section);
    seen = value;
    door.pass();
    seen = value + 10;
  });
  BOOST_TEST(eventually([&] { return door.waiting == 1; }));
  auto old = rcu_ptr.replace(std::make_shared<int>(2));
  std::atomic<bool> unused{false};
  std::thread waiter([&] {
    rcu_ptr.wait_until_unused();
    unused = true;
  });
  BOOST_TEST(seen == 1);
  BOOST_TEST(!unused);
  door.open();
  waiter.join();
  old.reset();
  reader.join();
  BOOST_TEST(seen == 11);
  const RcuReadSection section;
  BOOST_TEST(rcu_ptr.read(section) == 2);
}

BOOST_AUTO_TEST_SUITE_END()
