#include "history/history.hpp"

#include <boost/test/unit_test.hpp>

#include "scene.hpp"

using namespace reki;
using namespace reki::history;

namespace {

Operation operation(Call call, Answer answer, std::uint64_t fence = 0) {
  Operation o;
  o.call = call;
  o.answer = answer;
  o.fence = Fence{fence};
  o.invoked = Instant{10};
  o.returned = Instant{20};
  return o;
}

struct Empty {
  Empty() {
    (void)history.key("k");
    (void)history.new_client("c");
  }
  bool takes(const Operation& o) { return history.add(o).has_value(); }
  History history;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(history_record)

BOOST_FIXTURE_TEST_CASE(each_call_has_answers_of_its_own, Empty) {
  for (const Call call : {Call::lookup_or_start, Call::lookup, Call::stop}) {
    BOOST_TEST(takes(operation(call, Answer::running, 1)) == (call != Call::stop));
    BOOST_TEST(takes(operation(call, Answer::started, 1)) == (call == Call::lookup_or_start));
    BOOST_TEST(takes(operation(call, Answer::not_running)) == (call != Call::lookup_or_start));
    BOOST_TEST(takes(operation(call, Answer::stopped, 1)) == (call == Call::stop));
    BOOST_TEST(takes(operation(call, Answer::failed_unexecuted)));
    BOOST_TEST(takes(operation(call, Answer::unknown)));
  }
  BOOST_TEST(history.size() == 12);
}

BOOST_FIXTURE_TEST_CASE(a_fence_is_there_if_and_only_if_the_answer_has_one, Empty) {
  BOOST_TEST(!takes(operation(Call::lookup, Answer::running)));
  BOOST_TEST(!takes(operation(Call::lookup_or_start, Answer::started)));
  BOOST_TEST(!takes(operation(Call::lookup, Answer::not_running, 1)));
  BOOST_TEST(!takes(operation(Call::stop, Answer::unknown, 1)));
  BOOST_TEST(takes(operation(Call::stop, Answer::stopped)));
}

BOOST_FIXTURE_TEST_CASE(times_are_in_order_and_an_answer_has_its_time, Empty) {
  Operation o = operation(Call::lookup, Answer::not_running);
  o.returned = Instant{9};
  BOOST_TEST(!takes(o));
  o.returned = Instant::never();
  BOOST_TEST(!takes(o));
  o.returned = o.invoked;
  BOOST_TEST(takes(o));
}

BOOST_FIXTURE_TEST_CASE(an_unknown_operation_never_returns, Empty) {
  BOOST_TEST(takes(operation(Call::stop, Answer::unknown)));
  BOOST_TEST((history.by_key().front().returned == Instant::never()));
}

BOOST_FIXTURE_TEST_CASE(names_come_from_the_history_itself, Empty) {
  Operation o = operation(Call::lookup, Answer::not_running);
  o.key = 1;
  BOOST_TEST(!takes(o));
  BOOST_TEST(history.key("other") == 1);
  BOOST_TEST(history.key("k") == 0);
  BOOST_TEST(takes(o));
  BOOST_TEST(history.new_client("c") == 1);
}

BOOST_FIXTURE_TEST_CASE(operations_are_grouped_by_key_and_sorted_by_invocation, Empty) {
  const auto other = history.key("other");
  for (const int at : {30, 10, 20, 40}) {
    Operation o = operation(Call::lookup, Answer::not_running);
    o.invoked = Instant{at};
    o.returned = Instant{at + 5};
    o.key = at == 20 || at == 40 ? other : 0;
    BOOST_TEST(takes(o));
  }
  std::vector<std::vector<std::int64_t>> groups;
  history.for_each_key([&](std::span<const Operation> one_key) {
    groups.emplace_back();
    for (const Operation& o : one_key) groups.back().push_back(o.invoked.ns);
  });
  BOOST_TEST((groups == std::vector<std::vector<std::int64_t>>{{10, 30}, {20, 40}}));
}

BOOST_AUTO_TEST_CASE(a_request_was_first_tried_with_its_earliest_try_that_may_have_been_executed) {
  Scene scene;
  const auto a = scene.client(1);
  const auto b = scene.client(1);
  scene.failed(a, 0, 5).unknown(a, Call::lookup_or_start, 10).unknown(b, Call::lookup_or_start, 20);
  scene.started(a, 7, 30, 40).found(7, 50, 60).unknown({a.client, 1}, Call::stop, 70);
  std::vector<Instant> tries;
  first_tries(scene.operations(), tries);
  std::vector<std::int64_t> times;
  for (const Instant at : tries) times.push_back(at.ns);
  BOOST_TEST((times == std::vector<std::int64_t>{0, 10, 20, 10, 50, 70}));
}

BOOST_AUTO_TEST_SUITE_END()
