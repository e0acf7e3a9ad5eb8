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
  const auto check = [](std::string_view op, reki::ErrorCode code) {
    HistoryEntry entry = an_entry();
    entry.op = op;
    chaos::set_failed(entry, code, 200);
    const auto read = json::parse(chaos::to_json(entry));
    BOOST_TEST(read["outcome"] == "unknown");
    BOOST_TEST(read["returned"].is_null());
    BOOST_TEST(read["error"] == std::string{reki::name_of(code)});
  };
  for (const auto code : {reki::ErrorCode::unknown_outcome, reki::ErrorCode::deadline_exceeded, reki::ErrorCode::unreachable}) {
    check("call", code);
  }
  // The last try had no effect; an earlier one may have had.
  check("lookup_or_start", reki::ErrorCode::unavailable);
  check("stop", reki::ErrorCode::overloaded);
}

BOOST_AUTO_TEST_CASE(a_failure_without_effect_has_returned) {
  const auto check = [](std::string_view op, reki::ErrorCode code) {
    HistoryEntry entry = an_entry();
    entry.op = op;
    chaos::set_failed(entry, code, 200);
    const auto read = json::parse(chaos::to_json(entry));
    BOOST_TEST(read["outcome"] == "failed");
    BOOST_TEST(read["returned"] == 200);
  };
  for (const auto code : {reki::ErrorCode::overloaded, reki::ErrorCode::unavailable, reki::ErrorCode::shutting_down}) {
    check("call", code);
  }
  check("lookup", reki::ErrorCode::unreachable);
}

BOOST_AUTO_TEST_CASE(the_checkers_line_has_what_is_known_of_the_key) {
  HistoryEntry entry = an_entry();
  entry.key = "k-1";
  entry.returned = 200;
  entry.fence = (std::uint64_t{5} << 32) | 9;
  const auto line = [&](std::string_view op, std::string_view outcome) {
    entry.op = op;
    entry.outcome = outcome;
    return chaos::to_check_line(entry);
  };
  BOOST_TEST(line("lookup_or_start", "started") == "c3 7 lookup_or_start k-1 100 200 started 5:9");
  BOOST_TEST(line("lookup_or_start", "found") == "c3 7 lookup_or_start k-1 100 200 running 5:9");
  BOOST_TEST(line("lookup", "found") == "c3 7 lookup k-1 100 200 running 5:9");
  BOOST_TEST(line("stop", "stopped") == "c3 7 stop k-1 100 200 stopped 5:9");
  BOOST_TEST(line("call", "found") == "c3 7 lookup k-1 100 200 running 5:9");
  entry.fence = 0;
  BOOST_TEST(line("lookup", "not_running") == "c3 7 lookup k-1 100 200 not_running");
  BOOST_TEST(line("stop", "not_running") == "c3 7 stop k-1 100 200 not_running");
  BOOST_TEST(line("lookup", "failed") == "c3 7 lookup k-1 100 200 failed_unexecuted");
  BOOST_TEST(line("call", "failed") == "c3 7 lookup_or_start k-1 100 never unknown");
  entry.returned.reset();
  BOOST_TEST(line("call", "unknown") == "c3 7 lookup_or_start k-1 100 never unknown");
  BOOST_TEST(line("stop", "unknown") == "c3 7 stop k-1 100 never unknown");
}

BOOST_AUTO_TEST_CASE(what_is_flushed_is_in_the_file) {
  const auto path = std::filesystem::temp_directory_path() / ("reki-history-" + std::to_string(getpid()));
  {
    chaos::LineWriter writer(path);
    writer.add("one");
    writer.add("two");
    writer.flush();
    std::ifstream file(path);
    std::string all{std::istreambuf_iterator<char>(file), {}};
    BOOST_TEST(all == "one\ntwo\n");
  }
  std::filesystem::remove(path);
  BOOST_CHECK_THROW(chaos::LineWriter("/no/such/folder/file"), std::system_error);
}

BOOST_AUTO_TEST_SUITE_END()
