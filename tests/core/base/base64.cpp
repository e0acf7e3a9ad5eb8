#include "reki/core/base/base64.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;

BOOST_AUTO_TEST_SUITE(base64)

BOOST_AUTO_TEST_CASE(all_bytes_come_back) {
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 37 + size));
    BOOST_TEST((from_base64(to_base64(bytes)).value() == bytes));
  }
}

BOOST_AUTO_TEST_CASE(it_is_the_standards_form_with_padding) {
  BOOST_TEST(to_base64("") == "");
  BOOST_TEST(to_base64("hello") == "aGVsbG8=");
  BOOST_TEST(to_base64("\xfb\xff\xbe") == "+/++");
}

BOOST_AUTO_TEST_CASE(what_is_not_the_standards_form_is_refused) {
  for (const char* text : {"a", "ab", "abc", "====", "=", "a===", "ab=c", "abc!", "aGVsbG8", "aGVsbG9=", "aGVs bG8=", "aGVs\nbG8=",
                           "aGVsbG8.", "-_--"}) {
    BOOST_TEST(!from_base64(text), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
