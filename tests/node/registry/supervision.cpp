#include "test_actors.hpp"

using namespace test;

BOOST_AUTO_TEST_SUITE(supervision)

BOOST_AUTO_TEST_CASE(a_restart_keeps_the_key_and_gets_a_higher_fence) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  auto ref = registry.lookup_or_start<Puppet>("k", {.initial = 7}).get().value();
  const auto crash = ref.call(Crash{"division by zero"}).get();
  BOOST_TEST((crash.error().code == ErrorCode::actor_crashed));
  BOOST_TEST(crash.error().text == "division by zero");
  BOOST_TEST(ref.call(Add{1}).get().value() == 8);  // started again with the same arguments
  const auto now = registry.lookup<Puppet>("k").get().value();
  BOOST_TEST((now.fence() > ref.fence()));
  BOOST_TEST((ref.pinned().call(Add{1}).get().error().code == ErrorCode::gone));
  BOOST_TEST(registry.stats().restarts == 1U);
}

BOOST_AUTO_TEST_CASE(in_back_off_callers_are_told_when_or_wait_as_they_ask) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.restart = {.backoff_initial = 200ms, .backoff_max = 200ms}})};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  (void)ref.call(Crash{}).get();  // restarted at once
  BOOST_TEST(ref.call(Add{1}).get().value() == 1);
  (void)ref.call(Crash{"again"}).get();  // restarted after 200 ms
  const auto told = ref.call(Add{1}, {.wait_for_restart = false}).get();
  BOOST_TEST((told.error().code == ErrorCode::restarting));
  BOOST_TEST((told.error().retry_after > 0ms && told.error().retry_after <= 200ms));
  BOOST_TEST(told.error().text == "it crashed: again");
  const auto hopeless = ref.call(Add{1}, {.timeout = 20ms}).get();
  BOOST_TEST((hopeless.error().code == ErrorCode::restarting));
  BOOST_TEST(ref.call(Add{1}).get().value() == 1);
  BOOST_TEST(stage.witness.most() == 1);
}

BOOST_AUTO_TEST_CASE(messages_behind_a_crash_are_handled_by_the_next_start) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  BOOST_TEST(ref.send(Wait{}).get().has_value());
  BOOST_TEST(ref.send(Crash{}).get().has_value());
  for (int i = 0; i < 10; ++i) BOOST_TEST(ref.send(Note{std::to_string(i)}).get().has_value());
  stage.door.open();
  BOOST_TEST(eventually([&] { return stage.witness.notes().size() == 10; }));
  BOOST_TEST(stage.witness.notes().front() == "0");
  BOOST_TEST(stage.witness.births("k") == 2);
}

BOOST_AUTO_TEST_CASE(a_crash_loop_is_said_and_ends) {
  Stage stage;
  LocalRegistry registry{
      puppets(stage, {.restart = {.max_restarts = 2, .backoff_initial = 1ms, .backoff_max = 100ms}})};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST((ref.call(Crash{"loop"}).get().error().code == ErrorCode::actor_crashed));
  }
  const auto told = ref.call(Add{1}).get();
  BOOST_TEST((told.error().code == ErrorCode::crash_loop));
  BOOST_TEST((told.error().retry_after > 0ms));
  BOOST_TEST(registry.count<Puppet>().get().value() == 0U);
  BOOST_TEST(eventually([&] { return ref.call(Add{1}).get().has_value(); }));
}

BOOST_AUTO_TEST_CASE(stopping_a_key_in_a_crash_loop_lets_it_start_again) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.restart = {.max_restarts = 0, .backoff_max = 60s}})};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  (void)ref.call(Crash{}).get();
  BOOST_TEST((ref.call(Add{1}).get().error().code == ErrorCode::crash_loop));
  BOOST_TEST(registry.stop<Puppet>("k").get().has_value());
  BOOST_TEST(ref.call(Add{1}).get().value() == 1);
}

BOOST_AUTO_TEST_CASE(a_restart_that_fails_is_tried_again) {
  Stage stage;
  std::atomic<int> starts = 0;
  stage.at_start = [&](const std::string&) {
    const int n = ++starts;
    if (n == 2 || n == 3) throw std::runtime_error("not yet");
  };
  LocalRegistry registry{puppets(stage, {.restart = {.backoff_initial = 1ms}})};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  (void)ref.call(Crash{}).get();
  BOOST_TEST(ref.call(Add{1}).get().value() == 1);
  BOOST_TEST(starts == 4);
}

BOOST_AUTO_TEST_CASE(temporary_is_never_restarted_and_permanent_even_after_its_own_stop) {
  Stage stage;
  {
    LocalRegistry registry{puppets(stage, {.restart = {.mode = RestartMode::temporary}})};
    auto ref = registry.lookup_or_start<Puppet>("t").get().value();
    (void)ref.call(Crash{}).get();
    BOOST_TEST((registry.lookup<Puppet>("t").get().error().code == ErrorCode::not_running));
  }
  {
    LocalRegistry registry{puppets(stage, {.restart = {.mode = RestartMode::permanent}})};
    auto ref = registry.lookup_or_start<Puppet>("p").get().value();
    BOOST_TEST(ref.call(Leave{}).get().has_value());
    BOOST_TEST(eventually([&] { return stage.witness.births("p") == 2; }));
    BOOST_TEST(registry.lookup<Puppet>("p").get().has_value());
    registry.stop<Puppet>("p").get().value();
    BOOST_TEST((registry.lookup<Puppet>("p").get().error().code == ErrorCode::not_running));
  }
  {
    LocalRegistry registry{puppets(stage)};
    auto ref = registry.lookup_or_start<Puppet>("x").get().value();
    BOOST_TEST(ref.call(Leave{}).get().has_value());
    BOOST_TEST(eventually([&] { return stage.witness.live("x") == 0; }));
    BOOST_TEST(ref.call(Add{1}).get().value() == 1);
    const auto notes = stage.witness.notes();
    BOOST_TEST((std::ranges::count(notes, "stop x stopped_self") == 1));
  }
}

BOOST_AUTO_TEST_CASE(a_stop_during_a_start_waits_for_it_and_the_next_call_starts_anew) {
  Stage stage;
  std::atomic<int> starts = 0;
  stage.at_start = [&](const std::string&) {
    if (++starts == 1) stage.door.pass();
  };
  LocalRegistry registry{puppets(stage)};
  std::atomic<int> started = 0, stopped = 0, later = 0;
  registry.lookup_or_start<Puppet>("k").then([&](auto r) { started = r ? 1 : -1; });
  BOOST_TEST(eventually([&] { return stage.door.waiting == 1; }));
  registry.stop<Puppet>("k").then([&](auto r) { stopped = r ? 1 : -1; });
  registry.call<Puppet>("k", Add{4}).then([&](auto r) { later = r ? static_cast<int>(*r) : -1; });
  BOOST_TEST((registry.lookup<Puppet>("k").get().error().code == ErrorCode::not_running));
  stage.door.open();
  BOOST_TEST(eventually([&] { return started == 1 && stopped == 1 && later == 4; }));
  BOOST_TEST(stage.witness.births("k") == 2);
  BOOST_TEST(stage.witness.most() == 1);
}

BOOST_AUTO_TEST_CASE(a_crash_on_the_way_to_a_stop_is_the_stop) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  BOOST_TEST(ref.send(Wait{}).get().has_value());
  BOOST_TEST(ref.send(Crash{}).get().has_value());
  std::atomic<int> stopped = 0, later = 0;
  registry.stop<Puppet>("k").then([&](auto r) { stopped = r ? 1 : -1; });
  registry.call<Puppet>("k", Add{4}).then([&](auto r) { later = r ? static_cast<int>(*r) : -1; });
  stage.door.open();
  BOOST_TEST(eventually([&] { return stopped == 1 && later == 4; }));
  BOOST_TEST(ref.call(Add{1}).get().value() == 5);
  BOOST_TEST(stage.witness.births("k") == 2);
}

BOOST_AUTO_TEST_CASE(a_stop_does_not_wait_for_more_than_its_grace_of_messages) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.stop_grace = 1ms})};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  BOOST_TEST(ref.send(Wait{}).get().has_value());
  BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));  // or it would start another actor after the stop
  std::atomic<int> stopped = 0, dropped = 0;
  registry.lookup<Puppet>("k").get().value().call(Note{"late"}).then(
      [&](auto r) { dropped = !r && r.error().code == ErrorCode::not_running ? 1 : -1; });
  registry.stop<Puppet>("k").then([&](auto r) { stopped = r ? 1 : -1; });
  std::this_thread::sleep_for(3ms);  // longer than the grace, which is what is tested
  stage.door.open();
  BOOST_TEST(eventually([&] { return stopped == 1 && dropped == 1; }));
}

BOOST_AUTO_TEST_CASE(neighbours_of_an_actor_that_crashes_all_the_time_never_notice) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.restart = {.max_restarts = 1000, .backoff_initial = 1ms, .backoff_max = 2ms}}),
                         {.workers = 2}};
  std::atomic<bool> over = false;
  std::atomic<int> crashes = 0;
  std::thread crasher([&] {
    auto ref = registry.lookup_or_start<Puppet>("crasher").get().value();
    while (!over) {
      if (auto r = ref.call(Crash{}).get(); !r && r.error().code == ErrorCode::actor_crashed) ++crashes;
    }
  });
  int failed = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 100; ++i) {
      if (!registry.call<Puppet>("n" + std::to_string(i), Add{1}).get()) ++failed;
    }
  }
  BOOST_TEST(eventually([&] { return crashes > 10; }));
  over = true;
  crasher.join();
  BOOST_TEST(failed == 0);
  BOOST_TEST(stage.witness.most() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
