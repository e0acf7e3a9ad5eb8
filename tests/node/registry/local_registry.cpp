#include "reki/node/registry/local_registry.hpp"

#include "reki/node/guard/lease_page.hpp"
#include "reki/node/registry/shards/cluster_hooks.hpp"
#include "seeded_schedule.hpp"
#include "test_actors.hpp"

using namespace test;

namespace {

struct Stranger {
  static constexpr std::string_view type = "stranger";
  using Messages = reki::Messages<Add>;
};

struct Spin {
  static constexpr std::string_view name = "spin";
};
struct Flooder {
  static constexpr std::string_view type = "flooder";
  using Messages = reki::Messages<Spin>;
};
std::atomic<bool> stop_flood;
std::atomic<std::int64_t> spins;

/// Sends itself a message for each that it handles.
class FlooderActor final : public Actor<Flooder> {
 public:
  void on(const Spin&, Context& context) {
    ++spins;
    if (!stop_flood) context.send<Flooder>(context.key(), Spin{});
  }
};

struct AskFor {
  static constexpr std::string_view name = "ask_for";
  using Reply = std::int64_t;
  std::string key;
  static constexpr auto fields = reki::fields("key", &AskFor::key);
};
struct Asker {
  static constexpr std::string_view type = "asker";
  using Messages = reki::Messages<AskFor>;
};

/// Waits for a puppet's answer in its handler.
class AskerActor final : public Actor<Asker> {
 public:
  std::int64_t on(const AskFor& m, Context& context) {
    context.send<Puppet>(m.key, Add{10});  // leaves before what is asked then
    return context.registry().call<Puppet>(m.key, Add{1}).get().value_or(-1);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(local_registry)

BOOST_AUTO_TEST_CASE(a_handler_that_may_block_gets_the_answer_that_it_waits_for) {
  Stage stage;
  Factories factories = puppets(stage);
  factories.add<AskerActor>({.blocking = true});
  LocalRegistry registry(std::move(factories));
  BOOST_TEST(registry.call<Asker>("a", AskFor{"p"}).get().value() == 11);
}

BOOST_AUTO_TEST_CASE(the_first_look_up_starts_and_the_second_finds_the_same_actor) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  auto ref = registry.lookup_or_start<Puppet>("user_123", {.initial = 10}).get().value();
  BOOST_TEST(ref.started());
  BOOST_TEST(ref.call(Add{2}).get().value() == 12);
  auto again = registry.lookup_or_start<Puppet>("user_123", {.initial = 99}).get().value();
  BOOST_TEST(!again.started());
  BOOST_TEST((again.fence() == ref.fence()));
  BOOST_TEST(again.call(Add{0}).get().value() == 12);
}

BOOST_AUTO_TEST_CASE(a_thousand_callers_of_one_new_key_share_one_start) {
  Stage stage;
  stage.at_start = [&](const std::string&) { stage.door.pass(); };
  LocalRegistry registry{puppets(stage), {.workers = 2}};
  std::atomic<int> answered = 0, started = 0;
  std::mutex mutex;
  std::set<std::uint64_t> fences;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) {
        registry.lookup_or_start<Puppet>("hot").then([&](auto r) {
          const std::lock_guard lock(mutex);
          if (r && r->started()) ++started;
          if (r) fences.insert(r->fence().value);
          ++answered;
        });
      }
    });
  }
  for (auto& t : threads) t.join();
  stage.door.open();
  BOOST_TEST(eventually([&] { return answered == 1000; }));
  BOOST_TEST(started == 1);
  BOOST_TEST(fences.size() == 1U);
  BOOST_TEST(stage.witness.births("hot") == 1);
}

BOOST_AUTO_TEST_CASE(a_failed_start_tells_every_waiter_why_and_leaves_nothing) {
  Stage stage;
  std::atomic<bool> broken = true;
  stage.at_start = [&](const std::string&) {
    if (!broken) return;
    stage.door.pass();
    throw std::runtime_error("no database");
  };
  LocalRegistry registry{puppets(stage)};
  std::atomic<int> told = 0, waiting = 0;
  for (int i = 0; i < 10; ++i) {
    ++waiting;
    registry.call<Puppet>("k", Add{1}).then([&](auto r) {
      if (!r && r.error().code == ErrorCode::start_failed && r.error().text == "no database") ++told;
      --waiting;
    });
  }
  stage.door.open();
  BOOST_TEST(eventually([&] { return waiting == 0; }));
  BOOST_TEST(told == 10);
  BOOST_TEST(registry.count<Puppet>().get().value() == 0U);
  broken = false;
  BOOST_TEST(registry.call<Puppet>("k", Add{1}).get().value() == 1);
}

BOOST_AUTO_TEST_CASE(wrong_requests_are_answered_and_not_obeyed) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  const auto code = [](const auto& r) { return r ? ErrorCode::ok : r.error().code; };
  BOOST_TEST((code(registry.lookup_or_start<Puppet>("").get()) == ErrorCode::invalid_argument));
  BOOST_TEST((code(registry.lookup_or_start<Puppet>(std::string(1024, 'k')).get()) == ErrorCode::ok));
  BOOST_TEST((code(registry.lookup_or_start<Puppet>(std::string(1025, 'k')).get()) == ErrorCode::too_large));
  BOOST_TEST((code(registry.lookup<Puppet>("k", {.timeout = 0s}).get()) == ErrorCode::invalid_argument));
  BOOST_TEST((code(registry.list<Puppet>("", "", 0).get()) == ErrorCode::invalid_argument));
  BOOST_TEST((code(registry.list<Puppet>("", "zzzz", 1).get()) == ErrorCode::invalid_argument));
  BOOST_TEST((code(registry.lookup_or_start<Stranger>("k").get()) == ErrorCode::unknown_type));
  BOOST_TEST((code(registry.describe("stranger").get()) == ErrorCode::unknown_type));
  BOOST_TEST(registry.describe().get().value().at(0).type == "puppet");
  BOOST_TEST(registry.count<Puppet>().get().value() == 1U);
}

BOOST_AUTO_TEST_CASE(encoded_messages_are_the_same_as_typed_ones) {
  Stage stage;
  HostedRegistry registry{puppets(stage)};
  const auto call = [&](std::string_view message, BytesView payload) {
    wire::Request request;
    request.id = RequestId{1};
    request.op = wire::Op::call;
    request.remaining_ms = 5000;
    request.type = "puppet";
    request.key = "k";
    request.args = BytesView{};
    request.message = message;
    request.payload = payload;
    return serve(registry, request, Incarnation{1});
  };
  BOOST_TEST((call("nonsense", "").code == ErrorCode::unknown_message));
  BOOST_TEST(registry.count<Puppet>().get().value() == 0U);  // a wrong message starts nothing
  const auto sum = call("add", pack(Add{5}));
  BOOST_TEST(sum.ok());
  BOOST_TEST(sum.started);
  BOOST_TEST(unpack<std::int64_t>(sum.payload).value() == 5);
  BOOST_TEST((call("add", "\x91\xa1x").code == ErrorCode::malformed_message));
  BOOST_TEST((call("refuse", "").code == ErrorCode::refused));
  BOOST_TEST(registry.call<Puppet>("k", Add{1}).get().value() == 6);
}

BOOST_AUTO_TEST_CASE(an_actors_own_error_is_no_crash) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  const auto r = ref.call(Refuse{}).get();
  BOOST_TEST((r.error().code == ErrorCode::refused));
  BOOST_TEST(r.error().text == "not today");
  BOOST_TEST(stage.witness.births("k") == 1);
}

BOOST_AUTO_TEST_CASE(messages_of_one_sender_stay_in_order_and_a_stop_comes_after_them) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  for (int i = 0; i < 500; ++i) BOOST_TEST(ref.send(Note{std::to_string(i)}).get().has_value());
  registry.stop<Puppet>("k").get().value();
  auto notes = stage.witness.notes();
  BOOST_REQUIRE(notes.size() == 501U);
  bool in_order = true;
  for (int i = 0; i < 500; ++i) in_order = in_order && notes[i] == std::to_string(i);
  BOOST_TEST(in_order);
  BOOST_TEST(notes.back() == "stop k stopped");
}

BOOST_AUTO_TEST_CASE(a_ref_from_lookup_or_start_starts_again_and_one_from_lookup_never_does) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  auto starter = registry.lookup_or_start<Puppet>("k", {.initial = 5}).get().value();
  auto finder = registry.lookup<Puppet>("k").get().value();
  auto pinned = starter.pinned();
  BOOST_TEST(pinned.call(Add{1}).get().value() == 6);
  registry.stop<Puppet>("k").get().value();
  BOOST_TEST((finder.call(Add{1}).get().error().code == ErrorCode::not_running));
  BOOST_TEST((pinned.call(Add{1}).get().error().code == ErrorCode::gone));
  BOOST_TEST(starter.call(Add{1}).get().value() == 6);
  BOOST_TEST(finder.call(Add{1}).get().value() == 7);
  BOOST_TEST((pinned.call(Add{1}).get().error().code == ErrorCode::gone));
}

BOOST_AUTO_TEST_CASE(what_a_handler_sends_leaves_when_it_returns_and_not_if_it_throws) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.restart = {.backoff_initial = 1ms}})};
  BOOST_TEST(registry.call<Puppet>("a", Forward{"b", false}).get().has_value());
  BOOST_TEST(eventually([&] { return registry.call<Puppet>("b", Add{0}).get().value() == 100; }));
  BOOST_TEST((registry.call<Puppet>("a", Forward{"c", true}).get().error().code == ErrorCode::actor_crashed));
  BOOST_TEST((registry.lookup<Puppet>("c").get().error().code == ErrorCode::not_running));
}

BOOST_AUTO_TEST_CASE(a_full_mailbox_refuses_the_newest) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.mailbox = 3})};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  BOOST_TEST(ref.send(Wait{}).get().has_value());
  BOOST_TEST(eventually([&] { return stage.door.waiting == 1; }));
  for (int i = 0; i < 3; ++i) BOOST_TEST(ref.send(Note{"kept"}).get().has_value());
  const auto refused = ref.send(Note{"lost"}).get();
  BOOST_TEST((refused.error().code == ErrorCode::overloaded));
  stage.door.open();
  BOOST_TEST(eventually([&] { return stage.witness.notes().size() == 3; }));
  BOOST_TEST(registry.stats().overloaded == 1U);
}

BOOST_AUTO_TEST_CASE(a_call_whose_handler_is_slow_ends_at_its_deadline_with_an_unknown_outcome) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  const auto begun = ref.call(Wait{}, {.timeout = 30ms}).get();
  BOOST_TEST((begun.error().code == ErrorCode::unknown_outcome));
  // In the callback form too, which nobody waits for.
  std::atomic<int> code = 0;
  ref.call(Add{1}, {.timeout = 30ms}).then([&](auto r) { code = static_cast<int>(r.error().code); });
  BOOST_TEST(eventually([&] { return code != 0; }));
  stage.door.open();
  BOOST_TEST(ref.call(Add{5}).get().value() == 5);  // the late Add was never begun
}

BOOST_AUTO_TEST_CASE(an_actor_that_floods_itself_does_not_starve_the_others) {
  stop_flood = false;
  spins = 0;
  Stage stage;
  auto factories = puppets(stage);
  factories.add<FlooderActor>();
  LocalRegistry registry{std::move(factories), {.workers = 1}};
  BOOST_TEST(registry.send<Flooder>("f", Spin{}).get().has_value());
  BOOST_TEST(eventually([&] { return spins > 1000; }));
  for (int i = 0; i < 100; ++i) BOOST_TEST(registry.call<Puppet>("k", Add{1}).get().has_value());
  stop_flood = true;
}

BOOST_AUTO_TEST_CASE(a_timer_sends_to_its_own_start_and_to_no_later_one) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.restart = {.backoff_initial = 1ms}})};
  auto ref = registry.lookup_or_start<Puppet>("k").get().value();
  BOOST_TEST(ref.call(Remind{1, "first"}).get().has_value());
  BOOST_TEST(eventually([&] { return !stage.witness.notes().empty(); }));
  BOOST_TEST(ref.call(Remind{40, "never"}).get().has_value());
  (void)ref.call(Crash{}).get();
  BOOST_TEST(ref.call(Remind{80, "second"}).get().has_value());
  BOOST_TEST(eventually([&] { return stage.witness.notes().size() == 2; }));
  BOOST_TEST(stage.witness.notes()[1] == "second");
}

BOOST_AUTO_TEST_CASE(an_idle_actor_is_passivated_and_the_next_call_starts_it_again) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.idle = 20ms})};
  auto ref = registry.lookup_or_start<Puppet>("k", {.initial = 3}).get().value();
  ref.call(Add{1}).get().value();
  BOOST_TEST(eventually([&] { return stage.witness.live("k") == 0; }));
  BOOST_TEST(stage.witness.notes().at(0) == "stop k passivated");
  BOOST_TEST(ref.call(Add{1}).get().value() == 4);
}

BOOST_AUTO_TEST_CASE(a_call_that_races_passivation_is_neither_lost_nor_doubled) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.idle = 1ms}), {.workers = 2}};
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  constexpr std::size_t callers = 3, calls = 300;
  for (std::size_t t = 0; t < callers; ++t) {
    threads.emplace_back([&, t] {
      auto ref = registry.lookup_or_start<Puppet>("k").get().value();
      for (std::size_t i = 0; i < calls; ++i) {
        if (!ref.call(Note{"n" + std::to_string(t) + "." + std::to_string(i)}).get()) ++failed;
        if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(i % 7));  // lets it go idle
      }
    });
  }
  for (auto& t : threads) t.join();
  BOOST_TEST(failed == 0);
  std::multiset<std::string> handled;
  for (auto& note : stage.witness.notes()) {
    if (note.starts_with("n")) handled.insert(note);
  }
  BOOST_TEST(handled.size() == callers * calls);
  BOOST_TEST((std::set<std::string>(handled.begin(), handled.end()).size()) == callers * calls);
  BOOST_TEST(stage.witness.most() == 1);
  BOOST_TEST(registry.stats().passivations > 0U);
}

BOOST_AUTO_TEST_CASE(above_the_cap_the_least_recently_used_is_passivated) {
  // On virtual time: with threads the oldest may be busy yet, between its answer and the end of its turn, and another goes.
  Stage stage;
  sim::SeededSchedule schedule(1);
  RuntimeOptions runs;
  runs.executor = schedule.executors();
  LocalRegistry registry{puppets(stage, {.cap = 3}), runs};
  for (const auto* key : {"a", "b", "c", "a", "d"}) {  // b is the oldest when d comes
    registry.call<Puppet>(key, Add{1}).get().value();
    schedule.run_for(1ms);
  }
  schedule.run_for(100ms);
  BOOST_TEST(stage.witness.live("b") == 0);
  BOOST_TEST(stage.witness.live("a") + stage.witness.live("c") + stage.witness.live("d") == 3);
}

BOOST_AUTO_TEST_CASE(many_keys_are_listed_in_pages_each_exactly_once) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  std::vector<std::string> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back("key" + std::to_string(i));
  for (const auto& r : registry.lookup_or_start_many<Puppet>(keys).get()) BOOST_TEST(r.has_value());
  for (const std::size_t limit : {1, 7, 1000, 5000}) {
    std::set<std::string> seen;
    std::size_t total = 0;
    Bytes cursor;
    do {
      auto page = registry.list<Puppet>("", cursor, limit).get().value();
      BOOST_TEST(page.keys.size() <= limit);
      total += page.keys.size();
      seen.insert(page.keys.begin(), page.keys.end());
      cursor = page.cursor;
    } while (!cursor.empty());
    BOOST_TEST(total == 1000U);
    BOOST_TEST(seen.size() == 1000U);
  }
  for (const auto& r : registry.stop_many<Puppet>(keys).get()) BOOST_TEST(r.has_value());
  BOOST_TEST(registry.count<Puppet>().get().value() == 0U);
}

BOOST_AUTO_TEST_CASE(closing_stops_all_youngest_first_and_a_new_registry_starts_clean) {
  Stage stage;
  {
    LocalRegistry registry{puppets(stage), {.workers = 1, .blocking_threads_max = 0}};  // nobody stands in for it
    for (int i = 0; i < 20; ++i) registry.call<Puppet>("k" + std::to_string(i), Add{1}).get().value();
    registry.call<Puppet>("k0", Add{1}).get().value();  // the turns of the others are over then
    auto ref = registry.lookup_or_start<Puppet>("k0").get().value();
    BOOST_TEST(registry.close(5s));
    BOOST_TEST((ref.call(Add{1}).get().error().code == ErrorCode::shutting_down));
    BOOST_TEST((registry.lookup<Puppet>("k1").get().error().code == ErrorCode::shutting_down));
  }
  for (int i = 0; i < 20; ++i) BOOST_TEST(stage.witness.live("k" + std::to_string(i)) == 0);
  const auto notes = stage.witness.notes();
  BOOST_REQUIRE(notes.size() == 20U);
  int last = 20;
  for (int i = 0; i < 20; ++i) {
    const auto& note = notes[static_cast<std::size_t>(i)];
    if (note == "stop k0 closing") continue;  // its last turn may go on until its stop is there
    BOOST_TEST(note == "stop k" + std::to_string(--last) + " closing");
  }
  LocalRegistry fresh{puppets(stage)};
  BOOST_TEST(fresh.count<Puppet>().get().value() == 0U);
  BOOST_TEST(fresh.call<Puppet>("k0", Add{1}).get().value() == 1);
}

BOOST_AUTO_TEST_CASE(closing_is_bounded_even_if_a_handler_never_returns) {
  Stage stage;
  std::atomic<int> code = 0;
  {
    LocalRegistry registry{puppets(stage)};
    registry.call<Puppet>("stuck", Wait{}).then([&](auto r) { code = r ? 0 : static_cast<int>(r.error().code); });
    BOOST_TEST(eventually([&] { return stage.door.waiting == 1; }));
    const auto began = std::chrono::steady_clock::now();
    BOOST_TEST(!registry.close(50ms));
    BOOST_TEST((std::chrono::steady_clock::now() - began < 5s));
    BOOST_TEST(code == static_cast<int>(ErrorCode::unknown_outcome));
  }
  stage.door.open();
  BOOST_TEST(eventually([&] { return stage.witness.live("stuck") == 0; }));
}

BOOST_AUTO_TEST_CASE(who_closes_at_the_same_time_as_others_comes_back_as_they_do) {
  for (int round = 0; round < 100; ++round) {
    Stage stage;
    LocalRegistry registry{puppets(stage), {.workers = 1, .blocking_threads_max = 1}};
    registry.call<Puppet>("k", Add{1}).get().value();
    std::atomic<int> there = 0;
    std::vector<std::thread> all;
    for (int i = 0; i < 4; ++i) {
      all.emplace_back([&] {
        ++there;
        while (there < 4) std::this_thread::yield();
        registry.close(10s);
      });
    }
    for (std::thread& each : all) each.join();
    BOOST_TEST(stage.witness.live("k") == 0);
  }
}

Task<std::int64_t> three_times(Registry& registry) {
  auto ref = co_await registry.lookup_or_start<Puppet>("k");
  if (!ref) co_return -1;
  std::int64_t last = 0;
  for (int i = 0; i < 3; ++i) last = (co_await ref->call(Add{2})).value_or(-1);
  co_return last;
}

BOOST_AUTO_TEST_CASE(coroutines_work_against_real_actors) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  BOOST_TEST(reki::wait(three_times(registry)) == 6);
}

BOOST_AUTO_TEST_CASE(what_waits_for_a_slot_that_goes_elsewhere_is_sent_on_only_once_the_way_is_known) {
  Stage stage;
  LeasePage page;
  page.set_lease_end(Instant::never());
  int rerouted = 0;
  auto cluster_hooks = std::make_shared<ClusterHooks>();
  cluster_hooks->page = &page;
  cluster_hooks->reroute = [&](std::string_view, std::string_view, EnvelopePtr request) {
    ++rerouted;
    request->done(Answer{Error{ErrorCode::wrong_node, {}}});
  };
  HostedOptions options;
  options.cluster_hooks = cluster_hooks;
  HostedRegistry registry{puppets(stage), options};
  SlotSet all;
  for (std::uint16_t s = 0; s < slot_count; ++s) all.insert(SlotId{s});

  registry.expect(all);
  std::optional<ErrorCode> answer;
  registry.lookup_or_start<Puppet>("k").then([&](const auto& ref) { answer = ref ? ErrorCode::ok : ref.error().code; });
  registry.expect_only(all);
  registry.expect({});
  BOOST_TEST((rerouted == 0 && !answer));
  registry.expect_only({});
  BOOST_TEST((rerouted == 1 && answer == ErrorCode::wrong_node));
  BOOST_TEST((registry.lookup_or_start<Puppet>("k").get().error().code == ErrorCode::wrong_node));
}

BOOST_AUTO_TEST_SUITE_END()
