#include "reki/actor/schema.hpp"

#include <boost/test/unit_test.hpp>

#include "example_actors.hpp"

using namespace reki;
using namespace example;

BOOST_AUTO_TEST_SUITE(schema)

BOOST_AUTO_TEST_CASE(a_description_reads_like_the_struct) {
  BOOST_TEST(to_string(schema_of<Increment>()) == "{by: int = 1}");
  BOOST_TEST(to_string(schema_of<Draw>()) ==
             "{points: [{x: int = 0, y: int = 0}] = [], weights: {str: float} = {}, label: str? = null, width: uint = 3}");
  BOOST_TEST(to_string(schema_of<void>()) == "nil");
}

BOOST_AUTO_TEST_CASE(descriptions_survive_the_wire) {
  const auto bytes = encode_descriptions({describe<Counter>(), describe<Canvas>()});
  const auto got = decode_descriptions(bytes);
  BOOST_REQUIRE(got.has_value());
  BOOST_REQUIRE(got->size() == 2U);
  BOOST_TEST((*got)[0].type == "counter");
  BOOST_REQUIRE((*got)[0].messages.size() == 3U);
  BOOST_TEST((*got)[0].messages[0].name == "increment");
  BOOST_TEST(to_string((*got)[1].messages[0].fields) == to_string(schema_of<Draw>()));
  BOOST_TEST(to_string((*got)[1].args) == "{title: str = \"untitled\"}");
}

BOOST_AUTO_TEST_CASE(damaged_descriptions_are_an_error) {
  const auto bytes = encode_descriptions({describe<Canvas>()});
  for (std::size_t n = 0; n < bytes.size(); ++n) BOOST_TEST(!decode_descriptions(BytesView{bytes}.substr(0, n)));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes damaged = bytes;
    damaged[i] = static_cast<char>(~damaged[i]);
    (void)decode_descriptions(damaged);  // an error or another description: no crash, no leak
  }
}

BOOST_AUTO_TEST_SUITE_END()
