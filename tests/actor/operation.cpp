#include "reki/actor/operation.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "example_actors.hpp"
#include "reki/actor/task.hpp"

using namespace reki;
using namespace example;
using namespace std::chrono_literals;

namespace {

/// Answers every request at once, or from another thread, or never.
class FakeRegistry final : public Registry {
 public:
  enum class Mode { at_once, later, never } mode = Mode::at_once;
  ~FakeRegistry() override {
    for (auto& t : threads) t.join();
  }
  void submit(Submission submission, Completion done) override {
    if (!done) ++unwanted;
    if (mode == Mode::never) return kept.push_back(std::move(done));
    auto answer = [this](Submission s, Completion d) {
      Answer a;
      a.fence = Fence{7};
      a.started = s.op == wire::Op::lookup_or_start;
      if (s.key == "missing") a = Answer{Error{ErrorCode::not_running}};
      if (s.message && s.message->tag() == &message_tag<Increment>) {
        auto& call = static_cast<TypedEnvelope<Increment>&>(*s.message);
        call.reply = value += call.message.by;
        a.envelope = std::move(s.message);
      } else if (s.op == wire::Op::call) {
        a.payload = reki::pack(value.load());
      }
      d(std::move(a));
    };
    if (mode == Mode::at_once) return answer(std::move(submission), std::move(done));
    threads.emplace_back(
        [answer, s = std::move(submission), d = std::move(done)]() mutable { answer(std::move(s), std::move(d)); });
  }
  Result<NodeId> owner(std::string_view, std::string_view) const override { return NodeId{}; }

  std::atomic<std::int64_t> value = 0;
  std::vector<std::thread> threads;
  std::vector<Completion> kept;
  int unwanted = 0;  ///< Requests whose answers nobody wants.
};

template <class Ref, class M>
concept Callable = requires(Ref ref, M message) { ref.call(message); };

Task<std::int64_t> twice(Registry& registry) {
  auto counter = co_await registry.lookup_or_start<Counter>("k");
  if (!counter) co_return -1;
  (void)co_await counter->call(Increment{1});
  co_return (co_await counter->call(Increment{2})).value_or(-2);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(operation)

BOOST_AUTO_TEST_CASE(a_message_that_the_actor_does_not_handle_does_not_compile) {
  static_assert(Handles<Counter, Increment>);
  static_assert(!Handles<Counter, Draw>);
  static_assert(Callable<ActorRef<Counter>, Increment>);
  static_assert(!Callable<ActorRef<Counter>, Draw>);
}

BOOST_AUTO_TEST_CASE(get_blocks_for_an_answer_from_another_thread) {
  FakeRegistry registry;
  registry.mode = FakeRegistry::Mode::later;
  const auto ref = registry.lookup_or_start<Counter>("k").get();
  BOOST_REQUIRE(ref.has_value());
  BOOST_TEST(ref->started());
  BOOST_TEST(ref->fence().value == 7U);
  BOOST_TEST(ref->call(Increment{5}).get().value() == 5);
  BOOST_TEST(ref->call(Get{}).get().value() == 5);
}

BOOST_AUTO_TEST_CASE(a_callback_gets_the_same_answer) {
  FakeRegistry registry;
  bool called = false;
  registry.lookup<Counter>("missing").then([&](Result<ActorRef<Counter>> r) {
    called = true;
    BOOST_TEST((r.error().code == ErrorCode::not_running));
  });
  BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(a_coroutine_gets_the_same_answer_at_once_and_later) {
  for (const auto mode : {FakeRegistry::Mode::at_once, FakeRegistry::Mode::later}) {
    FakeRegistry registry;
    registry.mode = mode;
    BOOST_TEST(reki::wait(twice(registry)) == 3);
  }
}

BOOST_AUTO_TEST_CASE(many_keys_get_a_result_each_in_order) {
  FakeRegistry registry;
  const std::vector<std::string> keys{"a", "missing", "b"};
  const auto refs = registry.lookup_many<Counter>(keys).get();
  BOOST_REQUIRE(refs.size() == 3U);
  BOOST_TEST(refs[0]->key() == "a");
  BOOST_TEST((refs[1].error().code == ErrorCode::not_running));
  BOOST_TEST(refs[2]->key() == "b");
  BOOST_TEST(registry.lookup_many<Counter>({}).get().empty());
}

BOOST_AUTO_TEST_CASE(of_no_keys_there_are_no_results) {
  FakeRegistry registry;
  BOOST_TEST(registry.lookup_many<Counter>({}).get().empty());
}

BOOST_AUTO_TEST_CASE(many_answers_of_many_threads_make_one_call_back) {
  FakeRegistry registry;
  registry.mode = FakeRegistry::Mode::later;
  const std::vector<std::string> keys{"a", "missing", "c", "d"};
  const auto refs = registry.lookup_many<Counter>(keys).get();
  BOOST_REQUIRE(refs.size() == keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    BOOST_TEST(refs[i].has_value() == (keys[i] != "missing"));
    if (refs[i]) BOOST_TEST(refs[i]->key() == keys[i]);
  }
}

BOOST_AUTO_TEST_CASE(the_outcome_of_what_is_detached_is_told_to_nobody) {
  FakeRegistry registry;
  registry.call<Counter>("k", Increment{3}).detach();
  registry.lookup<Counter>("missing").detach();
  registry.stop_many<Counter>(std::vector<std::string>{"a", "b"}).detach();
  BOOST_TEST(registry.unwanted == 4);
  BOOST_TEST(registry.value == 3);
}

BOOST_AUTO_TEST_CASE(a_registry_that_never_answers_cannot_hang_a_caller) {
  FakeRegistry registry;
  registry.mode = FakeRegistry::Mode::never;
  const auto r = registry.lookup<Counter>("k", {.timeout = 5ms}).get();
  BOOST_TEST((r.error().code == ErrorCode::deadline_exceeded));
  const auto c = registry.call<Counter>("k", Increment{}, {}, {.timeout = 5ms}).get();
  BOOST_TEST((c.error().code == ErrorCode::unknown_outcome));
}

BOOST_AUTO_TEST_CASE(blocking_on_a_worker_is_refused_and_not_a_deadlock) {
  FakeRegistry registry;
  detail::on_worker_thread = true;
  const auto one = registry.lookup<Counter>("k").get();
  const auto many = registry.lookup_many<Counter>(std::vector<std::string>{"a"}).get();
  detail::on_worker_thread = false;
  BOOST_TEST((one.error().code == ErrorCode::would_block));
  BOOST_TEST((many.at(0).error().code == ErrorCode::would_block));
}

BOOST_AUTO_TEST_CASE(a_completion_dropped_unanswered_says_so) {
  Answer got;
  { const Completion dropped = Completion::of([&](Answer&& a) { got = std::move(a); }); }
  BOOST_TEST((got.code == ErrorCode::internal));
}

BOOST_AUTO_TEST_SUITE_END()
