#include "reki/core/wire/outcome.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>

using namespace reki;
using namespace reki::wire;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(outcome)

BOOST_AUTO_TEST_CASE(a_result_comes_as_it_was_sent) {
  Outcome sent;
  sent.started = true;
  sent.fence = Fence{9};
  sent.payload = "result";
  const auto node = std::make_shared<const NodeId>("n1");
  const Outcome got = outcome_of(reply_of(RequestId{4}, sent), node);
  BOOST_TEST(got.ok());
  BOOST_TEST(got.started);
  BOOST_TEST((got.fence == Fence{9}));
  BOOST_TEST(got.payload == "result");
  BOOST_TEST(got.node == node);
}

BOOST_AUTO_TEST_CASE(an_error_comes_with_its_text_and_without_the_result_fields) {
  Outcome sent;
  sent.code = ErrorCode::restarting;
  sent.text = "it crashed";
  sent.retry_after = 40ms;
  sent.fence = Fence{9};
  const Reply reply = reply_of(RequestId{4}, sent);
  BOOST_TEST((reply.id == RequestId{4}));
  BOOST_TEST((reply.fence == Fence{}));
  Outcome got = outcome_of(reply, nullptr);
  const Error error = std::move(got).error();
  BOOST_TEST((error.code == ErrorCode::restarting));
  BOOST_TEST(error.text == "it crashed");
  BOOST_TEST((error.retry_after == 40ms));
}

BOOST_AUTO_TEST_CASE(already_started_comes_with_the_start_that_is_there) {
  Outcome sent;
  sent.code = ErrorCode::already_started;
  sent.fence = Fence{9};
  const Outcome got = outcome_of(reply_of(RequestId{4}, sent), nullptr);
  BOOST_TEST((got.code == ErrorCode::already_started));
  BOOST_TEST((got.fence == Fence{9}));
}

BOOST_AUTO_TEST_CASE(the_time_to_try_again_is_never_rounded_down) {
  const auto sent = [](Duration after) { return reply_of(RequestId{1}, Error{ErrorCode::overloaded, {}, after}).retry_after_ms; };
  BOOST_TEST(sent(0ms) == 0U);
  BOOST_TEST(sent(1ms) == 1U);
  BOOST_TEST(sent(Duration{1ms} * 2) == 2U);
  BOOST_TEST(sent(-5ms) == 0U);
  BOOST_TEST(sent(std::chrono::hours(24 * 100)) == UINT32_MAX);
}

BOOST_AUTO_TEST_SUITE_END()
