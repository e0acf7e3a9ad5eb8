#include "reki/core/base/closest_match.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>


namespace {
constexpr std::array<std::string_view, 5> words{"listen", "admin", "weight", "zone", "id"};
}

BOOST_AUTO_TEST_SUITE(closest_match)

BOOST_AUTO_TEST_CASE(a_slip_of_any_kind_is_understood) {
  BOOST_TEST(reki::closest_match("listn", words) == "listen");
  BOOST_TEST(reki::closest_match("listten", words) == "listen");
  BOOST_TEST(reki::closest_match("lisden", words) == "listen");
  BOOST_TEST(reki::closest_match("wieght", words) == "weight");
  BOOST_TEST(reki::closest_match("ix", words) == "id");
}

BOOST_AUTO_TEST_CASE(another_word_is_not_taken_for_a_slip) {
  BOOST_TEST(reki::closest_match("security", words) == "");
  BOOST_TEST(reki::closest_match("xy", words) == "");
  BOOST_TEST(reki::closest_match("", words) == "");
  BOOST_TEST(reki::closest_match(std::string(1000, 'a'), words) == "");
  BOOST_TEST(reki::closest_match("zone", {}) == "");
}

BOOST_AUTO_TEST_SUITE_END()
