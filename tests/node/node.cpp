#include "reki/node/node.hpp"

#include <boost/test/unit_test.hpp>
#include <future>
#include <set>

#include "raw_peer.hpp"
#include "reki/client/client.hpp"
#include "test_nodes.hpp"

using namespace reki;
using namespace std::chrono_literals;
using example::Counter;
using example::Get;
using example::Increment;

BOOST_AUTO_TEST_SUITE(node)

BOOST_AUTO_TEST_CASE(keys_of_other_nodes_are_reached_through_any_node) {
  test::Cluster cluster({"n1", "n2", "n3"});
  for (const auto& owner : {"n1", "n2", "n3"}) {
    const auto key = cluster.key_of(owner);
    std::int64_t expected = 0;
    for (auto& through : cluster.nodes) {
      auto counter = through->lookup_or_start<Counter>(key).get();
      BOOST_REQUIRE_MESSAGE(counter.has_value(), test::why(counter));
      BOOST_TEST(counter->node().value == owner);
      BOOST_TEST(counter->started() == (expected == 0));
      BOOST_TEST(counter->call(Increment{2}).get().value() == (expected += 2));
      BOOST_TEST(through->owner("counter", key).value().value == owner);
    }
  }
}

BOOST_AUTO_TEST_CASE(many_keys_count_and_list_as_one_cluster) {
  test::Cluster cluster({"n1", "n2", "n3"});
  std::vector<std::string> keys;
  for (int i = 0; i < 300; ++i) keys.push_back("user_" + std::to_string(i));
  for (const auto& ref : cluster.nodes[0]->lookup_or_start_many<Counter>(keys).get()) BOOST_REQUIRE(ref.has_value());
  for (auto& through : cluster.nodes) {
    BOOST_TEST(through->count<Counter>().get().value() == keys.size());
    std::multiset<std::string> seen;
    const auto visited = through->for_each<Counter>([&](std::string_view key) { seen.emplace(key); });
    BOOST_TEST(visited.value() == keys.size());
    BOOST_TEST((seen == std::multiset<std::string>(keys.begin(), keys.end())));
    BOOST_TEST(through->count<Counter>("user_1").get().value() == 111U);
  }
  const auto page = cluster.nodes[0]->list<Counter>({}, "nonsense").get();
  BOOST_REQUIRE(!page.has_value());
  BOOST_TEST((page.error().code == ErrorCode::invalid_argument));
}

BOOST_AUTO_TEST_CASE(an_actor_reaches_actors_of_other_nodes) {
  test::Cluster cluster({"n1", "n2"});
  const auto horn = cluster.key_of("n1", "horn");
  const auto counter = cluster.key_of("n2");
  BOOST_REQUIRE(cluster.nodes[0]->call<test::Horn>(horn, test::Relay{counter}).get().has_value());
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (cluster.nodes[1]->call<Counter>(counter, Get{}).get().value_or(0) != 5) {
    BOOST_REQUIRE(std::chrono::steady_clock::now() < give_up);
  }
}

BOOST_AUTO_TEST_CASE(what_a_crashed_handler_sent_to_another_node_never_leaves) {
  test::Cluster cluster({"n1", "n2"});
  const auto horn = cluster.key_of("n1", "horn");
  const auto counter = cluster.key_of("n2");
  const auto crashed = cluster.nodes[0]->call<test::Horn>(horn, test::Relay{counter, true}).get();
  BOOST_REQUIRE(!crashed.has_value());
  BOOST_TEST((crashed.error().code == ErrorCode::actor_crashed));
  // What is sent later on the same way arrives later, so that the first would be there by then.
  std::string other = counter;
  while (other == counter || cluster.nodes[0]->owner("counter", other).value().value != "n2") other += "'";
  BOOST_REQUIRE(cluster.nodes[0]->call<test::Horn>(horn, test::Relay{other, false}).get().has_value());
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (cluster.nodes[1]->call<Counter>(other, Get{}).get().value_or(0) != 5) {
    BOOST_REQUIRE(std::chrono::steady_clock::now() < give_up);
  }
  BOOST_TEST((cluster.nodes[1]->lookup<Counter>(counter).get().error().code == ErrorCode::not_running));
}

BOOST_AUTO_TEST_CASE(a_client_that_names_no_cluster_talks_to_the_one_at_its_address) {
  test::Cluster cluster({"n1", "n2"});
  const auto client = Client::connect({.cluster = "", .addresses = {cluster.nodes[0]->address()}, .name = "person"});
  BOOST_REQUIRE_MESSAGE(client.has_value(), test::why(client));
  BOOST_TEST((*client)->view()->cluster_id() == "test");
  for (const auto* owner : {"n1", "n2"}) {
    BOOST_TEST((*client)->call<Counter>(cluster.key_of(owner), Increment{3}).get().value() == 3);
  }
}

BOOST_AUTO_TEST_CASE(a_client_and_the_nodes_see_the_same_actors) {
  test::Cluster cluster({"n1", "n2", "n3"});
  const auto client = Client::connect({.cluster = "test", .addresses = {cluster.nodes[1]->address()}, .name = "t"});
  BOOST_REQUIRE_MESSAGE(client.has_value(), test::why(client));
  for (int i = 0; i < 50; ++i) {
    const auto key = "user_" + std::to_string(i);
    BOOST_TEST((*client)->call<Counter>(key, Increment{3}).get().value() == 3);
    BOOST_TEST(cluster.nodes[0]->call<Counter>(key, Get{}).get().value() == 3);
  }
  BOOST_TEST((*client)->count<Counter>().get().value() == 50U);
}

BOOST_AUTO_TEST_CASE(a_node_that_does_not_answer_is_unreachable_within_the_deadline) {
  test::Cluster cluster({"n1", "n2"});
  const auto key = cluster.key_of("n2");
  cluster.nodes[1]->stop();
  const auto began = std::chrono::steady_clock::now();
  const auto answer = cluster.nodes[0]->lookup<Counter>(key, {.timeout = 300ms}).get();
  BOOST_TEST((std::chrono::steady_clock::now() - began < 2s));
  BOOST_REQUIRE(!answer.has_value());
  BOOST_TEST((answer.error().code == ErrorCode::unreachable));
}

BOOST_AUTO_TEST_CASE(a_callback_of_a_forwarded_call_must_not_block) {
  test::Cluster cluster({"n1", "n2"});
  const auto key = cluster.key_of("n2");
  std::promise<ErrorCode> code;
  cluster.nodes[0]->lookup_or_start<Counter>(key).then([&](auto ref) {
    const auto inner = ref->call(Get{}).get();
    code.set_value(inner ? ErrorCode::ok : inner.error().code);
  });
  BOOST_TEST((code.get_future().get() == ErrorCode::would_block));
}

BOOST_AUTO_TEST_CASE(in_a_child_of_fork_what_an_actor_asks_of_its_cluster_is_answered_with_an_error_at_once) {
  test::Cluster cluster({"n1", "n2"});
  const auto forks = cluster.key_of("n1", "gated");
  for (const auto* owner : {"n1", "n2"}) {
    const auto key = cluster.key_of(owner);
    BOOST_REQUIRE(cluster.nodes[0]->lookup_or_start<Counter>(key).get().has_value());
    BOOST_TEST(cluster.nodes[0]->call<test::Gated>(forks, test::Fork{key}, {}, {.timeout = 30s}).get().value() == 0);
  }
}

BOOST_AUTO_TEST_CASE(an_actor_that_is_told_to_stop_is_listed_until_its_end_and_found_by_no_look_up) {
  auto gate = std::make_shared<test::Gate>();
  test::Cluster cluster({"n1"}, gate);
  Registry& node = *cluster.nodes[0];
  node.call<test::Gated>("k", test::Pass{}).then([](auto&&) {});
  gate->await_waiting(1);
  std::promise<bool> stopped;
  node.stop<test::Gated>("k").then([&](auto fence) { stopped.set_value(fence.has_value()); });
  const auto found = node.lookup<test::Gated>("k").get();
  BOOST_REQUIRE(!found.has_value());
  BOOST_TEST((found.error().code == ErrorCode::not_running));
  BOOST_TEST(node.count<test::Gated>().get().value() == 1U);
  BOOST_TEST((node.list<test::Gated>().get().value().keys == std::vector<std::string>{"k"}));
  gate->open();
  BOOST_TEST(stopped.get_future().get());
  BOOST_TEST(node.count<test::Gated>().get().value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_stop_waits_for_answers_of_other_nodes) {
  auto gate = std::make_shared<test::Gate>();
  test::Cluster cluster({"n1", "n2"}, gate, {.stop_grace = 60s});
  std::promise<bool> answered;
  cluster.nodes[0]->call<test::Gated>(cluster.key_of("n2", "gated"), test::Pass{}, {}, {.timeout = 1min}).then([&](auto answer) {
    answered.set_value(answer.has_value());
  });
  gate->await_waiting(1);
  auto stopped = std::async(std::launch::async, [&] { return cluster.nodes[0]->stop(); });
  BOOST_TEST((stopped.wait_for(2 * limits::closing_time_max) == std::future_status::timeout));
  gate->open();
  BOOST_TEST(answered.get_future().get());
  BOOST_TEST(stopped.get());
}

BOOST_AUTO_TEST_CASE(a_stop_ends_calls_to_other_nodes_that_outlast_its_grace) {
  auto gate = std::make_shared<test::Gate>();
  test::Cluster cluster({"n1", "n2"}, gate, {.stop_grace = 2s});
  const auto key = cluster.key_of("n2", "gated");
  std::promise<ErrorCode> code;
  cluster.nodes[0]->call<test::Gated>(key, test::Pass{}, {}, {.timeout = 1min}).then([&](auto answer) {
    code.set_value(answer ? ErrorCode::ok : answer.error().code);
  });
  gate->await_waiting(1);
  BOOST_TEST(cluster.nodes[0]->ready());
  BOOST_TEST(cluster.nodes[0]->stop());
  BOOST_TEST(!cluster.nodes[0]->ready());
  BOOST_TEST((code.get_future().get() == ErrorCode::unknown_outcome));
  const auto after = cluster.nodes[0]->lookup<Counter>(cluster.key_of("n2")).get();
  BOOST_TEST((after.error().code == ErrorCode::shutting_down));
  gate->open();
}

BOOST_AUTO_TEST_CASE(a_taken_address_is_named_with_the_remedy) {
  const auto first = test::start(test::config_of({"n1"}), "n1");
  const auto second = Node::start(test::config_of({"n1"}, first->address()), "n1", test::factories(), {.fixed_view = true});
  BOOST_REQUIRE(!second.has_value());
  BOOST_TEST((second.error().code == ErrorCode::address_in_use));
  BOOST_TEST((second.error().text.find(first->address()) != std::string::npos));
  BOOST_TEST((second.error().text.find("in use") != std::string::npos));
}

BOOST_AUTO_TEST_CASE(an_address_of_no_interface_here_is_refused) {
  const auto node = Node::start(test::config_of({"n1"}, "tcp://192.0.2.1:7101"), "n1", test::factories(),
                                {.fixed_view = true});
  BOOST_REQUIRE(!node.has_value());
  BOOST_TEST((node.error().code == ErrorCode::address_in_use));
}

BOOST_AUTO_TEST_CASE(a_name_may_be_listened_on) {
  const auto node = test::start(test::config_of({"n1"}, "tcp://localhost:0"), "n1");
  RawPeer peer(node->address());
  BOOST_TEST(peer.greet().node == "n1");
}

BOOST_AUTO_TEST_CASE(a_node_that_is_not_in_the_config_is_refused) {
  const auto node = Node::start(test::config_of({"n1"}), "n2", test::factories());
  BOOST_REQUIRE(!node.has_value());
  BOOST_TEST((node.error().code == ErrorCode::bad_config));
}

BOOST_AUTO_TEST_SUITE_END()
