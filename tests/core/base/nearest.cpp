#include "reki/core/base/nearest.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>


namespace {
constexpr std::array<std::string_view, 5> words{"listen", "admin", "weight", "zone", "id"};
}

BOOST_AUTO_TEST_SUITE(nearest)

BOOST_AUTO_TEST_CASE(a_slip_of_any_kind_is_understood) {
  BOOST_TEST(reki::nearest("listn", words) == "listen");
  BOOST_TEST(reki::nearest("listten", words) == "listen");
  BOOST_TEST(reki::nearest("lisden", words) == "listen");
  BOOST_TEST(reki::nearest("wieght", words) == "weight");
  BOOST_TEST(reki::nearest("ix", words) == "id");
}

BOOST_AUTO_TEST_CASE(another_word_is_not_taken_for_a_slip) {
  BOOST_TEST(reki::nearest("security", words) == "");
  BOOST_TEST(reki::nearest("xy", words) == "");
  BOOST_TEST(reki::nearest("", words) == "");
  BOOST_TEST(reki::nearest(std::string(1000, 'a'), words) == "");
  BOOST_TEST(reki::nearest("zone", {}) == "");
}

BOOST_AUTO_TEST_SUITE_END()
