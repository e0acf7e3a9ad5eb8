#include "reki/client/cli/output.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace reki::cli;

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
  for (const auto code :
       {ErrorCode::not_running, ErrorCode::actor_crashed, ErrorCode::overloaded, ErrorCode::unavailable}) {
    BOOST_TEST(exit_code_of(code) == 1);
  }
  for (const auto code : {ErrorCode::invalid_argument, ErrorCode::bad_config, ErrorCode::wrong_cluster}) {
    BOOST_TEST(exit_code_of(code) == 2);
  }
  for (const auto code : {ErrorCode::unreachable, ErrorCode::deadline_exceeded, ErrorCode::unknown_outcome}) {
    BOOST_TEST(exit_code_of(code) == 3);
  }
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_text_are_replaced) {
  BOOST_TEST(one_line(Json{{"key", "a\xff"}, {"n", 1}}) == "{\"key\":\"a\xef\xbf\xbd\",\"n\":1}");
}

BOOST_AUTO_TEST_SUITE_END()
