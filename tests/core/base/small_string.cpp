#include "reki/core/base/small_string.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <vector>

using namespace reki;

static_assert(sizeof(SmallString) == 32);
static_assert(std::is_nothrow_move_constructible_v<SmallString> && std::is_nothrow_move_assignable_v<SmallString>);

BOOST_AUTO_TEST_SUITE(small_string)

BOOST_AUTO_TEST_CASE(it_is_made_of_and_set_to_all_that_is_text) {
  const std::string string = "string";
  SmallString s = "literal";
  BOOST_TEST(s.view() == "literal");
  s = string;
  BOOST_TEST(s.view() == "string");
  s = std::string_view{"view"};
  BOOST_TEST(s.view() == "view");
  s = std::string_view{};
  BOOST_TEST(s.empty());
  const SmallString from_string = string;
  std::string back;
  back = from_string;
  BOOST_TEST(back == "string");
  BOOST_TEST((from_string == "string" && from_string == string && from_string != SmallString("strinh")));
}

BOOST_AUTO_TEST_CASE(it_may_be_set_to_a_part_of_itself) {
  SmallString s = std::string(100, 'x') + "tail";
  s = s.view().substr(100);
  BOOST_TEST(s.view() == "tail");
  s = s.view().substr(1);
  BOOST_TEST(s.view() == "ail");
  const SmallString& same = s;
  s = same;
  BOOST_TEST(s.view() == "ail");
}

BOOST_AUTO_TEST_CASE(what_has_been_moved_from_is_empty_and_can_be_used_again) {
  for (const std::size_t size : {3U, 24U, 25U, 300U}) {
    SmallString a = std::string(size, 'a');
    SmallString b = std::move(a);
    BOOST_TEST(a.empty());  // NOLINT(bugprone-use-after-move): that is the claim
    BOOST_TEST(b.view() == std::string(size, 'a'));
    a = "again";
    BOOST_TEST(a.view() == "again");
  }
}

// Against std::string: any sequence of the operations, with lengths on both sides of what stands in the object.
BOOST_AUTO_TEST_CASE(it_is_what_a_string_is_after_any_operations) {
  std::mt19937 random(7);
  constexpr std::size_t count = 8;
  std::vector<SmallString> small(count);
  std::vector<std::string> model(count);
  for (int step = 0; step < 20000; ++step) {
    const std::size_t i = random() % count;
    const std::size_t j = random() % count;
    switch (random() % 4) {
      case 0: {
        std::string text(random() % 50, '\0');
        for (char& c : text) c = static_cast<char>(random());
        small[i] = text;
        model[i] = text;
        break;
      }
      case 1:
        small[i] = small[j];
        model[i] = std::string(model[j]);
        break;
      case 2:
        std::swap(small[i], small[j]);
        std::swap(model[i], model[j]);
        break;
      default: {
        SmallString copy = small[i];
        small[j] = std::move(copy);
        model[j] = std::string(model[i]);
      }
    }
    for (std::size_t k = 0; k < count; ++k) BOOST_REQUIRE(small[k].view() == model[k]);
    BOOST_REQUIRE(((small[i] == small[j]) == (model[i] == model[j])));
    BOOST_REQUIRE(((small[i] <=> small[j]) == (std::string_view{model[i]} <=> std::string_view{model[j]})));
  }
}

BOOST_AUTO_TEST_SUITE_END()
