#include "reki/actor/msgpack_cxx.hpp"
#include "reki/actor/pack.hpp"

#include <boost/test/unit_test.hpp>

#include "example_actors.hpp"

using namespace reki;
using namespace example;

namespace {

struct Inner {
  std::int32_t value = 5;
  bool operator==(const Inner&) const = default;
  static constexpr auto fields = reki::fields("value", &Inner::value);
};
struct Mixed {
  bool yes = false;
  std::uint8_t small = 1;
  std::uint64_t large = 2;
  std::int64_t whole = 3;
  std::string word = "w";
  Inner inner;
  bool operator==(const Mixed&) const = default;
  static constexpr auto fields = reki::fields("yes", &Mixed::yes, "small", &Mixed::small, "large", &Mixed::large, "whole",
                                              &Mixed::whole, "word", &Mixed::word, "inner", &Mixed::inner);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pack)

BOOST_AUTO_TEST_CASE(a_struct_is_an_array_of_its_fields_in_order) {
  BOOST_TEST(reki::pack(Point{1, -1}) == Bytes("\x92\x01\xff"));
  BOOST_TEST(reki::pack(Get{}) == Bytes("\x90"));
}

BOOST_AUTO_TEST_CASE(nested_values_come_back_as_they_were) {
  const Draw sent{{{1, 2}, {3, 4}}, {{"a", 0.5}}, "red", 7};
  const auto got = unpack<Draw>(reki::pack(sent));
  BOOST_REQUIRE(got.has_value());
  BOOST_TEST(got->points.size() == 2U);
  BOOST_TEST(got->points[1].y == 4);
  BOOST_TEST(got->weights.at("a") == 0.5);
  BOOST_TEST(*got->label == "red");
  BOOST_TEST(int{got->width} == 7);
}

BOOST_AUTO_TEST_CASE(fields_left_out_at_the_end_keep_their_defaults) {
  BOOST_TEST(unpack<Increment>("")->by == 1);
  BOOST_TEST(unpack<Increment>("\x90")->by == 1);
  BOOST_TEST(unpack<Increment>("\x91\x05")->by == 5);
  BOOST_TEST(unpack<Get>("").has_value());
}

BOOST_AUTO_TEST_CASE(extra_fields_are_refused_and_not_lost) {
  const auto got = unpack<Increment>("\x92\x05\x06");
  BOOST_REQUIRE(!got);
  BOOST_TEST((got.error().code == ErrorCode::malformed_message));
  BOOST_TEST(got.error().text == "expected at most 1 fields, got 2");
}

BOOST_AUTO_TEST_CASE(a_wrong_type_names_its_field) {
  BOOST_TEST(unpack<Increment>("\x91\xa1x").error().text == "field 'by' has the wrong type or is out of range");
  const auto nested = unpack<Draw>("\x91\x91\x92\x01\xa1x");
  BOOST_TEST(nested.error().text == "field 'points': field 'y' has the wrong type or is out of range");
  BOOST_TEST(unpack<Increment>("\x81\xa2" "by\x05").error().text == "expected an array of fields");
}

BOOST_AUTO_TEST_CASE(a_number_that_does_not_fit_is_refused_and_not_cut) {
  const auto got = unpack<Draw>(Bytes("\x94\x90\x80\xc0\xcd\x01\x00", 7));
  BOOST_REQUIRE(!got);
  BOOST_TEST(got.error().text == "field 'width' has the wrong type or is out of range");
}

BOOST_AUTO_TEST_CASE(a_length_that_asks_for_all_memory_is_refused) {
  const auto got = unpack<Draw>("\xdd\xff\xff\xff\xff");
  BOOST_REQUIRE(!got);
  BOOST_TEST((got.error().code == ErrorCode::too_large));
}

BOOST_AUTO_TEST_CASE(numbers_and_words_are_read_as_msgpack_cxx_reads_them) {
  const auto both_ways = [](const Mixed& sent) {
    const Bytes bytes = reki::pack(sent);
    Mixed theirs;
    msgpack::unpack(bytes.data(), bytes.size()).get().convert(theirs);
    const auto ours = unpack<Mixed>(bytes);
    BOOST_REQUIRE(ours.has_value());
    BOOST_TEST((*ours == sent));
    BOOST_TEST((theirs == sent));
  };
  both_ways({});
  both_ways({true, 255, UINT64_MAX, INT64_MAX, "word", {1}});
  both_ways({false, 128, 1ULL << 32, 200, std::string(300, 'x'), {70000}});
  both_ways({false, 0, 0, -1, "", {-70000}});
  both_ways({false, 0, 0, INT64_MIN, "", {INT32_MIN}});
  BOOST_TEST(unpack<std::uint8_t>("\xcc\xff").value() == 255);
  BOOST_TEST(unpack<std::int8_t>("\xff").value() == -1);
  BOOST_TEST(!unpack<std::int8_t>("\xcc\xff"));
  BOOST_TEST(!unpack<std::uint64_t>("\xff"));
  BOOST_TEST(!unpack<bool>("\x01"));
  BOOST_TEST(unpack<std::string>("\xc4\x01x").value() == "x");
  BOOST_TEST(!unpack<std::string>("\xa2x"));
}

BOOST_AUTO_TEST_CASE(what_is_left_out_inside_of_a_struct_keeps_its_default) {
  const auto got = unpack<Mixed>("\x92\xc3\x07");
  BOOST_REQUIRE(got.has_value());
  Mixed wanted;
  wanted.yes = true;
  wanted.small = 7;
  BOOST_TEST((*got == wanted));
  BOOST_TEST(unpack<Mixed>(Bytes("\x92\xc3\xcd\x01\x00", 5)).error().text == "field 'small' has the wrong type or is out of range");
}

BOOST_AUTO_TEST_CASE(truncated_and_trailing_bytes_are_refused) {
  const Bytes whole = reki::pack(Draw{{{1, 2}}, {{"a", 1}}, "x", 1});
  for (std::size_t n = 1; n < whole.size(); ++n) BOOST_TEST(!unpack<Draw>(BytesView{whole}.substr(0, n)));
  BOOST_TEST(!unpack<Draw>(whole + "\x01"));
}

BOOST_AUTO_TEST_SUITE_END()
