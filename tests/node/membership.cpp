#include <boost/test/unit_test.hpp>
#include <future>

#include "test_members.hpp"

using namespace reki;
using namespace std::chrono_literals;
using example::Counter;
using example::Get;
using example::Increment;

BOOST_AUTO_TEST_SUITE(membership)

BOOST_AUTO_TEST_CASE(three_nodes_find_each_other_and_share_the_keys) {
  test::Members cluster(3);
  for (const auto* id : {"n1", "n2", "n3"}) cluster.start(id, {.join_timeout = 0s});
  for (auto& node : cluster.nodes) BOOST_REQUIRE_MESSAGE(node->wait_until_ready(20s), node->why_not_ready());
  for (const auto* owner : {"n1", "n2", "n3"}) {
    const auto key = cluster.key_of(owner);
    std::int64_t expected = 0;
    for (auto& through : cluster.nodes) {
      const auto value = through->call<Counter>(key, Increment{1}).get();
      BOOST_REQUIRE_MESSAGE(value.has_value(), test::why(value));
      BOOST_TEST(*value == ++expected);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
