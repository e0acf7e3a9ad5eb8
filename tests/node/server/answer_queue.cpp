#include "reki/node/server/answer_queue.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

using namespace reki;

BOOST_AUTO_TEST_SUITE(answer_queue)

BOOST_AUTO_TEST_CASE(an_answer_waits_to_be_taken_whichever_thread_brings_it) {
  const auto queue = AnswerQueue::create(std::make_shared<Wakeup>());
  queue->expect(SessionId{1}, RequestId{1})(Answer{});
  std::thread([done = queue->expect(SessionId{1}, RequestId{2})]() mutable { done(Answer{}); }).join();
  BOOST_TEST(queue->missing() == 2U);
  BOOST_TEST(!queue->empty());
  std::vector<SessionAnswer> taken;
  queue->take(taken);
  BOOST_REQUIRE(taken.size() == 2U);
  BOOST_TEST((taken[0].request == RequestId{1}));
  BOOST_TEST((taken[1].request == RequestId{2}));
  BOOST_TEST(queue->missing() == 0U);
  BOOST_TEST(queue->empty());
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_after_the_queue_is_closed) {
  auto queue = AnswerQueue::create(std::make_shared<Wakeup>());
  Completion early = queue->expect(SessionId{1}, RequestId{1});
  Completion late = queue->expect(SessionId{1}, RequestId{2});
  early(Answer{});
  queue.reset();
  std::thread([late = std::move(late)]() mutable { late(Answer{}); }).join();  // ASan sees what is wrong here
}

BOOST_AUTO_TEST_SUITE_END()
