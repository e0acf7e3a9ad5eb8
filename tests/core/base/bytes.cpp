#include "reki/core/base/bytes.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;

BOOST_AUTO_TEST_SUITE(bytes)

BOOST_AUTO_TEST_CASE(same_bytes_sees_a_difference_at_any_place_of_any_length) {
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::string a(size, 'a');
    BOOST_TEST(same_bytes(a, std::string(size, 'a')));
    BOOST_TEST(!same_bytes(a, a + 'a'));
    for (std::size_t at = 0; at < size; ++at) {
      std::string b = a;
      b[at] = 'b';
      BOOST_TEST(!same_bytes(a, b));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
