#include "reki/node/registry/local_watch.hpp"

#include <boost/test/unit_test.hpp>
#include <future>

#include "../actor/watched.hpp"
#include "test_actors.hpp"

using namespace test;
using Lines = std::vector<std::string>;

namespace {

struct Fixture {
  explicit Fixture(TypeOptions options = {}) : registry(puppets(stage, std::move(options))) {}

  Stage stage;
  WatchTale told;
  LocalRegistry registry;
  Watch watch;

  void watch_key(const std::string& key) {
    watch = registry.watch(WatchFilter::of_key("puppet", key), told.callback()).value();
  }
  void watch_type() { watch = registry.watch(WatchFilter::of_type("puppet"), told.callback()).value(); }
  void start(const std::string& key) { BOOST_REQUIRE(registry.lookup_or_start<Puppet>(key).get()); }
  void stop(const std::string& key) { BOOST_REQUIRE(registry.stop<Puppet>(key).get()); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(local_watch)

BOOST_FIXTURE_TEST_CASE(a_watcher_is_told_how_a_key_is_and_then_each_step_of_its_life, Fixture) {
  watch_key("k");
  BOOST_TEST((told.take(1) == Lines{"not_running k"}));
  const auto first = registry.lookup_or_start<Puppet>("k").get().value();
  auto events = told.take_events(1);
  BOOST_TEST((events[0].kind == WatchKind::started && events[0].fence == first.fence() && events[0].type == "puppet"));
  BOOST_TEST(events[0].time_ms > 1'700'000'000'000);
  BOOST_TEST((first.call(Crash{"boom"}).get().error().code == ErrorCode::actor_crashed));
  events = told.take_events(2);
  BOOST_REQUIRE(events.size() == 2U);
  BOOST_TEST(WatchTale::line(events[0]) == "crashed(crashed) k");
  BOOST_TEST((events[0].fence == first.fence() && events[0].text == "boom" && events[0].retry_after > Duration{0}));
  BOOST_TEST(WatchTale::line(events[1]) == "restarted k");
  BOOST_TEST((events[1].fence > first.fence()));
  stop("k");
  BOOST_TEST((told.take(1) == Lines{"stopped(stopped) k"}));
  start("k");
  BOOST_REQUIRE(registry.call<Puppet>("k", Leave{}).get());
  BOOST_TEST((told.take(2) == Lines{"started k", "stopped(stopped_self) k"}));
}

BOOST_FIXTURE_TEST_CASE(a_watcher_that_comes_later_is_told_that_it_runs, Fixture) {
  const auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  watch_key("k");
  const auto events = told.take_events(1);
  BOOST_TEST((events[0].kind == WatchKind::running && events[0].fence == ref.fence()));
}

BOOST_FIXTURE_TEST_CASE(other_keys_do_not_concern_a_keys_watcher, Fixture) {
  watch_key("k");
  for (int i = 0; i < 100; ++i) start("other_" + std::to_string(i));
  start("k");
  BOOST_TEST((told.take(2) == Lines{"not_running k", "started k"}));
}

BOOST_AUTO_TEST_CASE(what_passes_away_for_want_of_use_is_told_as_that) {
  Fixture f{TypeOptions{.idle = 1ms}};
  f.watch_key("k");
  f.start("k");
  BOOST_TEST((f.told.take(3) == Lines{"not_running k", "started k", "stopped(passivated) k"}));
}

BOOST_AUTO_TEST_CASE(a_crash_loop_and_a_stop_out_of_it_are_told) {
  Fixture f{TypeOptions{.restart = {.max_restarts = 1, .backoff_max = 1h}}};
  f.watch_key("k");
  f.start("k");
  BOOST_TEST((f.told.take(2) == Lines{"not_running k", "started k"}));
  for (int i = 0; i < 2; ++i) (void)f.registry.call<Puppet>("k", Crash{}).get();
  auto events = f.told.take_events(3);
  BOOST_REQUIRE(events.size() == 3U);
  BOOST_TEST(WatchTale::line(events[2]) == "down(crashed) k");
  BOOST_TEST((events[2].retry_after > 50min));
  WatchTale late;
  const auto second = f.registry.watch(WatchFilter::of_key("puppet", "k"), late.callback()).value();
  BOOST_TEST((late.take(1) == Lines{"down(crashed) k"}));
  f.stop("k");
  BOOST_TEST((f.told.take(1) == Lines{"stopped(stopped) k"}));
  BOOST_TEST((late.take(1) == Lines{"stopped(stopped) k"}));
}

BOOST_AUTO_TEST_CASE(a_stop_that_finds_a_key_in_back_off_is_told) {
  Fixture f{TypeOptions{.restart = {.backoff_initial = 1h, .backoff_max = 1h}}};
  f.watch_key("k");
  for (int i = 0; i < 2; ++i) (void)f.registry.call<Puppet>("k", Crash{}).get();
  const auto events = f.told.take_events(5);
  Lines lines;
  for (const auto& event : events) lines.push_back(WatchTale::line(event));
  BOOST_TEST((lines == Lines{"not_running k", "started k", "crashed(crashed) k", "restarted k", "crashed(crashed) k"}));
  WatchTale late;
  const auto second = f.registry.watch(WatchFilter::of_key("puppet", "k"), late.callback()).value();
  BOOST_TEST((late.take(1) == Lines{"restarting(crashed) k"}));
  f.stop("k");
  const auto stop = f.told.take_events(1).at(0);
  BOOST_TEST(WatchTale::line(stop) == "stopped(stopped) k");
  BOOST_TEST((stop.fence == events.back().fence));
}

BOOST_FIXTURE_TEST_CASE(a_restart_that_fails_is_told_and_a_first_start_that_fails_is_not, Fixture) {
  watch_key("k");
  std::atomic<int> failures{1};
  stage.at_start = [&](const std::string&) {
    if (failures-- > 0) throw std::runtime_error("not yet");
  };
  BOOST_TEST(!registry.lookup_or_start<Puppet>("k").get());
  start("k");
  failures = 1;
  (void)registry.call<Puppet>("k", Crash{}).get();
  const auto events = told.take_events(5);
  Lines lines;
  for (const auto& event : events) lines.push_back(WatchTale::line(event));
  BOOST_TEST((lines == Lines{"not_running k", "started k", "crashed(crashed) k", "crashed(start_failed) k", "restarted k"}));
  BOOST_TEST(events.at(3).text == "not yet");
}

BOOST_AUTO_TEST_CASE(a_crash_that_nothing_follows_is_a_stop) {
  Fixture f{TypeOptions{.restart = {.mode = RestartMode::temporary}}};
  f.watch_key("k");
  (void)f.registry.call<Puppet>("k", Crash{"boom"}).get();
  BOOST_TEST((f.told.take(3) == Lines{"not_running k", "started k", "stopped(crashed) k"}));
}

BOOST_FIXTURE_TEST_CASE(a_type_is_watched_with_all_its_keys, Fixture) {
  watch_type();
  BOOST_TEST((told.take(1) == Lines{"watching"}));
  std::vector<std::string> keys;
  Lines expected;
  for (int i = 0; i < 200; ++i) {
    keys.push_back("k" + std::to_string(i));
    expected.push_back("started " + keys.back());
  }
  for (const auto& ref : registry.lookup_or_start_many<Puppet>(keys).get()) BOOST_REQUIRE(ref);
  auto lines = told.take(200);
  std::ranges::sort(lines);
  std::ranges::sort(expected);
  BOOST_TEST((lines == expected));
}

BOOST_FIXTURE_TEST_CASE(a_registry_that_closes_tells_why_its_actors_stop_and_that_it_ends, Fixture) {
  watch_type();
  start("a");
  start("b");
  told.take(3);
  BOOST_TEST(registry.close(20s));
  auto lines = told.take(3);
  std::sort(lines.begin(), lines.begin() + 2);  // each worker stops its own, in no common order
  BOOST_TEST((lines == Lines{"stopped(closing) a", "stopped(closing) b", "ended(closing)"}));
}

BOOST_AUTO_TEST_CASE(a_watch_may_outlive_its_registry) {
  WatchTale told;
  Watch watch;
  {
    Fixture f;
    watch = f.registry.watch(WatchFilter::of_key("puppet", "k"), told.callback()).value();
  }
  BOOST_TEST((told.take(2) == Lines{"not_running k", "ended(closing) k"}));
}

BOOST_FIXTURE_TEST_CASE(after_a_watch_is_cancelled_nothing_is_told, Fixture) {
  watch_key("k");
  told.take(1);
  watch.cancel();
  start("k");
  stop("k");
  BOOST_TEST(told.size() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_watch_lets_go_of_its_callback, Fixture) {
  auto held = std::make_shared<int>(1);
  watch = registry.watch(WatchFilter::of_key("puppet", "k"), [held](const WatchEvent&) {}).value();
  BOOST_TEST(held.use_count() == 2);
  watch.cancel();
  BOOST_TEST(held.use_count() == 1);
}

BOOST_FIXTURE_TEST_CASE(a_watch_may_be_cancelled_by_its_own_callback, Fixture) {
  std::atomic<int> calls{0};
  watch = registry.watch(WatchFilter::of_key("puppet", "k"), [&](const WatchEvent& event) {
    ++calls;
    if (event.kind == WatchKind::started) watch.cancel();
  }).value();
  start("k");
  BOOST_TEST(eventually([&] { return calls == 2; }));
  stop("k");
  start("k");
  BOOST_TEST(calls == 2);
}

BOOST_FIXTURE_TEST_CASE(cancelling_waits_for_the_callback_that_runs, Fixture) {
  Door door;
  std::atomic<bool> over{false};
  watch = registry.watch(WatchFilter::of_key("puppet", "k"), [&](const WatchEvent& event) {
    if (event.kind != WatchKind::started) return;
    door.pass();
    over = true;
  }).value();
  auto started = std::async(std::launch::async, [&] { return registry.lookup_or_start<Puppet>("k").get().has_value(); });
  BOOST_REQUIRE(eventually([&] { return door.waiting == 1; }));
  auto cancelled = std::async(std::launch::async, [&] {
    watch.cancel();
    return over.load();
  });
  BOOST_TEST((cancelled.wait_for(20ms) == std::future_status::timeout));
  door.open();
  BOOST_TEST(cancelled.get());
  BOOST_TEST(started.get());
}

BOOST_FIXTURE_TEST_CASE(who_is_slow_is_told_how_much_it_has_missed_and_delays_nobody, Fixture) {
  Door door;
  WatchTale slow;
  auto callback = slow.callback();
  std::atomic<bool> held{false};
  watch = registry.watch(WatchFilter::of_type("puppet"), [&](const WatchEvent& event) {
    callback(event);
    if (event.kind == WatchKind::started && !held.exchange(true)) door.pass();
  }).value();
  slow.take(1);
  auto first = std::async(std::launch::async, [&] { return registry.lookup_or_start<Puppet>("first").get().has_value(); });
  BOOST_REQUIRE(eventually([&] { return door.waiting == 1; }));
  const int pairs = static_cast<int>(limits::watch_events_kept_max);
  for (int i = 0; i < pairs; ++i) {
    start("k");
    stop("k");
  }
  start("last");
  door.open();
  BOOST_TEST(first.get());
  const auto events = slow.take_until(WatchKind::watching);
  BOOST_REQUIRE(events.size() > 2U);
  BOOST_TEST(WatchTale::line(events[0]) == "started first");
  BOOST_TEST(WatchTale::line(events[1]) == "missed(fell_behind)");
  const std::size_t told_after = events.size() - 3;  // without "first", "missed" and "watching"
  BOOST_TEST(told_after == limits::watch_events_kept_max);
  BOOST_TEST(events[1].number + told_after == static_cast<std::size_t>(2 * pairs + 1));
  BOOST_TEST(WatchTale::line(events[events.size() - 2]) == "started last");
}

BOOST_FIXTURE_TEST_CASE(each_of_many_watchers_is_told_all_of_a_key_under_load, Fixture) {
  constexpr int watchers = 8;
  constexpr int rounds = 200;
  std::vector<WatchTale> all(watchers);
  std::vector<Watch> watches;
  for (auto& one : all) watches.push_back(registry.watch(WatchFilter::of_key("puppet", "k"), one.callback()).value());
  std::vector<std::jthread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        (void)registry.lookup_or_start<Puppet>("k").get();
        if (t == 0) (void)registry.stop<Puppet>("k").get();
        (void)registry.lookup_or_start<Puppet>("noise" + std::to_string(i)).get();
      }
    });
  }
  threads.clear();
  (void)registry.lookup_or_start<Puppet>("k").get();
  stop("k");
  registry.close(20s);
  for (auto& one : all) {
    const auto events = one.take_until(WatchKind::ended);
    BOOST_REQUIRE(events.size() > std::size_t{2} * rounds);
    Fence last;
    for (std::size_t i = 1; i + 1 < events.size(); ++i) {
      BOOST_TEST((events[i].kind == (i % 2 == 1 ? WatchKind::started : WatchKind::stopped)));
      if (i % 2 == 1) BOOST_TEST((events[i].fence > last));
      if (i % 2 == 0) BOOST_TEST((events[i].fence == last));
      last = events[i].fence;
    }
    BOOST_TEST((events.back().kind == WatchKind::ended));
  }
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_watched_is_refused, Fixture) {
  const auto code = [&](WatchFilter filter) {
    auto result = registry.watch(std::move(filter), told.callback());
    return result ? ErrorCode::ok : result.error().code;
  };
  BOOST_TEST((code(WatchFilter::of_type("nothing")) == ErrorCode::unknown_type));
  BOOST_TEST((code(WatchFilter::of_nodes()) == ErrorCode::unsupported));
  BOOST_TEST((code(WatchFilter::of_key("", "k")) == ErrorCode::invalid_argument));
  BOOST_TEST((code(WatchFilter::of_key("puppet", std::string(2000, 'k'))) == ErrorCode::too_large));
  BOOST_TEST((code(WatchFilter::of_type(std::string(100, 't'))) == ErrorCode::too_large));
}

BOOST_AUTO_TEST_SUITE_END()
