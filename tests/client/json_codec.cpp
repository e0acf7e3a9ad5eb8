#include "reki/client/cli/json_codec.hpp"

#include <boost/test/unit_test.hpp>

#include "../actor/example_actors.hpp"
#include "reki/client/cli/output.hpp"

using namespace reki;
using cli::Json;

namespace {

const Schema draw = schema_of<example::Draw>();
const Schema increment = schema_of<example::Increment>();

Bytes packed(const char* json, const Schema& schema) {
  const auto bytes = cli::to_msgpack(cli::parse_json(json).value(), schema);
  BOOST_REQUIRE_MESSAGE(bytes, (bytes ? "" : bytes.error().text));
  return *bytes;
}

std::string refused(const char* json, const Schema& schema) {
  const auto bytes = cli::to_msgpack(cli::parse_json(json).value(), schema);
  BOOST_REQUIRE(!bytes);
  BOOST_TEST((bytes.error().code == ErrorCode::invalid_argument));
  BOOST_TEST_MESSAGE(bytes.error().text);
  return bytes.error().text;
}

Schema plain(Schema::Kind kind, std::vector<Schema> inner = {}) { return {kind, std::move(inner), {}}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(json_codec)

BOOST_AUTO_TEST_CASE(a_message_typed_as_json_is_what_the_actor_decodes) {
  BOOST_TEST(unpack<example::Increment>(packed(R"({"by":-7})", increment))->by == -7);
  const auto d = unpack<example::Draw>(packed(
      R"({"width":9,"points":[{"x":1,"y":2},{"x":-3}],"weights":{"a":0.5,"b":2},"label":"hi"})", draw));
  BOOST_REQUIRE(d);
  BOOST_TEST(d->points.size() == 2U);
  BOOST_TEST(d->points[1].x == -3);
  BOOST_TEST(d->points[1].y == 0);
  BOOST_TEST(d->weights.at("b") == 2.0);
  BOOST_TEST(*d->label == "hi");
  BOOST_TEST(int{d->width} == 9);
}

BOOST_AUTO_TEST_CASE(fields_left_out_at_the_end_are_not_sent_and_in_the_middle_have_their_described_default) {
  BOOST_TEST(packed("{}", increment) == "\x90");
  BOOST_TEST(unpack<example::Increment>(packed("{}", increment))->by == 1);
  const auto d = unpack<example::Draw>(packed(R"({"width":9})", draw));
  BOOST_REQUIRE(d);
  BOOST_TEST(d->points.empty());
  BOOST_TEST(!d->label.has_value());
  const auto points_only = packed(R"({"points":[]})", draw);
  BOOST_TEST(points_only == "\x91\x90");
}

BOOST_AUTO_TEST_CASE(a_middle_field_without_a_default_is_asked_for) {
  Schema schema = plain(Schema::Kind::structure);
  schema.fields = {{"a", plain(Schema::Kind::integer), {}}, {"b", plain(Schema::Kind::integer), {}}};
  BOOST_TEST(refused(R"({"b":1})", schema).find("a: is missing") != std::string::npos);
  BOOST_TEST(packed(R"({"a":1})", schema) == "\x91\x01");
}

BOOST_AUTO_TEST_CASE(a_wrong_name_is_answered_with_the_one_that_was_meant) {
  BOOST_TEST(refused(R"({"wdith":1})", draw).find("did you mean 'width'") != std::string::npos);
  BOOST_TEST(refused(R"({"zzzzzzz":1})", increment).find("{by: int = 1}") != std::string::npos);
  BOOST_TEST(refused(R"({"points":[{"x":1},{"z":1}]})", draw).find("points[1]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(wrong_kinds_and_numbers_out_of_range_are_refused_with_their_place) {
  BOOST_TEST(refused(R"({"by":"two"})", increment).find("by: expected int") != std::string::npos);
  BOOST_TEST(refused(R"({"by":1.5})", increment).find("by: expected int") != std::string::npos);
  BOOST_TEST(refused(R"({"by":9223372036854775808})", increment).find("out of range") != std::string::npos);
  BOOST_TEST(refused(R"({"width":-1})", draw).find("below 0") != std::string::npos);
  BOOST_TEST(refused(R"({"weights":{"a":true}})", draw).find("weights[\"a\"]") != std::string::npos);
  refused("[1]", increment);
  refused("true", plain(Schema::Kind::nil));
  refused("1", plain(Schema::Kind::boolean));
  refused("1", plain(Schema::Kind::str));
  refused("\"?\"", plain(Schema::Kind::bin));
  refused(R"({"one":2})", plain(Schema::Kind::map, {plain(Schema::Kind::integer), plain(Schema::Kind::integer)}));
}

BOOST_AUTO_TEST_CASE(whole_ranges_pass) {
  const auto both_ways = [](const char* json, const Schema& schema) {
    const auto back = cli::to_json(packed(json, schema), schema);
    BOOST_REQUIRE(back);
    BOOST_TEST(cli::one_line(*back) == json);
  };
  using Kind = Schema::Kind;
  both_ways("18446744073709551615", plain(Kind::unsigned_integer));
  both_ways("-9223372036854775808", plain(Kind::integer));
  both_ways("9223372036854775807", plain(Kind::integer));
  both_ways("null", plain(Kind::optional, {plain(Kind::str)}));
  both_ways("\"aGVsbG8=\"", plain(Kind::bin));
  both_ways(R"({"1":"a","-2":"b"})", plain(Kind::map, {plain(Kind::integer), plain(Kind::str)}));
  both_ways(R"({"a":[1,-1,null,true,1.5,{"b":"c"}]})", plain(Kind::any));
  both_ways(R"({"points":[{"x":1,"y":2}],"weights":{"w":0.25},"label":null,"width":3})", draw);
}

BOOST_AUTO_TEST_CASE(a_reply_that_does_not_fit_its_description_is_shown_as_it_is) {
  BOOST_TEST(cli::one_line(cli::to_json("\x93\x01\x02\x03", increment).value()) == "[1,2,3]");
  BOOST_TEST(cli::one_line(cli::to_json("\xa2hi", increment).value()) == "\"hi\"");
  BOOST_TEST(cli::one_line(cli::to_json("", increment).value()) == R"({"by":1})");
  BOOST_TEST(cli::to_json("", plain(Schema::Kind::nil)).value().is_null());
  BOOST_TEST(!cli::to_json("\xdd\xff\xff\xff\xff", increment));
  BOOST_TEST(!cli::to_json(std::string("\x01\x01"), increment));
}

BOOST_AUTO_TEST_CASE(text_that_is_not_json_or_too_deep_is_refused) {
  BOOST_TEST(!cli::parse_json("{by:2}"));
  BOOST_TEST(cli::parse_json("{by:2}").error().text.find("quote") != std::string::npos);
  BOOST_TEST(!cli::parse_json(std::string(10000, '[') + std::string(10000, ']')));
}

BOOST_AUTO_TEST_CASE(tables_align_words_left_and_numbers_right) {
  BOOST_TEST(cli::format_table({{"NODE", "SLOTS"}, {"n1", "5461"}, {"longer", "12"}}) ==
             "NODE    SLOTS\nn1       5461\nlonger     12\n");
}

BOOST_AUTO_TEST_SUITE_END()
