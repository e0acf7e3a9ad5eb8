#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

#include "reki/net/clock.hpp"
#include "reki/node/guard/lease_page.hpp"
#include "test_members.hpp"

using namespace reki;
using namespace std::chrono_literals;
using example::Counter;
using example::Get;
using example::Increment;

namespace {

/// Until it holds, or for so long that it never will.
template <class Condition>
void await(Condition holds) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(membership)

BOOST_AUTO_TEST_CASE(three_nodes_find_each_other_and_share_the_keys) {
  test::Members cluster(3);
  cluster.start_all({"n1", "n2", "n3"});
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

BOOST_AUTO_TEST_CASE(a_node_that_joins_gets_its_share_and_the_keys_that_move_start_with_higher_fences) {
  test::Members cluster(4);
  cluster.start_all({"n1", "n2", "n3"});
  Node& first = *cluster.nodes.front();
  std::map<std::string, Fence> fences;
  for (int i = 0; i < 200; ++i) {
    const auto key = "k" + std::to_string(i);
    const auto ref = first.lookup_or_start<Counter>(key).get();
    BOOST_REQUIRE_MESSAGE(ref.has_value(), test::why(ref));
    fences[key] = ref->fence();
  }
  cluster.start("n4");
  cluster.await_all();
  int moved = 0;
  for (const auto& [key, fence] : fences) {
    const auto ref = first.lookup_or_start<Counter>(key).get();
    BOOST_REQUIRE_MESSAGE(ref.has_value(), test::why(ref));
    const bool here = ref->node().value == "n4";
    moved += here ? 1 : 0;
    BOOST_TEST((here ? ref->fence() > fence : ref->fence() == fence));
  }
  BOOST_TEST(moved > 10);
}

BOOST_AUTO_TEST_CASE(the_keys_of_a_node_that_leaves_go_on_elsewhere_with_the_state_that_was_saved) {
  test::Members cluster(3);
  cluster.start_all({"n1", "n2", "n3"});
  Node& first = *cluster.nodes.front();
  const auto key = cluster.key_of("n3", "diary");
  const auto plain = cluster.key_of("n3");
  for (int i = 0; i < 3; ++i) BOOST_REQUIRE(first.call<test::Diary>(key, test::Write{"x"}).get().has_value());
  BOOST_REQUIRE(first.call<Counter>(plain, Increment{7}).get().has_value());
  const auto before = first.lookup<test::Diary>(key).get();
  BOOST_REQUIRE_MESSAGE(before.has_value(), test::why(before));
  BOOST_TEST(cluster.nodes[2]->stop());
  const auto after = first.lookup<test::Diary>(key).get();
  BOOST_REQUIRE_MESSAGE(after.has_value(), test::why(after));
  BOOST_TEST((after->fence() > before->fence()));
  BOOST_TEST(first.call<test::Diary>(key, test::Write{"y"}).get().value() == "xxxy");
  BOOST_TEST(first.call<Counter>(plain, Get{}).get().value() == 0);
  BOOST_TEST(first.view()->find("n3") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_lease_that_is_over_for_a_moment_keeps_no_node_from_handing_over) {
  LeasePage page;
  test::Members cluster(3);
  for (const auto* id : {"n1", "n2"}) cluster.start(id, {.join_timeout = 0s});
  cluster.start("n3", {.join_timeout = 0s, .page = &page});
  cluster.await_all();
  const auto key = cluster.key_of("n3", "diary");
  BOOST_REQUIRE(cluster.nodes[0]->call<test::Diary>(key, test::Write{"x"}).get().has_value());
  page.set_lease_end(boot_time());  // so it looks if the machine was busy for longer than a lease
  BOOST_TEST(cluster.nodes[2]->stop());
  BOOST_TEST(cluster.nodes[0]->call<test::Diary>(key, test::Write{"y"}).get().value() == "xy");
  cluster.nodes.clear();  // before the page
}

BOOST_AUTO_TEST_CASE(a_node_whose_workers_are_all_stuck_lets_its_keys_go_and_comes_back_when_they_are_not) {
  test::Members cluster(3);
  cluster.config.runtime.workers = 1;
  cluster.config.runtime.blocking_threads = 1;
  cluster.start("n1", {.join_timeout = 0s});
  cluster.start("n2", {.join_timeout = 0s});
  cluster.start("n3", {.join_timeout = 0s, .workers_stuck = 300ms});
  cluster.await_all();
  Node& first = *cluster.nodes.front();
  Node& stuck = *cluster.nodes.back();
  const auto incarnation = stuck.incarnation();
  const auto counter = cluster.key_of("n3");
  BOOST_REQUIRE(first.call<Counter>(counter, Increment{}).get().has_value());
  const auto one = cluster.key_of("n3", "stubborn");
  auto other = one + "x";
  while (*first.owner("stubborn", other) != NodeId{"n3"}) other += 'x';
  // As many as there may be threads; what comes of them is not the question.
  first.call<test::Stubborn>(one, test::Pass{}).then([](auto&&) {});
  first.call<test::Stubborn>(other, test::Pass{}).then([](auto&&) {});
  cluster.gate->await_waiting(2);

  await([&] { return *first.owner("counter", counter) != NodeId{"n3"}; });
  const auto served = first.lookup_or_start<Counter>(counter, {}, {.timeout = 20s}).get();
  BOOST_REQUIRE_MESSAGE(served.has_value(), test::why(served));
  BOOST_TEST(served->node().value != "n3");
  cluster.gate->open();
  await([&] { return stuck.incarnation() != incarnation && stuck.ready(); });
  BOOST_TEST(stuck.incarnation().value != incarnation.value);
  BOOST_TEST(stuck.ready());
}

BOOST_AUTO_TEST_CASE(the_last_node_to_leave_leaves_a_cluster_that_can_be_started_again) {
  test::Members cluster(1);
  cluster.start_all({"n1"});
  BOOST_REQUIRE(cluster.nodes[0]->call<Counter>("k", Increment{1}).get().has_value());
  const auto fence = cluster.nodes[0]->lookup<Counter>("k").get().value().fence();
  BOOST_TEST(cluster.nodes[0]->stop());
  cluster.nodes.clear();
  cluster.start_all({"n1"});
  const auto again = cluster.nodes[0]->lookup_or_start<Counter>("k").get();
  BOOST_REQUIRE_MESSAGE(again.has_value(), test::why(again));
  BOOST_TEST((again->fence() > fence));
}

BOOST_AUTO_TEST_CASE(a_register_that_is_lost_is_replaced_by_an_empty_one_under_a_new_number) {
  test::Members cluster(3);
  cluster.start_all({"n1", "n2", "n3"});
  const auto voter = [](const Node& seen_by, std::string_view id) {
    const auto view = seen_by.view();
    const auto it = std::ranges::find(view->voters(), NodeId{std::string(id)}, &Voter::node);
    return it != view->voters().end() && view->old_voters().empty() ? *it : Voter{};
  };
  const Voter before = voter(*cluster.nodes[0], "n2");
  BOOST_TEST(before.number == 2);
  BOOST_TEST(cluster.nodes[1]->stop());
  cluster.nodes.erase(cluster.nodes.begin() + 1);
  BOOST_REQUIRE(std::filesystem::remove_all(cluster.config.nodes[1].data_dir) > 0);
  Node& back = cluster.start("n2");
  const auto end = boot_time() + 20s;
  const auto replaced = [&](const Node& node) {
    const Voter now = voter(node, "n2");
    return now.number == 4 && now.store != 0 && now.store != before.store;
  };
  while (!(replaced(back) && replaced(*cluster.nodes[0])) && boot_time() < end) std::this_thread::sleep_for(5ms);
  BOOST_TEST(replaced(back));
  BOOST_TEST(replaced(*cluster.nodes[0]));
  // Another one may go now: the new register is half of the majority.
  BOOST_TEST(cluster.nodes[0]->stop());
  const auto after = back.call<Counter>(cluster.key_of("n3"), Increment{1}, {}, {.timeout = 20s}).get();
  BOOST_TEST_REQUIRE(after.has_value(), test::why(after));
  BOOST_TEST(back.wait_until_ready(20s));
}

BOOST_AUTO_TEST_SUITE_END()
