#include "reki/client/cli/output.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "reki/core/base/random.hpp"

using namespace reki;
using namespace reki::cli;

namespace {

/// For a JSON parser, which is asked whether the rest is UTF-8.
std::string text_without_quotes(std::string text) {
  std::ranges::replace(text, '"', 'q');
  std::ranges::replace(text, '\\', 'b');
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(output)

BOOST_AUTO_TEST_CASE(columns_are_as_wide_as_their_widest_cell_and_numbers_flush_right) {
  BOOST_TEST(format_table({{"KEY", "SHARE", "NOTE"}, {"a", "7", "x"}, {"longer", "12.5%", ""}}) ==
             "KEY     SHARE  NOTE\n"
             "a           7  x\n"
             "longer  12.5%\n");
}

BOOST_AUTO_TEST_CASE(a_column_with_one_word_in_it_is_flush_left_and_gaps_decide_nothing) {
  BOOST_TEST(format_table({{"A", "B"}, {"12345", "1"}, {"none", ""}, {"", "12345"}}) ==
             "A          B\n"
             "12345      1\n"
             "none\n"
             "       12345\n");
}

BOOST_AUTO_TEST_CASE(letters_of_several_bytes_are_one_wide) {
  BOOST_TEST(format_table({{"ä", "B"}, {"öü", "x"}}) == "ä   B\nöü  x\n");
}

BOOST_AUTO_TEST_CASE(rows_may_be_of_different_lengths) {
  BOOST_TEST(format_table({{"A"}, {"b", "c"}}) == "A\nb  c\n");
  BOOST_TEST(format_table({}).empty());
}

BOOST_AUTO_TEST_CASE(scripts_can_tell_what_to_do_by_the_exit_code) {
  BOOST_TEST(exit_code_of(ErrorCode::ok) == 0);
  const auto all_are = [](int code, std::initializer_list<ErrorCode> errors) {
    for (const auto error : errors) BOOST_TEST(exit_code_of(error) == code, name_of(error));
  };
  all_are(1, {ErrorCode::actor_crashed, ErrorCode::internal, ErrorCode::too_large});
  all_are(2, {ErrorCode::invalid_argument, ErrorCode::bad_config, ErrorCode::wrong_cluster});
  all_are(3, {ErrorCode::unreachable, ErrorCode::deadline_exceeded, ErrorCode::unknown_outcome});
  all_are(4, {ErrorCode::not_running, ErrorCode::gone, ErrorCode::unknown_type, ErrorCode::unknown_message});
  all_are(5, {ErrorCode::unavailable});
  all_are(6, {ErrorCode::refused, ErrorCode::already_started, ErrorCode::start_failed, ErrorCode::restarting,
              ErrorCode::crash_loop, ErrorCode::overloaded, ErrorCode::shutting_down});
}

BOOST_AUTO_TEST_CASE(remedies_for_actors_are_not_given_for_the_cluster_and_all_others_are) {
  for (const std::string verb : {"init", "nodes", "status", "voters", "voters set", "profile set", "upgrade finish"}) {
    for (const auto code : {ErrorCode::already_started, ErrorCode::unknown_outcome, ErrorCode::unavailable}) {
      BOOST_TEST(remedy_of(code, verb) == "");
    }
    BOOST_TEST(remedy_of(ErrorCode::unreachable, verb) == reki::remedy_of(ErrorCode::unreachable));
  }
  for (const std::string verb : {"start", "call", "list", "watch"}) {
    BOOST_TEST(remedy_of(ErrorCode::unavailable, verb) == reki::remedy_of(ErrorCode::unavailable));
  }
}

BOOST_AUTO_TEST_CASE(what_a_terminal_would_take_for_a_command_is_escaped) {
  BOOST_TEST(printable("two\nlines\tand\rmore") == "two\\nlines\\tand\\rmore");
  BOOST_TEST(printable("\x1b[31mred\a\x7f") == "\\x1b[31mred\\x07\\u007f");
  BOOST_TEST(printable("a\xc2\x9b" "31m") == "a\\u009b31m");
  BOOST_TEST(printable(std::string_view("\0", 1)) == "\\x00");
}

BOOST_AUTO_TEST_CASE(text_stays_as_it_is_and_bytes_that_are_none_are_escaped) {
  for (const char* text : {"", "plain \\ text", "\xc2\xa0", "ä€𝄞", "日本語"}) BOOST_TEST(printable(text) == text);
  BOOST_TEST(printable("\x9b" "31m \xff \xc3") == "\\x9b31m \\xff \\xc3");
  BOOST_TEST(printable("\xc0\x8a") == "\\xc0\\x8a");          // a line break, written too long
  BOOST_TEST(printable("\xe2\x82z") == "\\xe2\\x82z");        // cut short
}

// Whatever bytes there are: what comes out is UTF-8 without control characters.
BOOST_AUTO_TEST_CASE(nothing_gets_through_in_a_hundred_thousand_drawn_texts) {
  SplitMix random(1);
  for (int i = 0; i < 100'000; ++i) {
    std::string text(random.below(12), '\0');
    for (char& c : text) c = static_cast<char>(random.below(4) == 0 ? random.below(256) : 0x78 + random.below(0x4a));
    const std::string out = printable(text);
    BOOST_TEST_REQUIRE(printable(out) == out, "of " << out);
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    BOOST_TEST_REQUIRE(std::ranges::none_of(out, is_control));
    BOOST_TEST_REQUIRE(Json::parse('"' + text_without_quotes(out) + '"', nullptr, false).is_string());
  }
}

BOOST_AUTO_TEST_CASE(a_cell_takes_one_line_whatever_it_holds) {
  BOOST_TEST(format_table({{"KEY"}, {"a\nb"}}) == "KEY\na\\nb\n");
}

BOOST_AUTO_TEST_CASE(integers_that_a_reader_of_doubles_would_round_are_strings) {
  const std::uint64_t wide = (1ULL << 53) + 1;
  const Json json = {{"a", wide}, {"b", {-1 - (std::int64_t{1} << 53), 1ULL << 53}}, {"c", "text"}, {"d", 0.5}};
  BOOST_TEST(one_line(for_any_reader(json)) ==
             R"({"a":"9007199254740993","b":["-9007199254740993",9007199254740992],"c":"text","d":0.5})");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_text_are_replaced) {
  BOOST_TEST(one_line(Json{{"key", "a\xff"}, {"n", 1}}) == "{\"key\":\"a\xef\xbf\xbd\",\"n\":1}");
}

BOOST_AUTO_TEST_SUITE_END()
