#include "reki/core/activation/ended_requests.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;

namespace {

RequestOrigin origin(std::uint64_t id) { return {Incarnation{1}, RequestId{id}}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(ended_requests)

BOOST_AUTO_TEST_CASE(the_last_ones_are_known_and_the_oldest_go_first) {
  EndedRequests ended;
  BOOST_TEST(ended.find(origin(1)).value == 0U);
  for (std::uint64_t id = 1; id <= limits::ended_requests_max + 2; ++id) ended.note(origin(id), Fence{id});
  BOOST_TEST(ended.find(origin(1)).value == 0U);
  BOOST_TEST(ended.find(origin(2)).value == 0U);
  BOOST_TEST(ended.find(origin(3)).value == 3U);
  BOOST_TEST(ended.find(origin(limits::ended_requests_max + 2)).value == limits::ended_requests_max + 2);
}

BOOST_AUTO_TEST_CASE(one_that_is_noted_again_takes_no_second_place) {
  EndedRequests ended;
  for (std::size_t i = 0; i < 2 * limits::ended_requests_max; ++i) ended.note(origin(1), Fence{i + 1});
  ended.note(origin(2), Fence{9});
  BOOST_TEST(ended.find(origin(1)).value == 2 * limits::ended_requests_max);
  BOOST_TEST(ended.find(origin(2)).value == 9U);
}

BOOST_AUTO_TEST_CASE(who_has_no_origin_repeats_nothing) {
  EndedRequests ended;
  ended.note({}, Fence{5});
  BOOST_TEST(ended.find({}).value == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
