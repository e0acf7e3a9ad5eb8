#include "reki/core/base/error.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

using namespace reki;

BOOST_AUTO_TEST_SUITE(error)

BOOST_AUTO_TEST_CASE(every_known_code_has_a_name_and_a_remedy_of_its_own) {
  std::set<std::string_view> names;
  int known = 0;
  for (std::uint16_t n = 0; n < 1000; ++n) {
    if (!is_known(n)) continue;
    ++known;
    BOOST_TEST(names.insert(name_of(ErrorCode{n})).second);
    BOOST_TEST(!remedy_of(ErrorCode{n}).empty());
  }
  BOOST_TEST(known == 34);
}

BOOST_AUTO_TEST_CASE(a_number_of_a_later_version_is_unknown_and_says_so) {
  BOOST_TEST(!is_known(9999));
  BOOST_TEST(name_of(ErrorCode{9999}) == "unknown");
  BOOST_TEST(remedy_of(ErrorCode{9999}).find("upgrade") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(a_message_names_the_code_the_text_and_when_to_try_again) {
  const Error e{ErrorCode::restarting, "division by zero", std::chrono::milliseconds(40)};
  BOOST_TEST(e.message() == "restarting: division by zero (try again in 40 ms)");
  BOOST_TEST(Error{ErrorCode::not_running}.message() == "not_running: start it, or use lookup_or_start");
}

BOOST_AUTO_TEST_CASE(a_wait_of_less_than_a_millisecond_is_not_printed_as_none) {
  const Error e{ErrorCode::overloaded, "full", std::chrono::microseconds(5)};
  BOOST_TEST(e.message() == "overloaded: full (try again in 1 ms)");
}

BOOST_AUTO_TEST_SUITE_END()
