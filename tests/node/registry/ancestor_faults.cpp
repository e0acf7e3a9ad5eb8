// The faults of the library that reki descends from (product.md), each reproduced there and impossible here.
#include "test_actors.hpp"

using namespace test;

BOOST_AUTO_TEST_SUITE(ancestor_faults)

BOOST_AUTO_TEST_CASE(one_after_crashes_and_kills_there_is_exactly_one_actor_for_a_key) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.restart = {.backoff_initial = 1ms}})};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  const auto first = ref.start_number();
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST((ref.call(Crash{}).get().error().code == ErrorCode::actor_crashed));
    BOOST_TEST(ref.call(Add{1}).get().value() == 1);  // a new start, the same key
  }
  BOOST_TEST(stage.witness.live("k") == 1);
  BOOST_TEST(stage.witness.most() == 1);
  const auto again = registry.lookup_or_start<Puppet>("k").get().value();
  BOOST_TEST(!again.started());
  BOOST_TEST((again.start_number() > first));
  BOOST_TEST(registry.count<Puppet>().get().value() == 1U);
}

BOOST_AUTO_TEST_CASE(two_crashes_of_some_keys_never_end_another) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.restart = {.max_restarts = 2, .period = 5s}})};
  auto neighbour = registry.lookup_or_start<Puppet>("neighbour").get().value();
  neighbour.call(Add{7}).get().value();
  for (int i = 0; i < 30; ++i) {
    auto crasher = registry.lookup_or_start<Puppet>("c" + std::to_string(i)).get().value();
    (void)crasher.call(Crash{}).get();
    BOOST_TEST(crasher.call(Add{1}).get().value_or(-1) == 1);  // its first crash, whatever others did: restarted at once
  }
  BOOST_TEST(neighbour.call(Add{1}).get().value() == 8);
  BOOST_TEST(stage.witness.births("neighbour") == 1);
}

BOOST_AUTO_TEST_CASE(three_a_slow_start_delays_no_other_key) {
  Stage stage;
  stage.at_start = [&](const std::string& key) {
    if (key.starts_with("slow")) stage.door.pass();
  };
  // More slow starts than workers.
  LocalRegistry registry{puppets(stage), {.workers = 2}};
  std::atomic<int> answered = 0;
  for (int i = 0; i < 6; ++i) {
    registry.lookup_or_start<Puppet>("slow" + std::to_string(i)).then([&](auto r) { answered += r.has_value() ? 1 : 0; });
  }
  for (int i = 0; i < 50; ++i) {
    BOOST_TEST(registry.call<Puppet>("fast" + std::to_string(i), Add{1}).get().value() == 1);
  }
  BOOST_TEST(answered == 0);
  stage.door.open();
  BOOST_TEST(eventually([&] { return answered == 6; }));
}

BOOST_AUTO_TEST_CASE(four_a_ref_that_is_handed_out_was_live_after_the_call_began) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.restart = {.mode = RestartMode::temporary}})};
  for (int i = 0; i < 200; ++i) {
    auto ref = registry.lookup_or_start<Puppet>("k").get().value();
    BOOST_TEST((ref.call(Crash{}).get().error().code == ErrorCode::actor_crashed));
    // The crash has been answered, so the dead actor must not be found any more.
    const auto found = registry.lookup<Puppet>("k").get();
    BOOST_TEST((!found && found.error().code == ErrorCode::not_running));
    BOOST_TEST(registry.call<Puppet>("k", Add{1}).get().value() == 1);
    BOOST_TEST(registry.stop<Puppet>("k").get().has_value());
  }
}

BOOST_AUTO_TEST_CASE(five_a_start_that_has_not_begun_by_the_deadline_never_begins) {
  Stage stage;
  stage.at_start = [&](const std::string& key) {
    if (key == "first") stage.door.pass();
  };
  // One worker and nobody to stand in for it, so that the second start cannot begin.
  LocalRegistry registry{puppets(stage), {.workers = 1, .blocking_threads_max = 0}};
  registry.lookup_or_start<Puppet>("first").then([](auto) {});
  BOOST_TEST(eventually([&] { return stage.door.waiting == 1; }));
  const auto late = registry.lookup_or_start<Puppet>("second", {}, {.timeout = 30ms}).get();
  BOOST_TEST((late.error().code == ErrorCode::deadline_exceeded));
  stage.door.open();
  BOOST_TEST(registry.lookup_or_start<Puppet>("third").get().has_value());
  BOOST_TEST(stage.witness.births("second") == 0);
  BOOST_TEST((registry.lookup<Puppet>("second").get().error().code == ErrorCode::not_running));
}

BOOST_AUTO_TEST_CASE(five_a_retry_with_the_same_request_id_finds_the_first_ones_result) {
  Stage stage;
  HostedRegistry registry{puppets(stage)};
  const auto start = [&](std::uint64_t id) {
    wire::Request request;
    request.id = RequestId{id};
    request.op = wire::Op::start;
    request.remaining_ms = 5000;
    request.type = "puppet";
    request.key = "k";
    request.args = BytesView{};
    return serve(registry, request, Incarnation{42});
  };
  const auto first = start(1);
  BOOST_TEST(first.started);
  const auto retry = start(1);
  BOOST_TEST(retry.ok());
  BOOST_TEST(retry.started);
  BOOST_TEST((retry.fence == first.fence));
  BOOST_TEST((start(2).code == ErrorCode::already_started));
  BOOST_TEST(stage.witness.births("k") == 1);
}

BOOST_AUTO_TEST_CASE(six_two_registries_share_nothing) {
  Stage one, two;
  LocalRegistry a{puppets(one)};
  LocalRegistry b{puppets(two)};
  BOOST_TEST(a.call<Puppet>("k", Add{1}).get().value() == 1);
  BOOST_TEST((b.lookup<Puppet>("k").get().error().code == ErrorCode::not_running));
  BOOST_TEST(b.call<Puppet>("k", Add{5}).get().value() == 5);
  BOOST_TEST(a.call<Puppet>("k", Add{1}).get().value() == 2);
}

BOOST_AUTO_TEST_CASE(seven_lookup_without_start_stop_list_and_count_are_there) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  BOOST_TEST((registry.lookup<Puppet>("a").get().error().code == ErrorCode::not_running));
  BOOST_TEST(registry.count<Puppet>().get().value() == 0U);
  for (const auto* key : {"a", "b", "ab"}) registry.start<Puppet>(key).get().value();
  BOOST_TEST((registry.start<Puppet>("a").get().error().code == ErrorCode::already_started));
  BOOST_TEST(registry.count<Puppet>().get().value() == 3U);
  BOOST_TEST(registry.count<Puppet>("a").get().value() == 2U);
  std::set<std::string> keys;
  BOOST_TEST(registry.for_each<Puppet>([&](std::string_view key) { keys.emplace(key); }).value() == 3U);
  BOOST_TEST((keys == std::set<std::string>{"a", "ab", "b"}));
  BOOST_TEST(registry.stop<Puppet>("a").get().has_value());
  BOOST_TEST((registry.stop<Puppet>("a").get().error().code == ErrorCode::not_running));
  BOOST_TEST(stage.witness.live("a") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
