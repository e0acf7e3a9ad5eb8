#include "reki/node/support/rcu/rcu_ptr.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <latch>
#include <memory>
#include <thread>

using namespace reki;

namespace {

struct Number {
  explicit Number(int v) : value(v) {}  // clang 14 knows no aggregates in parentheses
  int value;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(rcu_ptr)

BOOST_AUTO_TEST_CASE(who_has_replaced_it_waits_for_the_uses_that_began_before_and_for_no_others) {
  RcuPtr<Number> pointer(std::make_shared<Number>(1));
  std::latch is_used(1);
  std::latch goes_on(1);
  std::atomic<int> seen{0};
  std::atomic<bool> is_unused{false};
  std::thread user([&] {
    const auto use = pointer.use();
    is_used.count_down();
    goes_on.wait();
    seen = use->value;
  });
  is_used.wait();
  const auto before = pointer.replace(std::make_shared<Number>(2));
  std::thread waiter([&] {
    pointer.wait_until_unused();
    is_unused = true;
  });
  BOOST_TEST(!is_unused);
  BOOST_TEST(pointer.use()->value == 2);
  goes_on.count_down();
  user.join();
  waiter.join();
  BOOST_TEST(seen == 1);
  BOOST_TEST((before->value == 1 && pointer.share()->value == 2));
}

BOOST_AUTO_TEST_CASE(while_nobody_uses_it_nobody_waits) {
  RcuPtr<Number> pointer(std::make_shared<Number>(1));
  for (int i = 0; i < 3; ++i) BOOST_TEST(pointer.use()->value == 1);
  pointer.wait_until_unused();
}

BOOST_AUTO_TEST_SUITE_END()
