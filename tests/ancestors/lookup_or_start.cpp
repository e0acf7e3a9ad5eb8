// To look up or start gives the one actor of a key, whoever asks and how often.
#include <algorithm>

#include "place.hpp"

using namespace ancestors;

namespace {

std::size_t how_many_started(const std::vector<Result<ActorRef<Worker>>>& refs) {
  return static_cast<std::size_t>(std::count_if(refs.begin(), refs.end(), [](const auto& r) { return r && r->started(); }));
}

Task<ActorRef<Worker>> by_coroutine(Registry& registry, std::string key) {
  co_return (co_await registry.lookup_or_start<Worker>(key)).value();  // without arguments of its own, which hold strings
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lookup_or_start, Place)

BOOST_AUTO_TEST_CASE(a_key_that_does_not_run_is_started) {
  const auto started = found_or_started(key("a"));
  BOOST_TEST(started.started());
  BOOST_TEST(same(started, registry().lookup<Worker>(key("a")).get().value()));
}

BOOST_AUTO_TEST_CASE(a_key_that_runs_is_found_and_not_started_again) {
  const auto started = found_or_started(key("a"));
  const auto found = found_or_started(key("a"));
  BOOST_TEST(!found.started());
  BOOST_TEST(same(started, found));
  BOOST_TEST(count() == 1U);
}

BOOST_AUTO_TEST_CASE(different_keys_have_different_actors) {
  const auto a = found_or_started(key("a"));
  const auto b = found_or_started(key("b"));
  BOOST_TEST(found_or_started(key("a")).call(Add{5}).get().value() == 5);
  BOOST_TEST(sum(b) == 0);
  BOOST_TEST(sum(a) == 5);
}

BOOST_AUTO_TEST_CASE(arguments_reach_the_actor_that_they_start) {
  BOOST_TEST(sum(found_or_started(key("a"), {.initial = 7})) == 7);
  BOOST_TEST(sum(found_or_started(key("b"), {.initial = 8})) == 8);
}

BOOST_AUTO_TEST_CASE(arguments_for_one_that_runs_change_nothing) {
  found_or_started(key("a"), {.initial = 7});
  BOOST_TEST(sum(found_or_started(key("a"))) == 7);
  BOOST_TEST(sum(found_or_started(key("a"), {.initial = 9})) == 7);
}

BOOST_AUTO_TEST_CASE(a_start_that_fails_tells_its_reason) {
  const auto failed = registry().lookup_or_start<Worker>(key("a"), {.fault = "refuse"}).get();
  BOOST_REQUIRE((code(failed) == ErrorCode::start_failed));
  BOOST_TEST(failed.error().text.find("refused as asked") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_start_that_fails_leaves_nothing) {
  Marks marks;
  BOOST_TEST((code(registry().lookup_or_start<Worker>(key("a"), {.fault = "refuse", .marks = marks.folder()}).get()) == ErrorCode::start_failed));
  BOOST_TEST((lookup(key("a")) == ErrorCode::not_running));
  BOOST_TEST(count() == 0U);
  BOOST_TEST(eventually([&] { return marks.count() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_start_that_throws_is_a_failed_one) {
  const auto failed = registry().lookup_or_start<Worker>(key("a"), {.fault = "throw"}).get();
  BOOST_REQUIRE((code(failed) == ErrorCode::start_failed));
  BOOST_TEST(failed.error().text.find("thrown as asked") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_failed_start_harms_no_actor_that_runs) {
  std::vector<ActorRef<Worker>> before;
  for (const auto& k : keys(5)) before.push_back(found_or_started(k, {.initial = 1}));
  for (const auto* fault : {"refuse", "throw"}) {
    BOOST_TEST((code(registry().lookup_or_start<Worker>(key("bad"), {.fault = fault}).get()) == ErrorCode::start_failed));
  }
  BOOST_TEST(count() == 5U);
  for (const auto& ref : before) {
    BOOST_TEST(is_alive(ref));
    BOOST_TEST(sum(ref) == 1);
  }
}

BOOST_AUTO_TEST_CASE(after_starts_that_failed_the_key_can_be_started) {
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST((code(registry().lookup_or_start<Worker>(key("a"), {.fault = "refuse"}).get()) == ErrorCode::start_failed));
  }
  BOOST_TEST(sum(found_or_started(key("a"))) == 0);
}

BOOST_AUTO_TEST_CASE(after_a_stop_the_key_is_started_anew_with_new_arguments) {
  const auto first = found_or_started(key("a"), {.initial = 1});
  BOOST_TEST(registry().stop<Worker>(key("a")).get().has_value());
  const auto second = found_or_started(key("a"), {.initial = 2});
  BOOST_TEST(second.started());
  BOOST_TEST((second.fence() > first.fence()));
  BOOST_TEST(sum(second) == 2);
  BOOST_TEST(count() == 1U);
}

BOOST_AUTO_TEST_CASE(of_many_who_ask_for_a_key_at_once_one_starts_it_for_all) {
  Marks marks;
  const auto refs = all_at_once(100, [&](int) { return registry().lookup_or_start<Worker>(key("a"), {.marks = marks.folder()}); });
  for (const auto& ref : refs) BOOST_TEST(same(ref.value(), refs.front().value()));
  BOOST_TEST(how_many_started(refs) == 1U);
  BOOST_TEST(marks.count() == 1U);
}

BOOST_AUTO_TEST_CASE(of_many_who_ask_for_many_keys_at_once_each_gets_its_own) {
  const auto wanted = keys(50);
  const auto refs = all_at_once(50, [&](int i) {
    return registry().lookup_or_start<Worker>(wanted[static_cast<std::size_t>(i)], {.initial = i});
  });
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    BOOST_TEST(refs[i].value().key() == wanted[i]);
    BOOST_TEST(sum(refs[i].value()) == static_cast<std::int64_t>(i));
  }
  BOOST_TEST(how_many_started(refs) == 50U);
  BOOST_TEST(count() == 50U);
}

BOOST_AUTO_TEST_CASE(many_keys_of_one_call_have_an_actor_each) {
  const auto wanted = keys(10);
  const auto refs = registry().lookup_or_start_many<Worker>(wanted).get();
  BOOST_TEST(how_many_started(refs) == 10U);
  for (std::size_t i = 0; i < wanted.size(); ++i) BOOST_TEST(refs[i].value().key() == wanted[i]);
  BOOST_TEST(count() == 10U);
}

BOOST_AUTO_TEST_CASE(those_who_ask_during_a_start_share_it) {
  std::vector<Result<ActorRef<Slow>>> refs;
  std::jthread asks([&] { refs = all_at_once(3, [&](int) { return registry().lookup_or_start<Slow>(key("slow"), {key("door")}); }); });
  BOOST_TEST(somebody_knocks(key("door")));
  const auto late = [&] { return registry().lookup_or_start<Slow>(key("slow"), {key("door")}, {.timeout = 200ms}).get(); };
  BOOST_TEST(gave_up(late()));  // still one start, and nobody makes another
  done(registry().call<Door>(key("door"), Open{}));
  asks.join();
  for (const auto& ref : refs) BOOST_TEST(same(ref.value(), refs.front().value()));
  BOOST_TEST(same(registry().lookup<Slow>(key("slow")).get().value(), refs.front().value()));
}

BOOST_AUTO_TEST_CASE(a_start_that_lasts_delays_no_other_key) {
  const auto running = found_or_started(key("running"));
  std::atomic<bool> over = false;
  registry().lookup_or_start<Slow>(key("slow"), {key("door")}).then([&](const auto&) { over = true; });
  BOOST_TEST(somebody_knocks(key("door")));
  BOOST_TEST(same(found_or_started(key("running")), running));
  BOOST_TEST(found_or_started(key("new")).started());
  BOOST_TEST(!over);
  done(registry().call<Door>(key("door"), Open{}));
  BOOST_TEST(eventually([&] { return over.load(); }));
}

BOOST_AUTO_TEST_CASE(who_gives_up_finds_the_start_that_went_on) {
  const auto give_up = [&] { return registry().lookup_or_start<Slow>(key("slow"), {key("door")}, {.timeout = 100ms}).get(); };
  BOOST_TEST(eventually([&] {  // mostly the first time: the start has begun before its caller gives up
    BOOST_TEST(gave_up(give_up()));
    return registry().call<Door>(key("door"), Knocks{}).get().value() > 0;
  }));
  done(registry().call<Door>(key("door"), Open{}));
  BOOST_TEST(eventually([&] { return lookup<Slow>(key("slow")) == ErrorCode::ok; }));
  BOOST_TEST(!found_or_started<Slow>(key("slow"), {key("door")}).started());
}

BOOST_AUTO_TEST_CASE(a_key_that_runs_is_found_within_a_short_deadline) {
  found_or_started(key("a"));
  // Again and again: what the machine does meanwhile may cost one of them its deadline, and not twenty.
  BOOST_TEST(eventually([&] { return registry().lookup_or_start<Worker>(key("a"), {}, {.timeout = 10ms}).get().has_value(); }));
}

BOOST_AUTO_TEST_CASE(each_form_of_the_call_finds_the_same_actor) {
  const auto blocking = found_or_started(key("a"));
  const auto by_callback = all_at_once(1, [&](int) { return registry().lookup_or_start<Worker>(key("a")); });
  BOOST_TEST(same(by_callback.front().value(), blocking));
  BOOST_TEST(same(wait(by_coroutine(registry(), key("a"))), blocking));
  const auto many = registry().lookup_or_start_many<Worker>(std::vector{key("a")}).get();
  BOOST_TEST(same(many.front().value(), blocking));
}

BOOST_AUTO_TEST_SUITE_END()
