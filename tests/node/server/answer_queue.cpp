#include "reki/node/server/answer_queue.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

using namespace reki;

namespace {
struct Inbox final : AnswerQueue::Receiver {
  void answered(SessionId session, RequestId request, Answer&&) override {
    got.emplace_back(session.value, request.value);
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> got;
};
using Pair = std::pair<std::uint64_t, std::uint64_t>;
}  // namespace

BOOST_AUTO_TEST_SUITE(answer_queue)

BOOST_AUTO_TEST_CASE(an_inline_answer_goes_straight_to_the_receiver) {
  const auto queue = AnswerQueue::create();
  Inbox inbox;
  queue->during(inbox, [&] { queue->expect(SessionId{1}, RequestId{2})(Answer{}); });
  BOOST_REQUIRE(inbox.got.size() == 1U);
  BOOST_TEST((inbox.got[0] == Pair{1, 2}));
  BOOST_TEST(queue->empty());
}

BOOST_AUTO_TEST_CASE(an_answer_of_another_thread_waits_to_be_taken_though_one_is_inline) {
  const auto queue = AnswerQueue::create();
  Inbox inbox;
  queue->during(inbox, [&] {
    std::thread([done = queue->expect(SessionId{1}, RequestId{2})]() mutable { done(Answer{}); }).join();
  });
  BOOST_TEST(inbox.got.empty());
  std::vector<SessionAnswer> taken;
  queue->take(taken);
  BOOST_REQUIRE(taken.size() == 1U);
  BOOST_TEST((taken[0].request == RequestId{2}));
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_after_the_queue_is_closed) {
  auto queue = AnswerQueue::create();
  Completion early = queue->expect(SessionId{1}, RequestId{1});
  Completion late = queue->expect(SessionId{1}, RequestId{2});
  early(Answer{});
  queue.reset();
  std::thread([late = std::move(late)]() mutable { late(Answer{}); }).join();  // ASan sees what is wrong here
}

BOOST_AUTO_TEST_SUITE_END()
