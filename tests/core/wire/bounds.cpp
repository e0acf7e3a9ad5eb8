#include "reki/core/wire/bounds.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <functional>

using namespace reki;
using namespace reki::wire;
using namespace std::chrono_literals;

namespace {

RequestBody body(Op op, std::string_view key = "k") { return {.op = op, .type = std::string_view{"counter"}, .key = key}; }

ErrorCode code(const RequestBody& body, std::optional<std::string_view> message = {}, Duration timeout = 1s) {
  const auto error = check_submission(body, message, timeout);
  if (error) BOOST_TEST(!error->text.empty());
  return error ? error->code : ErrorCode::ok;
}

ErrorCode code(const std::function<void(RequestBody&)>& change) {
  RequestBody b = body(Op::call);
  change(b);
  return code(b, "increment");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bounds)

BOOST_AUTO_TEST_CASE(a_submission_of_each_operation_of_callers_is_good) {
  for (const Op op : {Op::lookup_or_start, Op::lookup, Op::start, Op::stop}) BOOST_TEST((code(body(op)) == ErrorCode::ok));
  for (const Op op : {Op::call, Op::send}) BOOST_TEST((code(body(op), "increment") == ErrorCode::ok));
  for (const Op op : {Op::list, Op::count, Op::describe, Op::status, Op::view}) BOOST_TEST((code(body(op, {})) == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(what_is_not_a_callers_to_ask_is_unsupported) {
  for (const Op op : {Op::watch, Op::hand_over, Op{13}, Op{255}}) BOOST_TEST((code(body(op)) == ErrorCode::unsupported));
}

BOOST_AUTO_TEST_CASE(each_part_may_be_as_large_as_its_bound_and_no_larger) {
  const auto type = [](std::size_t size) { return code([&](RequestBody& b) { b.type = std::string(size, 't'); }); };
  BOOST_TEST((type(limits::type_bytes_max) == ErrorCode::ok));
  BOOST_TEST((type(limits::type_bytes_max + 1) == ErrorCode::too_large));
  const auto key = [](std::size_t size) { return code([&](RequestBody& b) { b.key = std::string(size, 'k'); }); };
  BOOST_TEST((key(limits::key_bytes_max) == ErrorCode::ok));
  BOOST_TEST((key(limits::key_bytes_max + 1) == ErrorCode::too_large));
  const auto args = [](std::size_t size) { return code([&](RequestBody& b) { b.args = Bytes(size, 'a'); }); };
  BOOST_TEST((args(limits::args_bytes_max) == ErrorCode::ok));
  BOOST_TEST((args(limits::args_bytes_max + 1) == ErrorCode::too_large));
  const auto message = [](std::size_t size) { return code(body(Op::call), std::string(size, 'm')); };
  BOOST_TEST((message(limits::message_name_bytes_max) == ErrorCode::ok));
  BOOST_TEST((message(limits::message_name_bytes_max + 1) == ErrorCode::too_large));
  BOOST_TEST(!check_payload(Bytes(limits::message_bytes_max, 'p')));
  BOOST_TEST((check_payload(Bytes(limits::message_bytes_max + 1, 'p'))->code == ErrorCode::too_large));
}

BOOST_AUTO_TEST_CASE(a_request_about_a_key_has_one) {
  for (const Op op : {Op::lookup_or_start, Op::lookup, Op::start, Op::stop}) {
    BOOST_TEST((code(body(op, {})) == ErrorCode::invalid_argument));
  }
  for (const Op op : {Op::call, Op::send}) BOOST_TEST((code(body(op, {}), "increment") == ErrorCode::invalid_argument));
}

BOOST_AUTO_TEST_CASE(a_call_or_send_has_a_message) {
  for (const Op op : {Op::call, Op::send}) BOOST_TEST((code(body(op)) == ErrorCode::invalid_argument));
}

BOOST_AUTO_TEST_CASE(a_time_out_is_more_than_nothing_and_at_most_an_hour) {
  for (const Duration bad : {Duration{0}, Duration{-1s}, Duration{limits::timeout_max} + 1ns, Duration::max()}) {
    BOOST_TEST((code(body(Op::lookup), {}, bad) == ErrorCode::invalid_argument));
  }
  BOOST_TEST((code(body(Op::lookup), {}, 1ns) == ErrorCode::ok));
  BOOST_TEST((code(body(Op::lookup), {}, limits::timeout_max) == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(a_submission_that_is_good_makes_a_request_that_is_good) {
  EncodedRequest encoded;
  static_cast<RequestBody&>(encoded) = body(Op::call, std::string(limits::key_bytes_max, 'k'));
  encoded.message = "increment";
  BOOST_TEST(!check(view_of(encoded, RequestId{1}, 1)));
  encoded.payload = Bytes(limits::message_bytes_max + 1, 'p');
  BOOST_TEST((check(view_of(encoded, RequestId{1}, 1))->code == ErrorCode::too_large));
}

BOOST_AUTO_TEST_SUITE_END()
