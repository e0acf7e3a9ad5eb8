#include "history.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace {

using chaos::HistoryEntry;
using nlohmann::json;

HistoryEntry an_entry() {
  HistoryEntry out;
  out.client = 3;
  out.request = 7;
  out.key = "k\"1";
  out.op = "lookup_or_start";
  out.invoked = 100;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(history)

BOOST_AUTO_TEST_CASE(an_entry_is_one_line_of_json) {
  HistoryEntry entry = an_entry();
  entry.returned = 200;
  entry.outcome = "started";
  entry.fence = 18446744073709551615U;
  const std::string line = chaos::to_json(entry);
  BOOST_TEST(line.find('\n') == line.npos);
  BOOST_CHECK(json::parse(line) == json::parse(R"({"client":3,"request":7,"key":"k\"1","op":"lookup_or_start",
      "invoked":100,"returned":200,"outcome":"started","fence":18446744073709551615,"error":""})"));
}

BOOST_AUTO_TEST_CASE(a_failure_that_may_still_take_effect_has_not_returned) {
  for (const auto code : {reki::ErrorCode::unknown_outcome, reki::ErrorCode::deadline_exceeded, reki::ErrorCode::unreachable}) {
    HistoryEntry entry = an_entry();
    chaos::set_failed(entry, code, 200);
    const auto read = json::parse(chaos::to_json(entry));
    BOOST_TEST(read["outcome"] == "unknown");
    BOOST_TEST(read["returned"].is_null());
    BOOST_TEST(read["error"] == std::string{reki::name_of(code)});
  }
}

BOOST_AUTO_TEST_CASE(a_failure_without_effect_has_returned) {
  for (const auto code : {reki::ErrorCode::overloaded, reki::ErrorCode::unavailable, reki::ErrorCode::shutting_down}) {
    HistoryEntry entry = an_entry();
    chaos::set_failed(entry, code, 200);
    const auto read = json::parse(chaos::to_json(entry));
    BOOST_TEST(read["outcome"] == "failed");
    BOOST_TEST(read["returned"] == 200);
  }
}

BOOST_AUTO_TEST_CASE(what_is_flushed_is_in_the_file) {
  const auto path = std::filesystem::temp_directory_path() / ("reki-history-" + std::to_string(getpid()));
  {
    chaos::HistoryWriter writer(path);
    writer.add(an_entry());
    writer.add(an_entry());
    writer.flush();
    std::ifstream file(path);
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) BOOST_TEST(json::parse(line)["request"] == 7);
    BOOST_TEST(lines == 2);
  }
  std::filesystem::remove(path);
  BOOST_CHECK_THROW(chaos::HistoryWriter("/no/such/folder/file"), std::system_error);
}

BOOST_AUTO_TEST_SUITE_END()
