// A registry without a thread and without real time: on one thread, in an order that a seed decides (seeded_schedule.hpp).
#include <filesystem>
#include <optional>

#include "reki/node/registry/local_registry.hpp"
#include "seeded_schedule.hpp"
#include "test_actors.hpp"

using namespace test;
using sim::SeededSchedule;

namespace {

/// What it hears of again after some time.
struct Reminded {
  static constexpr std::string_view name = "reminded";
  std::int64_t due_ns = 0;
  static constexpr auto fields = reki::fields("due_ns", &Reminded::due_ns);
};
/// Adds 1 to another one, and says how much that has then.
struct AddElsewhere {
  static constexpr std::string_view name = "add_elsewhere";
  using Reply = std::int64_t;
  std::string to;
  static constexpr auto fields = reki::fields("to", &AddElsewhere::to);
};
struct Player {
  static constexpr std::string_view type = "player";
  using Messages = reki::Messages<Add, Crash, Leave, Remind, Reminded>;
};
struct Asker {
  static constexpr std::string_view type = "asker";
  using Messages = reki::Messages<AddElsewhere>;
};

/// What has happened, each with its time.
struct History {
  SeededSchedule& schedule;
  std::vector<std::string> lines{};
  std::map<std::string, int> live{};
  int most_of_one = 0;
  int starts_that_fail = 0;  ///< The next ones.
  std::int64_t latest_reminder_ns = 0;
  bool early_reminder = false;

  void note(const std::string& what) { lines.push_back(std::to_string(schedule.now().ns) + " " + what); }
  [[nodiscard]] int alive() const {
    int out = 0;
    for (const auto& [key, count] : live) out += count;
    return out;
  }
};

class PlayerActor final : public Actor<Player> {
 public:
  explicit PlayerActor(History& history) : history_(history) {}
  ~PlayerActor() override {
    if (!key_.empty()) --history_.live[key_];
  }
  Result<void> on_start(Context& context) override {
    if (history_.starts_that_fail > 0) {
      --history_.starts_that_fail;
      return fail(ErrorCode::start_failed, "not today");
    }
    key_ = context.key();
    history_.most_of_one = std::max(history_.most_of_one, ++history_.live[key_]);
    history_.note("start " + key_);
    return {};
  }
  void on_stop(Context&, StopReason reason) override { history_.note("stop " + key_ + " " + std::string{name_of(reason)}); }
  std::int64_t on(const Add& m) { return value_ += m.by; }
  void on(const Crash& m) { throw std::runtime_error(m.text); }
  void on(const Leave&, Context& context) { context.stop_self(); }
  void on(const Remind& m, Context& context) {
    const auto after = std::chrono::milliseconds(m.after_ms);
    send_later(context, after, Reminded{(history_.schedule.now() + after).ns});
  }
  void on(const Reminded& m) {
    const std::int64_t late = history_.schedule.now().ns - m.due_ns;
    history_.early_reminder |= late < 0;
    history_.latest_reminder_ns = std::max(history_.latest_reminder_ns, late);
    history_.note("reminded " + key_);
  }

 private:
  History& history_;
  std::int64_t value_ = 0;
  std::string key_;
};

class AskerActor final : public Actor<Asker> {
 public:
  std::int64_t on(const AddElsewhere& m, Context& context) {
    return context.registry().call<Player>(m.to, Add{1}).get().value_or(-1);
  }
};

struct World {
  explicit World(std::uint64_t seed, TypeOptions options = {}) : schedule(seed) {
    Factories factories;
    factories.add<PlayerActor>(std::move(options), [this](const NoArgs&) { return std::make_unique<PlayerActor>(history); });
    factories.add<AskerActor>({.blocking = true});
    RuntimeOptions runs;
    runs.executor = schedule.executors();
    registry = std::make_unique<LocalRegistry>(std::move(factories), runs);
  }

  SeededSchedule schedule;
  History history{schedule};
  std::unique_ptr<LocalRegistry> registry;
};

/// Callers who do this and that for a while, as the seed decides; and the end.
class Story {
 public:
  explicit Story(std::uint64_t seed)
      : world_(seed, {.restart = {.mode = RestartMode::permanent, .max_restarts = 5, .backoff_max = 200ms}, .idle = 300ms, .cap = 6}) {}

  void run() {
    auto watch = world_.registry->watch(WatchFilter::of_type("player"), [this](const WatchEvent& event) {
      world_.history.note("watched " + event.key + " " + std::string{name_of(event.kind)} + " at " + std::to_string(event.time_ms));
    });
    for (int i = 0; i < 60; ++i) {
      act();
      world_.schedule.run_for(std::chrono::microseconds(world_.schedule.below(30'000)));
    }
    world_.schedule.run_for(1500ms);
    alive_when_idle_ = world_.history.alive();
    for (int i = 0; i < 10; ++i) act();
    closed_ = world_.registry->close(2s);
    act();
    world_.history.note("end");
  }

  [[nodiscard]] const History& history() const { return world_.history; }
  [[nodiscard]] std::uint64_t trace() const { return world_.schedule.trace(); }
  [[nodiscard]] RuntimeStats stats() const { return world_.registry->stats(); }
  int asked = 0;
  int answered = 0;
  [[nodiscard]] int alive_when_idle() const { return alive_when_idle_; }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  /// Whatever it answers: it must, once.
  auto told(std::string what) {
    ++asked;
    return [this, what = std::move(what)](const auto& result) {
      ++answered;
      world_.history.note(what + (result ? " ok" : " " + std::string{name_of(result.error().code)}));
    };
  }
  void act() {
    auto& registry = *world_.registry;
    const std::string key = "k" + std::to_string(world_.schedule.below(10));
    switch (world_.schedule.below(10)) {
      case 0:
        return registry.lookup<Player>(key).then(told("lookup " + key));
      case 1:
        return registry.stop<Player>(key).then(told("stop " + key));
      case 2:
        return registry.start<Player>(key).then(told("start " + key));
      case 3:
        return registry.call<Player>(key, Crash{}).then(told("crash " + key));
      case 4:
        return registry.send<Player>(key, Leave{}).then(told("leave " + key));
      case 5:
        return registry.send<Player>(key, Remind{static_cast<std::int64_t>(world_.schedule.below(100)), {}}).then(told("remind " + key));
      case 6:
        world_.history.starts_that_fail = static_cast<int>(world_.schedule.below(3));
        return registry.lookup_or_start<Player>(key).then(told("lookup_or_start " + key));
      case 7:
        return registry.call<Asker>("asker", AddElsewhere{key}).then(told("add_elsewhere " + key));
      case 8:
        return told("blocking add " + key)(registry.call<Player>(key, Add{1}, {}, {.timeout = 20ms}).get());
      default:
        return registry.call<Player>(key, Add{1}, {}, {.timeout = 50ms}).then(told("add " + key));
    }
  }

  World world_;
  int alive_when_idle_ = 0;
  bool closed_ = false;
};

std::size_t threads() {
  std::size_t out = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ++out;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(seeded)

BOOST_AUTO_TEST_CASE(a_registry_lives_on_virtual_time_alone) {
  const std::size_t before = threads();
  World world(1, {.restart = {.backoff_initial = 10s, .backoff_max = 20s}, .idle = 60min});
  auto& registry = *world.registry;
  auto& history = world.history;

  const auto first = registry.start<Player>("k").get();
  BOOST_REQUIRE(first);
  BOOST_TEST(first->call(Add{2}).get().value() == 2);
  BOOST_TEST(first->call(Add{2}).get().value() == 4);

  // The first restart comes at once, the second after its back-off, which a caller waits out.
  for (int i = 0; i < 2; ++i) BOOST_TEST((first->call(Crash{}).get().error().code == ErrorCode::actor_crashed));
  const Instant crashed = world.schedule.now();
  BOOST_TEST((first->call(Add{1}).get().error().code == ErrorCode::restarting));
  BOOST_TEST(registry.call<Player>("k", Add{1}, {}, {.timeout = 60s}).get().value() == 1);
  BOOST_TEST((world.schedule.now() - crashed >= 10s));
  BOOST_TEST((world.schedule.now() - crashed < 11s));
  BOOST_TEST(registry.stats().restarts == 2U);

  BOOST_TEST(registry.send<Player>("k", Remind{3'000, {}}).get().has_value());
  world.schedule.run_for(4s);
  BOOST_TEST(history.lines.back().ends_with("reminded k"));
  BOOST_TEST(!history.early_reminder);
  BOOST_TEST(history.latest_reminder_ns < 50'000'000);

  world.schedule.run_for(59min);
  BOOST_TEST(history.alive() == 1);
  world.schedule.run_for(2min);
  BOOST_TEST(history.alive() == 0);
  BOOST_TEST(history.lines.back().ends_with("stop k passivated"));

  BOOST_TEST(registry.start<Player>("k").get().has_value());
  BOOST_TEST(threads() == before);
  BOOST_TEST(registry.close(1s));
  BOOST_TEST(history.lines.back().ends_with("stop k closing"));
  BOOST_TEST(history.alive() == 0);
  BOOST_TEST((registry.lookup<Player>("k").get().error().code == ErrorCode::shutting_down));
}

BOOST_AUTO_TEST_CASE(who_blocks_in_a_handler_runs_what_it_waits_for) {
  World world(1);
  BOOST_TEST(world.registry->call<Asker>("a", AddElsewhere{"b"}).get().value() == 1);
  BOOST_TEST(world.registry->call<Asker>("a", AddElsewhere{"b"}).get().value() == 2);
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_start_of_its_own_gets_it_once_the_one_before_has_failed) {
  World world(1);
  auto& registry = *world.registry;
  world.history.starts_that_fail = 1;
  std::optional<ErrorCode> first;
  std::optional<bool> third;
  registry.lookup_or_start<Player>("k").then([&](const auto& r) { first = r ? ErrorCode::ok : r.error().code; });
  registry.stop<Player>("k").then([](const auto&) {});
  registry.lookup_or_start<Player>("k").then([&](const auto& r) { third = r.has_value(); });
  BOOST_TEST(world.schedule.run_until([&] { return third.has_value(); }, 100ms));
  BOOST_TEST((first == ErrorCode::start_failed));
  BOOST_TEST(third.value_or(false));
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_history_and_another_one_another) {
  std::set<std::uint64_t> traces;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Story once(seed);
    Story again(seed);
    once.run();
    again.run();
    BOOST_TEST(once.history().lines == again.history().lines, boost::test_tools::per_element());
    BOOST_TEST(once.trace() == again.trace());
    traces.insert(once.trace());
  }
  BOOST_TEST(traces.size() == 20U);
}

BOOST_AUTO_TEST_CASE(in_whatever_order_a_key_has_one_actor_and_each_request_one_answer) {
  RuntimeStats all;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Story story(seed);
      story.run();
      BOOST_TEST(story.history().most_of_one <= 1);
      BOOST_TEST(story.answered == story.asked);
      BOOST_TEST(!story.history().early_reminder);
      BOOST_TEST(story.alive_when_idle() == 0);
      BOOST_TEST(story.closed());
      BOOST_TEST(story.history().alive() == 0);
      const RuntimeStats stats = story.stats();
      BOOST_TEST(stats.actors == 0U);
      all.starts += stats.starts;
      all.start_failures += stats.start_failures;
      all.crashes += stats.crashes;
      all.restarts += stats.restarts;
      all.stops += stats.stops;
      all.passivations += stats.passivations;
      all.expired += stats.expired;
    }
  }
  // All of it has happened, and not only what is easy.
  BOOST_TEST(all.starts > 0U);
  BOOST_TEST(all.start_failures > 0U);
  BOOST_TEST(all.crashes > 0U);
  BOOST_TEST(all.restarts > 0U);
  BOOST_TEST(all.stops > 0U);
  BOOST_TEST(all.passivations > 0U);
  BOOST_TEST(all.expired > 0U);
}

BOOST_AUTO_TEST_SUITE_END()
