#include "reki/core/activation/waiter.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using wire::Op;

namespace {

wire::RequestBody body(Op op, std::optional<Bytes> args = {}) {
  return {op, 0, std::string_view{"counter"}, std::string_view{"k"}, std::move(args), Fence{7}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(demand)

BOOST_AUTO_TEST_CASE(args_say_whether_a_message_starts_its_actor) {
  for (const Op op : {Op::call, Op::send}) {
    BOOST_TEST(!demand_of(body(op), {}, {}).starts);
    BOOST_TEST(demand_of(body(op, Bytes{}), {}, {}).starts);
  }
}

BOOST_AUTO_TEST_CASE(a_start_needs_no_args_and_a_look_up_or_stop_never_starts) {
  for (const Op op : {Op::start, Op::lookup_or_start}) BOOST_TEST(demand_of(body(op), {}, {}).starts);
  for (const Op op : {Op::lookup, Op::stop}) BOOST_TEST(!demand_of(body(op, Bytes{"args"}), {}, {}).starts);
}

BOOST_AUTO_TEST_CASE(a_request_that_goes_on_to_another_process_asks_the_same) {
  wire::RequestBody sent = body(Op::call, Bytes{"args"});
  sent.flags = wire::fail_if_restarting;
  const Demand demand = demand_of(sent, Instant{5}, {Incarnation{1}, RequestId{2}});
  BOOST_TEST((demand.deadline == Instant{5}));
  BOOST_TEST((demand.origin == RequestOrigin{Incarnation{1}, RequestId{2}}));
  BOOST_TEST((body_of(demand, sent.type, sent.key, *sent.args) == sent));
  sent.args.reset();
  sent.flags = 0;
  BOOST_TEST((body_of(demand_of(sent, {}, {}), sent.type, sent.key, {}) == sent));
}

BOOST_AUTO_TEST_CASE(the_oldest_of_a_list_can_be_put_behind_the_others) {
  Waiter a;
  Waiter b;
  Waiter c;
  WaiterList list;
  for (Waiter* w : {&a, &b, &c}) list.push(w);
  list.rotate(2);
  for (const Waiter* w : {&c, &a, &b}) BOOST_TEST(list.pop() == w);
  BOOST_TEST(list.empty());
}

BOOST_AUTO_TEST_SUITE_END()
