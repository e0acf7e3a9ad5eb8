#include "reki/core/activation/activation_events.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace std::chrono_literals;

namespace {

constexpr Instant now{1'000'000'000};
const RestartPolicy once{.max_restarts = 1, .period = 10s, .backoff_initial = 100ms, .backoff_max = 1s};
const RestartPolicy never{.mode = RestartMode::temporary};
const RestartPolicy always{.mode = RestartMode::permanent, .max_restarts = 5};

/// One key that a test takes through its states, with the events that follow from it.
struct Key {
  explicit Key(const RestartPolicy& policy)
      : policies{policy}, table({.shard = 0, .shards = 1, .policies = policies}) {}
  ~Key() {
    if (a == nullptr) return;
    while (Waiter* w = a->waiters.pop()) delete w;
  }

  void start(Instant at = now) {
    if (a == nullptr) {
      Demand demand;
      demand.op = wire::Op::lookup_or_start;
      demand.starts = true;
      const auto verdict = table.request(1, TypeIndex{0}, "k", demand, at);
      BOOST_REQUIRE((verdict.what == ActivationTable::Verdict::What::start));
      a = verdict.activation;
      table.wait(verdict, new Waiter(demand));
    }
    if (a->state == Activation::State::restarting) BOOST_REQUIRE(table.restart_due(*a, at));
    BOOST_REQUIRE(table.begin_start(*a, at));
    const bool again = a->restart;
    drop(table.started(*a, at));
    last = event_of_start(*a, again);
  }
  void end(ExitKind kind, WatchReason reason, Instant at = now) {
    auto after = table.ended(*a, kind, reason == WatchReason::crashed ? "boom" : "", at);
    drop(std::move(after.released));
    last = event_of_end(*a, reason, reason == WatchReason::crashed ? "boom" : "", at);
    if (after.next == ActivationTable::Next::erase) erase();
  }
  void stop() {
    table.close(*a);
    BOOST_TEST((reki::present(a, "k", now).kind == WatchKind::running));  // until it has stopped
    auto after = table.stopped(*a);
    drop(std::move(after.released));
    last = event_of_end(*a, WatchReason::stopped, {}, now);
    erase();
  }
  void erase() { table.erase(*std::exchange(a, nullptr)); }
  static void drop(WaiterList list) {
    while (Waiter* w = list.pop()) delete w;
  }
  WatchEvent present(Instant at = now) const { return reki::present(a, "k", at); }

  std::vector<RestartPolicy> policies;
  ActivationTable table;
  Activation* a = nullptr;
  WatchEvent last;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(activation_events)

BOOST_AUTO_TEST_CASE(a_start_and_a_stop_name_the_start_that_they_are_about) {
  Key key(once);
  BOOST_TEST((key.present().kind == WatchKind::not_running && key.present().key == "k"));
  key.start();
  BOOST_TEST((key.last.kind == WatchKind::started && key.last.key == "k"));
  const Fence fence = key.last.fence;
  BOOST_TEST(fence.start().value == 1U);
  BOOST_TEST((key.present().kind == WatchKind::running && key.present().fence == fence));
  key.stop();
  BOOST_TEST((key.last.kind == WatchKind::stopped && key.last.reason == WatchReason::stopped));
  BOOST_TEST((key.last.fence == fence && key.last.retry_after == Duration{0}));
  BOOST_TEST((key.present().kind == WatchKind::not_running));
}

BOOST_AUTO_TEST_CASE(a_crash_says_what_follows_it) {
  Key key(once);
  key.start();
  key.end(ExitKind::crashed, WatchReason::crashed);
  BOOST_TEST((key.last.kind == WatchKind::crashed && key.last.reason == WatchReason::crashed && key.last.text == "boom"));
  BOOST_TEST(key.last.retry_after.count() == 1);  // at once
  BOOST_TEST((key.present().kind == WatchKind::restarting && key.present().text == "boom"));
  const Fence first = key.last.fence;
  key.start();
  BOOST_TEST((key.last.kind == WatchKind::restarted && key.last.fence > first));
  key.end(ExitKind::crashed, WatchReason::crashed);
  BOOST_TEST((key.last.kind == WatchKind::down && key.last.text == "boom" && key.last.retry_after == 1s));
  BOOST_TEST((key.present().kind == WatchKind::down && key.present().retry_after == 1s));
  BOOST_TEST((key.present(now + 1s).kind == WatchKind::not_running));
}

BOOST_AUTO_TEST_CASE(a_crash_without_a_restart_is_a_stop) {
  Key key(never);
  key.start();
  key.end(ExitKind::crashed, WatchReason::crashed);
  BOOST_TEST((key.last.kind == WatchKind::stopped && key.last.reason == WatchReason::crashed && key.last.text == "boom"));
  BOOST_TEST(key.last.retry_after.count() == 0);
}

BOOST_AUTO_TEST_CASE(an_actor_that_stops_itself_under_permanent_has_stopped_and_not_crashed) {
  Key key(always);
  key.start();
  key.end(ExitKind::stopped_itself, WatchReason::stopped_self);
  BOOST_TEST((key.last.kind == WatchKind::stopped && key.last.reason == WatchReason::stopped_self));
  BOOST_TEST(key.last.retry_after.count() == 1);
  key.start();
  BOOST_TEST((key.last.kind == WatchKind::restarted));
}

BOOST_AUTO_TEST_CASE(a_back_off_is_told_with_what_is_left_of_it) {
  Key key(RestartPolicy{.max_restarts = 5, .backoff_initial = 100ms});
  for (int i = 0; i < 2; ++i) {
    key.start();
    key.end(ExitKind::crashed, WatchReason::crashed);
  }
  BOOST_TEST((key.last.kind == WatchKind::crashed && key.last.retry_after == 100ms));
  BOOST_TEST((key.present(now + 30ms).retry_after == 70ms));
  BOOST_TEST((key.present(now + 30ms).kind == WatchKind::restarting));
}

BOOST_AUTO_TEST_CASE(a_first_start_under_way_is_not_running_yet) {
  Activation a;
  BOOST_TEST((present(&a, "k", now).kind == WatchKind::not_running));
  a.restart = true;
  BOOST_TEST((present(&a, "k", now).kind == WatchKind::restarting));
  a.state = Activation::State::stopping;  // a stop that found it in back-off
  BOOST_TEST((present(&a, "k", now).kind == WatchKind::restarting));
}

BOOST_AUTO_TEST_CASE(a_long_text_is_cut_between_characters) {
  Activation a;
  a.state = Activation::State::stopping;
  const auto event = event_of_end(a, WatchReason::crashed, std::string(255, 'x') + "ü and more", now);
  BOOST_TEST(event.text == std::string(255, 'x'));
}

BOOST_AUTO_TEST_SUITE_END()
