// The entry point of every test binary; the cases are in the other files of its target.
#define BOOST_TEST_MODULE reki
#include <boost/test/unit_test.hpp>
