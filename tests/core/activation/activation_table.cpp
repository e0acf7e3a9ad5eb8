#include "reki/core/activation/activation_table.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <map>
#include <random>
#include <set>

using namespace reki;
using namespace std::chrono_literals;
using What = ActivationTable::Verdict::What;
using Next = ActivationTable::Next;
using State = Activation::State;
using wire::Op;

namespace {

constexpr Instant start{1'000'000'000};
const TypeIndex counter{0};

struct Caller final : Waiter {
  using Waiter::Waiter;
};

Demand demand(Op op, bool starts = false, Instant deadline = start + 5s) {
  Demand out;
  out.op = op;
  out.starts = starts;
  out.deadline = deadline;
  return out;
}
Demand get_or_start() { return demand(Op::lookup_or_start, true); }

/// One table with one type, and short words for what tests do with it.
struct Fixture {
  std::vector<RestartPolicy> policies{RestartPolicy{.max_restarts = 2}};
  ActivationTable table{{.policies = policies}};
  std::set<Waiter*> waiting;

  ~Fixture() {
    for (Waiter* w : waiting) delete w;
  }
  ActivationTable::Verdict ask(std::string_view key, const Demand& d, Instant now = start) {
    const auto verdict = table.request(std::hash<std::string_view>{}(key), counter, key, d, now);
    if (verdict.what == What::wait || verdict.what == What::start || verdict.what == What::stop) {
      auto* w = new Caller(d);
      waiting.insert(w);
      table.wait(verdict, w);
    }
    return verdict;
  }
  std::size_t release(WaiterList list) {
    std::size_t n = 0;
    for (; Waiter* w = list.pop(); ++n) {
      waiting.erase(w);
      delete w;
    }
    return n;
  }
  Activation& live(std::string_view key) {
    Activation& a = *ask(key, get_or_start()).activation;
    BOOST_REQUIRE(table.begin_start(a, start));
    release(table.started(a, start));
    return a;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(activation_table, Fixture)

BOOST_AUTO_TEST_CASE(a_start_whose_beginner_has_given_up_is_the_next_ones) {
  auto first = demand(Op::start, true, start + 1s);
  auto second = demand(Op::lookup_or_start, true, start + 5s);
  first.origin = {Incarnation{1}, RequestId{1}};
  second.origin = {Incarnation{2}, RequestId{1}};
  Activation& a = *ask("k", first).activation;
  ask("k", second);
  BOOST_REQUIRE(table.begin_start(a, start + 2s));
  BOOST_TEST((a.starter == second.origin));
  int begin = 0;
  WaiterList waiters = table.started(a, start + 2s);
  while (Waiter* w = waiters.pop()) {
    begin += w->begins ? 1 : 0;
    BOOST_TEST((!w->begins || w->origin == second.origin));
    waiting.erase(w);
    delete w;
  }
  BOOST_TEST(begin == 1);
}

BOOST_AUTO_TEST_CASE(what_is_pinned_to_a_start_that_is_over_does_not_wait_for_the_next) {
  Activation& a = live("k");
  auto pinned = demand(Op::call);
  pinned.pin = a.fence;
  BOOST_TEST((ask("k", pinned).what == What::deliver));
  auto after = table.ended(a, ExitKind::crashed, "boom", start);
  release(std::move(after.released));
  BOOST_REQUIRE((after.next == Next::start));
  BOOST_TEST((ask("k", pinned).code == ErrorCode::gone));
  BOOST_REQUIRE(table.begin_start(a, start));
  BOOST_TEST((ask("k", pinned).code == ErrorCode::gone));
  // Of the start that runs it may be: its timers are.
  pinned.pin = a.fence;
  BOOST_TEST((ask("k", pinned).what == What::wait));
}

BOOST_AUTO_TEST_CASE(a_repeat_finds_what_its_first_try_has_come_to_and_does_nothing) {
  auto begun = get_or_start();
  begun.origin = {Incarnation{1}, RequestId{1}};
  Activation& a = *ask("k", begun).activation;
  BOOST_REQUIRE(table.begin_start(a, start));
  release(table.started(a, start));
  const Fence first = a.fence;
  auto stop = demand(Op::stop);
  stop.origin = {Incarnation{1}, RequestId{2}};
  BOOST_REQUIRE((ask("k", stop).what == What::stop));
  auto after = table.stopped(a);
  release(std::move(after.released));
  BOOST_REQUIRE((after.next == Next::erase));
  table.erase(a);

  BOOST_TEST((ask("k", begun).what == What::repeated));
  BOOST_TEST((ask("k", begun).fence == first));
  live("k");
  const auto again = ask("k", stop);
  BOOST_TEST((again.what == What::repeated && again.fence == first && !again.started));
  BOOST_TEST((table.find(std::hash<std::string_view>{}("k"), counter, "k")->state == State::live));
}

BOOST_AUTO_TEST_CASE(the_first_request_starts_and_the_others_wait_for_that_start) {
  const auto first = ask("k", get_or_start());
  BOOST_TEST((first.what == What::start));
  for (int i = 0; i < 10; ++i) BOOST_TEST((ask("k", get_or_start()).what == What::wait));
  BOOST_TEST((ask("k", demand(Op::lookup)).what == What::wait));
  BOOST_TEST((ask("k", demand(Op::start, true)).what == What::wait));
  Activation& a = *first.activation;
  BOOST_TEST(table.begin_start(a, start));
  BOOST_TEST(release(table.started(a, start)) == 13U);
  BOOST_TEST((ask("k", demand(Op::start, true)).code == ErrorCode::already_started));
  BOOST_TEST((a.state == State::live));
  BOOST_TEST((ask("k", get_or_start()).what == What::found));
  BOOST_TEST((ask("k", demand(Op::call)).what == What::deliver));
  BOOST_TEST(table.size() == 1U);
}

BOOST_AUTO_TEST_CASE(nothing_but_a_start_makes_an_entry) {
  for (const Op op : {Op::lookup, Op::stop, Op::call, Op::send}) {
    BOOST_TEST((ask("k", demand(op)).code == ErrorCode::not_running));
  }
  Demand pinned = demand(Op::call, true);
  pinned.pin = Fence{5};
  BOOST_TEST((ask("k", pinned).code == ErrorCode::gone));
  BOOST_TEST(table.size() == 0U);
}

BOOST_AUTO_TEST_CASE(fences_grow_with_every_start_of_a_slot_and_with_its_epoch) {
  Activation& a = live("k");
  const Fence first = a.fence;
  const SlotId slot = a.slot();
  table.close(a);
  BOOST_TEST((table.stopped(a).next == Next::erase));
  table.erase(a);
  BOOST_TEST((live("k").fence > first));
  table.acquire(slot, Epoch{9});
  Activation& b = *table.find(std::hash<std::string_view>{}("k"), counter, "k");
  table.close(b);
  BOOST_TEST((table.stopped(b).next == Next::erase));
  table.erase(b);
  BOOST_TEST((live("k").fence == Fence::make(Epoch{9}, StartNumber{1})));
}

BOOST_AUTO_TEST_CASE(a_start_that_nobody_waits_for_any_more_never_begins) {
  Activation& a = *ask("k", demand(Op::lookup_or_start, true, start + 1s)).activation;
  ask("k", demand(Op::lookup, false, start + 9s));  // a look-up alone starts nothing
  BOOST_TEST(release(table.expire(start + 2s)) == 1U);
  BOOST_TEST(!table.begin_start(a, start + 2s));
  auto after = table.start_failed(a, "", start + 2s);
  BOOST_TEST((after.next == Next::erase));
  BOOST_TEST(release(std::move(after.released)) == 1U);
  table.erase(a);
  BOOST_TEST(table.size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_failed_first_start_leaves_nothing_and_a_failed_restart_is_tried_again) {
  Activation& a = *ask("k", get_or_start()).activation;
  BOOST_TEST(table.begin_start(a, start));
  auto failed = table.start_failed(a, "no", start);
  BOOST_TEST((failed.next == Next::erase));
  release(std::move(failed.released));
  table.erase(a);

  Activation& b = live("k");
  BOOST_TEST((table.ended(b, ExitKind::crashed, "boom", start).next == Next::start));  // the first is at once
  BOOST_TEST(table.begin_start(b, start));
  BOOST_TEST((table.start_failed(b, "no", start).next == Next::nothing));
  BOOST_TEST((b.state == State::restarting));
  BOOST_TEST((b.due() == start + 10ms));
}

BOOST_AUTO_TEST_CASE(in_back_off_one_waits_if_the_deadline_allows_and_else_is_told_when) {
  Activation& a = live("k");
  (void)table.ended(a, ExitKind::crashed, "one", start);
  BOOST_TEST(table.begin_start(a, start));
  release(table.started(a, start));
  BOOST_TEST((table.ended(a, ExitKind::crashed, "two", start).next == Next::nothing));
  const auto hopeless = ask("k", demand(Op::call, true, start + 5ms));
  BOOST_TEST((hopeless.code == ErrorCode::restarting));
  BOOST_TEST((hopeless.retry_after == 10ms));
  Demand impatient = get_or_start();
  impatient.fail_if_restarting = true;
  BOOST_TEST((ask("k", impatient).code == ErrorCode::restarting));
  BOOST_TEST((ask("k", demand(Op::lookup)).what == What::wait));
  BOOST_TEST(!table.restart_due(a, start + 9ms));
  BOOST_TEST(table.restart_due(a, start + 10ms));
  BOOST_TEST(table.begin_start(a, start + 10ms));
  BOOST_TEST(release(table.started(a, start + 10ms)) == 1U);
  BOOST_TEST(a.restarts() == 2U);
  BOOST_TEST(a.last_error() == "two");
}

BOOST_AUTO_TEST_CASE(a_crash_loop_refuses_until_it_is_over_or_stopped) {
  Activation& a = live("k");
  for (int i = 0; i < 2; ++i) {
    (void)table.ended(a, ExitKind::crashed, "boom", start);
    if (a.state == State::restarting) BOOST_TEST(table.restart_due(a, a.due()));
    BOOST_TEST(table.begin_start(a, start));
    release(table.started(a, start));
  }
  BOOST_TEST((table.ended(a, ExitKind::crashed, "boom", start).next == Next::nothing));
  BOOST_TEST((a.state == State::down));
  BOOST_TEST((ask("k", get_or_start()).code == ErrorCode::crash_loop));
  BOOST_TEST((ask("k", get_or_start()).retry_after == 30s));
  BOOST_TEST(table.count(counter) == 0U);
  BOOST_TEST(table.forget_crash_loops(start + 29s) == 0U);
  BOOST_TEST(table.forget_crash_loops(start + 30s) == 1U);
  BOOST_TEST((ask("k", get_or_start()).what == What::start));
}

BOOST_AUTO_TEST_CASE(who_comes_during_a_stop_gets_a_start_of_its_own_or_not_running) {
  Activation& a = live("k");
  BOOST_TEST((ask("k", demand(Op::stop)).what == What::stop));
  BOOST_TEST((ask("k", demand(Op::stop)).what == What::wait));
  BOOST_TEST((ask("k", demand(Op::lookup)).code == ErrorCode::not_running));
  BOOST_TEST((ask("k", demand(Op::call)).code == ErrorCode::not_running));
  BOOST_TEST((ask("k", demand(Op::call, true)).what == What::wait));
  auto after = table.stopped(a);
  BOOST_TEST((after.next == Next::start));
  BOOST_TEST(release(std::move(after.released)) == 2U);
  BOOST_TEST(table.begin_start(a, start));
  BOOST_TEST(release(table.started(a, start)) == 1U);
  BOOST_TEST((a.state == State::live));
}

BOOST_AUTO_TEST_CASE(a_retry_of_a_start_is_not_a_second_start) {
  Demand d = demand(Op::start, true);
  d.origin = {Incarnation{7}, RequestId{1}};
  Activation& a = *ask("k", d).activation;
  BOOST_TEST((ask("k", d).what == What::wait));
  BOOST_TEST(table.begin_start(a, start));
  release(table.started(a, start));
  BOOST_TEST((ask("k", d).what == What::found));
  BOOST_TEST(ask("k", d).started);
  d.origin.id = RequestId{2};
  BOOST_TEST((ask("k", d).code == ErrorCode::already_started));
}

BOOST_AUTO_TEST_CASE(a_repeat_that_comes_while_its_start_is_stopped_starts_no_other) {
  Demand d = get_or_start();
  d.origin = {Incarnation{7}, RequestId{1}};
  Activation& a = *ask("k", d).activation;
  BOOST_TEST(table.begin_start(a, start));
  const Fence first = a.fence;
  release(table.started(a, start));
  BOOST_TEST((ask("k", demand(Op::stop)).what == What::stop));
  const auto repeated = ask("k", d);
  BOOST_TEST((repeated.what == What::repeated && repeated.fence == first && repeated.started));
  auto after = table.stopped(a);
  release(std::move(after.released));
  BOOST_TEST((after.next == Next::erase));
}

BOOST_AUTO_TEST_CASE(who_comes_to_begin_a_start_has_its_repeats_wait_for_that_one) {
  Activation& a = *ask("k", demand(Op::lookup_or_start, true, start + 1s)).activation;
  Demand d = get_or_start();
  d.origin = {Incarnation{7}, RequestId{1}};
  (void)ask("k", d);
  (void)ask("k", demand(Op::stop));
  (void)ask("k", d);  // behind the stop
  BOOST_TEST(table.begin_start(a, start + 2s));
  BOOST_TEST(release(table.started(a, start + 2s)) == 3U);
  auto after = table.stopped(a);
  release(std::move(after.released));
  BOOST_TEST((after.next == Next::erase));
}

BOOST_AUTO_TEST_CASE(a_start_that_is_abandoned_before_it_has_begun_may_be_asked_for_again) {
  Activation& a = live("k");
  BOOST_TEST((ask("k", demand(Op::stop)).what == What::stop));
  Demand d = get_or_start();
  d.origin = {Incarnation{7}, RequestId{1}};
  BOOST_TEST((ask("k", d).what == What::wait));
  auto after = table.stopped(a);
  release(std::move(after.released));
  BOOST_TEST((after.next == Next::start));
  BOOST_TEST(release(table.abandon(a)) == 1U);
  table.erase(a);
  BOOST_TEST((ask("k", d).what == What::start));
}

BOOST_AUTO_TEST_CASE(a_restart_that_is_told_to_stop_does_not_forget_who_had_started_it) {
  Demand d = get_or_start();
  d.origin = {Incarnation{7}, RequestId{1}};
  Activation& a = *ask("k", d).activation;
  BOOST_TEST(table.begin_start(a, start));
  const Fence first = a.fence;
  release(table.started(a, start));
  BOOST_TEST((table.ended(a, ExitKind::crashed, "x", start).next == Next::start));
  (void)ask("k", demand(Op::stop));
  auto after = table.start_failed(a, "x", start);
  release(std::move(after.released));
  BOOST_TEST((after.next == Next::erase));
  table.erase(a);
  const auto repeated = ask("k", d);
  BOOST_TEST((repeated.what == What::repeated && repeated.fence == first));
}

BOOST_AUTO_TEST_CASE(the_waiters_of_a_key_are_bounded) {
  ActivationTable small{{.policies = policies, .waiters_max = 2}};
  const auto request = [&] { return small.request(1, counter, "k", get_or_start(), start); };
  auto verdict = request();
  Caller one, two;
  small.wait(verdict, &one);
  verdict = request();
  BOOST_TEST((verdict.what == What::wait));
  small.wait(verdict, &two);
  BOOST_TEST((request().code == ErrorCode::overloaded));
  while (verdict.activation->waiters.pop() != nullptr) {
  }
}

BOOST_AUTO_TEST_CASE(a_start_with_too_many_waiters_for_a_stop_to_wait_can_be_ended_all_the_same) {
  ActivationTable small{{.policies = policies, .waiters_max = 1}};
  const auto started = small.request(1, counter, "k", get_or_start(), start);
  Activation& a = *started.activation;
  Caller one(get_or_start());
  small.wait(started, &one);
  BOOST_TEST((small.request(1, counter, "k", demand(Op::stop), start).code == ErrorCode::overloaded));
  small.stop_when_started(a);
  BOOST_TEST(small.begin_start(a, start));
  auto waiters = small.started(a, start);
  BOOST_TEST((waiters.pop() == &one));
  BOOST_TEST((a.state == State::stopping));
}

BOOST_AUTO_TEST_CASE(the_least_recently_used_is_found_even_if_use_was_not_listed) {
  Activation& a = live("a");
  Activation& b = live("b");
  Activation& c = live("c");
  a.used = start.ns + 30;
  b.used = start.ns + 10;
  c.used = start.ns + 20;
  BOOST_TEST(table.least_recently_used(counter) == &b);
  c.used = start.ns + 40;
  b.used = start.ns + 50;
  BOOST_TEST(table.least_recently_used(counter) == &a);
  table.close(a);
  BOOST_TEST(table.least_recently_used(counter) == &c);
  BOOST_TEST(table.live(counter) == 2U);
  BOOST_TEST(table.count(counter) == 3U);  // it is still on its way out
}

// Random requests and events against a runtime in miniature: nobody waits for ever, nobody is released twice, and
// between its begin_start and its end a key has exactly one actor.
BOOST_AUTO_TEST_CASE(whatever_happens_every_waiter_is_released_once_and_no_key_has_two_actors) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Fixture f;
      std::mt19937 random(seed);
      const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
      std::map<std::string, int> running;
      Instant now = start;
      const std::vector<std::string> keys{"a", "b", "c"};
      const auto follow = [&](Activation& a, ActivationTable::After after) {
        f.release(std::move(after.released));
        if (after.next == Next::erase) f.table.erase(a);
      };
      for (int step = 0; step < 400; ++step) {
        now = now + std::chrono::milliseconds(pick(20));
        const std::string& key = keys[static_cast<std::size_t>(pick(3))];
        const Op ops[] = {Op::lookup_or_start, Op::lookup, Op::start, Op::stop, Op::call};
        if (pick(2) == 0) {
          const Op op = ops[pick(5)];
          const bool starts = op == Op::lookup_or_start || op == Op::start || (op == Op::call && pick(2) == 0);
          f.ask(key, demand(op, starts, now + std::chrono::milliseconds(1 + pick(100))), now);
          continue;
        }
        f.release(f.table.expire(now));
        Activation* a = f.table.find(std::hash<std::string_view>{}(key), counter, key);
        if (a == nullptr) continue;
        switch (a->state) {
          case State::starting:
            if (!f.table.begin_start(*a, now) || pick(4) == 0) {
              follow(*a, f.table.start_failed(*a, "no", now));
            } else {
              BOOST_REQUIRE(++running[key] == 1);
              f.release(f.table.started(*a, now));
            }
            break;
          case State::live:
            if (pick(3) == 0) {
              f.table.close(*a);
            } else {
              --running[key];
              follow(*a, f.table.ended(*a, pick(2) == 0 ? ExitKind::crashed : ExitKind::stopped_itself, "boom", now));
            }
            break;
          case State::restarting:
            (void)f.table.restart_due(*a, now);
            break;
          case State::stopping:
            running[key] = 0;
            follow(*a, pick(4) == 0 ? f.table.ended(*a, ExitKind::crashed, "late", now) : f.table.stopped(*a));
            break;
          case State::down:
            f.table.forget_crash_loops(now);
            break;
        }
      }
      f.release(f.table.expire(Instant::never()));
      BOOST_TEST(f.waiting.empty());
      BOOST_TEST(!f.table.has_waiters());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
