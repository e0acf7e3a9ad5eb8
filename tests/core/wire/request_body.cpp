#include "reki/core/wire/request_body.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace reki::wire;

BOOST_AUTO_TEST_SUITE(request_body)

BOOST_AUTO_TEST_CASE(a_view_says_all_that_the_owned_request_says) {
  EncodedRequest owned;
  static_cast<RequestBody&>(owned) = {Op::call, 3, std::string_view{"counter"}, std::string_view{"k"}, Bytes{"args"}, Fence{7}};
  owned.message = "increment";
  owned.payload = "payload";
  const Request view = view_of(owned, RequestId{5}, 900);
  const Request expected{{Op::call, 3, "counter", "k", BytesView{"args"}, Fence{7}}, RequestId{5}, 900, "increment", "payload"};
  BOOST_TEST((view == expected));
  BOOST_TEST(static_cast<const void*>(view.key.data()) == static_cast<const void*>(owned.key.data()));
}

BOOST_AUTO_TEST_CASE(no_args_are_not_empty_args) {
  RequestBody body;
  BOOST_TEST(!view_of(body).args.has_value());
  body.args = Bytes{};
  BOOST_TEST(view_of(body).args.has_value());
}

BOOST_AUTO_TEST_SUITE_END()
