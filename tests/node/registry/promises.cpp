// What a program may rely on, one case a sentence, where the seeded stories need another registry, or none.
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "reki/actor/user_code.hpp"
#include "test_actors.hpp"

using namespace test;

namespace {

struct Boom {
  static constexpr std::string_view name = "boom";
  std::int64_t kind = 0;
  static constexpr auto fields = reki::fields("kind", &Boom::kind);
};
struct Ask {
  static constexpr std::string_view name = "ask";
  using Reply = std::string;
  std::string key;
  static constexpr auto fields = reki::fields("key", &Ask::key);
};
struct NullText : std::exception {
  const char* what() const noexcept override { return nullptr; }
};

struct AskMany {
  static constexpr std::string_view name = "ask_many";
  using Reply = std::string;
  bool in_a_task = false;
  static constexpr auto fields = reki::fields("in_a_task", &AskMany::in_a_task);
};

template <bool may_block>
struct Waiting {
  static constexpr std::string_view type = may_block ? "may_block" : "may_not";
  using Messages = reki::Messages<Ask, AskMany>;
};
Task<std::string> ask(Registry& registry, std::string key) {
  const auto there = co_await registry.call<Puppet>(key, Add{1}, {}, {.timeout = 10s});
  co_return there ? std::to_string(*there) : std::string{name_of(there.error().code)};
}
const std::vector<std::string> ten_keys{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
std::string codes_of(const std::vector<Result<ActorRef<Puppet>>>& refs) {
  std::set<std::string> out;
  for (const auto& ref : refs) out.emplace(ref ? "ok" : name_of(ref.error().code));
  return std::to_string(refs.size()) + " " + (out.size() == 1 ? *out.begin() : "different");
}
Task<std::string> ask_many(Registry& registry) {
  co_return codes_of(co_await registry.lookup_or_start_many<Puppet>(ten_keys, {}, {.timeout = 10s}));
}
template <bool may_block>
class WaitingActor final : public Actor<Waiting<may_block>> {
 public:
  std::string on(const Ask& m, Context& context) { return wait(ask(context.registry(), m.key)); }
  std::string on(const AskMany& m, Context& context) {
    if (m.in_a_task) return wait(ask_many(context.registry()));
    return codes_of(context.registry().template lookup_or_start_many<Puppet>(ten_keys, {}, {.timeout = 10s}).get());
  }
};

struct Thrower {
  static constexpr std::string_view type = "thrower";
  using Messages = reki::Messages<Boom, Add>;
};
class ThrowerActor final : public Actor<Thrower> {
 public:
  ~ThrowerActor() override {
    if (throws_at_its_end_) throw std::runtime_error("destructor");
  }
  void on(const Boom& m) {
    if (m.kind == 0) throw 7;
    if (m.kind == 1) throw NullText{};
    throws_at_its_end_ = true;
  }
  std::int64_t on(const Add& m) { return m.by; }

 private:
  bool throws_at_its_end_ = false;
};

struct Place {
  explicit Place(TypeOptions options = {}) : registry(all(options)) {}
  Factories all(const TypeOptions& options) {
    Factories out = puppets(stage, options);
    out.add<ThrowerActor>({.restart = {.backoff_initial = 0ms}});
    out.add<WaitingActor<true>>({.blocking = true});
    out.add<WaitingActor<false>>();
    return out;
  }
  Stage stage;
  LocalRegistry registry;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(promises)

BOOST_AUTO_TEST_CASE(of_two_starts_behind_a_stop_one_wins) {
  Place place;
  auto& registry = place.registry;
  BOOST_REQUIRE(registry.start<Puppet>("k").get());
  BOOST_REQUIRE(registry.send<Puppet>("k", Wait{}).get());
  std::atomic<int> won{0};
  std::atomic<int> lost{0};
  registry.stop<Puppet>("k").detach();
  for (int i = 0; i < 4; ++i) {
    registry.start<Puppet>("k").then([&](const auto& r) { ++(r ? won : lost); });
  }
  place.stage.door.open();
  BOOST_TEST(eventually([&] { return won + lost == 4; }));
  BOOST_TEST(won == 1);
}

BOOST_AUTO_TEST_CASE(who_has_the_answer_of_one_that_stopped_itself_starts_another) {
  Place place;
  auto& registry = place.registry;
  for (int i = 1; i <= 20; ++i) {
    const auto before = registry.lookup_or_start<Puppet>("k").get();
    BOOST_REQUIRE(before);
    BOOST_TEST(before->started());
    std::atomic<int> alive_at_the_answer{-1};
    before->call(Leave{}).then([&](const auto&) { alive_at_the_answer = place.stage.witness.live("k"); });
    BOOST_TEST(eventually([&] { return alive_at_the_answer != -1; }));
    BOOST_TEST(alive_at_the_answer == 0);
    BOOST_TEST(place.stage.witness.births("k") == i);
  }
}

BOOST_AUTO_TEST_CASE(whatever_a_handler_throws_is_a_crash_of_that_actor_alone) {
  Place place;
  auto& registry = place.registry;
  for (const std::int64_t kind : {0, 1}) {
    const auto answer = registry.call<Thrower>("k", Boom{kind}).get();
    BOOST_REQUIRE(!answer);
    BOOST_TEST((answer.error().code == ErrorCode::actor_crashed));
    BOOST_TEST(!answer.error().text.empty());
    BOOST_TEST(registry.call<Thrower>("k", Add{3}).get().value() == 3);
  }
}

BOOST_AUTO_TEST_CASE(a_destructor_that_throws_is_counted_and_the_key_is_free) {
  Place place;
  auto& registry = place.registry;
  const auto before = failed_callbacks();
  BOOST_TEST(registry.call<Thrower>("k", Boom{2}).get().has_value());
  BOOST_TEST(registry.stop<Thrower>("k").get().has_value());
  BOOST_TEST(failed_callbacks() - before == 1U);
  BOOST_TEST(registry.call<Thrower>("k", Add{3}).get().value() == 3);
}

BOOST_AUTO_TEST_CASE(a_callback_that_throws_harms_nobody) {
  Place place;
  auto& registry = place.registry;
  const auto before = failed_callbacks();
  registry.call<Puppet>("k", Add{1}).then([](const auto&) { throw std::runtime_error("callback"); });
  BOOST_TEST(eventually([&] { return failed_callbacks() - before == 1U; }));
  BOOST_TEST(registry.call<Puppet>("k", Add{1}).get().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_watch_or_a_log_that_throws_harms_nobody) {
  Stage stage;
  RuntimeOptions options;
  options.log = [](auto...) { throw std::runtime_error("log"); };
  LocalRegistry registry(puppets(stage, {.restart = {.backoff_initial = 0ms}}), options);
  const auto before = failed_callbacks();
  const auto watch = registry.watch(WatchFilter::of_key("puppet", "k"), [](const WatchEvent&) { throw 7; });
  BOOST_REQUIRE(watch);
  BOOST_TEST((registry.call<Puppet>("k", Crash{}).get().error().code == ErrorCode::actor_crashed));
  BOOST_TEST(registry.call<Puppet>("k", Add{1}).get().value() == 1);
  BOOST_TEST(eventually([&] { return failed_callbacks() - before >= 3U; }));  // the log once, the watch at least twice
}

BOOST_AUTO_TEST_CASE(a_task_that_is_waited_for_in_a_handler_gets_its_answers_where_that_may_block) {
  Place place;
  auto& registry = place.registry;
  BOOST_TEST(registry.call<Waiting<true>>("w", Ask{"k"}).get().value() == "1");
  BOOST_TEST(registry.call<Waiting<false>>("w", Ask{"k"}).get().value() == "would_block");
  BOOST_TEST(registry.call<Waiting<false>>("w", Ask{"k"}).get().value() == "would_block");
}

BOOST_AUTO_TEST_CASE(a_ref_that_was_never_set_answers_with_an_error) {
  const ActorRef<Puppet> none;
  BOOST_TEST((none.call(Add{1}).get().error().code == ErrorCode::invalid_argument));
  BOOST_TEST((none.pinned().send(Leave{}).get().error().code == ErrorCode::invalid_argument));
  bool told = false;
  none.call(Add{1}).then([&](const auto& r) { told = !r; });
  BOOST_TEST(told);
  none.send(Leave{}).detach();
}

BOOST_AUTO_TEST_CASE(many_keys_are_asked_for_in_a_handler_where_that_may_block) {
  Place place;
  for (const bool in_a_task : {false, true}) {
    BOOST_TEST(place.registry.call<Waiting<true>>("k", AskMany{in_a_task}).get().value() == "10 ok");
    BOOST_TEST(place.registry.call<Waiting<false>>("k", AskMany{in_a_task}).get().value() == "10 would_block");
  }
}

BOOST_AUTO_TEST_CASE(in_a_child_of_fork_a_registry_answers_with_an_error_and_ends_at_once) {
  auto place = std::make_unique<Place>();
  BOOST_REQUIRE(place->registry.start<Puppet>("k").get());
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    const auto refused = [](const auto& answer) { return !answer && answer.error().code == ErrorCode::unavailable; };
    auto& registry = place->registry;
    bool good = refused(registry.call<Puppet>("k", Add{1}).get());
    // A live one can be looked up without a thread's help.
    good = good && refused(registry.lookup<Puppet>("k").get()) && refused(registry.lookup_or_start<Puppet>("k").get());
    good = good && refused(registry.watch(WatchFilter::of_key("puppet", "k"), [](const WatchEvent&) {}));
    place.reset();
    _exit(good ? 0 : 1);
  }
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  BOOST_TEST(place->registry.call<Puppet>("k", Add{1}).get().value() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
