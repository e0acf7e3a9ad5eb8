#include "history/history_file.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

using namespace reki;
using namespace reki::history;

namespace {

/// A folder that is gone with the test.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "reki-history-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

/// The message that reading these lines after the first gives, or "".
std::string complaint(const std::string& lines) {
  History history;
  const auto read = read_text(history, "reki-history 1\n" + lines, "f");
  return read ? "" : read.error().text;
}

std::string described(History& history) {
  std::string out;
  for (const Operation& o : history.by_key()) out += history.describe(o) + "\n";
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(history_file)

BOOST_FIXTURE_TEST_CASE(what_is_written_is_read, Folder) {
  const std::string odd_key{"a b%#\n\x00\x7f\xff", 9};
  auto writer = Writer::create(file("a"));
  BOOST_REQUIRE(writer.has_value());
  writer->write({"a", 17, Call::lookup_or_start, "k", Instant{1}, Instant{2}, Answer::started, Fence{5}});
  writer->write({"#b", 0, Call::lookup, odd_key, Instant{3}, Instant{4}, Answer::not_running, {}});
  writer->write({"a", 0, Call::stop, "k", Instant{5}, Instant{6}, Answer::unknown, {}});
  BOOST_TEST(writer->flush().has_value());

  History history;
  const auto counts = read_file(history, file("a"));
  BOOST_REQUIRE(counts.has_value());
  BOOST_TEST(counts->operations == 3);
  BOOST_TEST(!counts->cut_off);
  const auto all = history.by_key();
  BOOST_REQUIRE(all.size() == 3);
  BOOST_TEST(history.describe(all[0]) ==
             "a#17 lookup_or_start(k) = started 0:5 from 0.000000001 to 0.000000002 s [" + file("a") + ":2]");
  BOOST_TEST(history.describe(all[1]) == "a stop(k) = unknown from 0.000000005 to never s [" + file("a") + ":4]");
  BOOST_TEST(history.key_name(all[2].key) == odd_key);
  BOOST_TEST(history.client_name(all[2].client) == "#b");
}

BOOST_AUTO_TEST_CASE(comments_are_passed_over) { BOOST_TEST(complaint("# a - lookup\n") == ""); }

BOOST_FIXTURE_TEST_CASE(files_are_read_into_one_history_where_equal_clients_differ_and_equal_keys_do_not, Folder) {
  History history;
  BOOST_TEST(read_text(history, "reki-history 1\na - lookup k 3 4 not_running\na - lookup k 5 6 not_running\n", "one")
                 .has_value());
  BOOST_TEST(read_text(history, "reki-history 1\na - lookup k 1 2 not_running\n", "two").has_value());
  const auto all = history.by_key();
  BOOST_REQUIRE(all.size() == 3);
  BOOST_TEST(described(history) ==
             "a lookup(k) = not_running from 0.000000001 to 0.000000002 s [two:2]\n"
             "a lookup(k) = not_running from 0.000000003 to 0.000000004 s [one:2]\n"
             "a lookup(k) = not_running from 0.000000005 to 0.000000006 s [one:3]\n");
  BOOST_TEST(all[0].key == all[1].key);
  BOOST_TEST(all[0].client != all[1].client);
  BOOST_TEST(all[1].client == all[2].client);
}

BOOST_AUTO_TEST_CASE(a_last_line_without_its_end_is_not_read) {
  // It reads as fence 5:1, and may have been 5:17.
  History history;
  const auto counts =
      read_text(history, "reki-history 1\na - lookup k 1 2 not_running\na - lookup k 3 4 running 5:1", "f");
  BOOST_REQUIRE(counts.has_value());
  BOOST_TEST(counts->operations == 1);
  BOOST_TEST(counts->cut_off);
  BOOST_TEST(history.size() == 1);
}

BOOST_AUTO_TEST_CASE(a_mistake_is_named_with_its_line_and_its_remedy) {
  const std::string good = "a - lookup k 1 2 not_running\n";
  BOOST_TEST(complaint(good) == "");
  BOOST_TEST(complaint(good + "a - look k 1 2 not_running\n") ==
             "f:3: 'look' is no call; one of lookup_or_start, lookup, stop");
  BOOST_TEST(complaint("a - lookup k 1 2 maybe\n") ==
             "f:2: 'maybe' is no answer; one of running, started, not_running, stopped, failed_unexecuted, unknown");
  BOOST_TEST(complaint("a 0 lookup k 1 2 unknown\n") ==
             "f:2: '0' is no request; a number from 1 on, or '-' for a request that has one try");
  BOOST_TEST(complaint("a - lookup k x 2 unknown\n") == "f:2: 'x' is no time of invocation; nanoseconds");
  BOOST_TEST(complaint("a - lookup k never 2 unknown\n") == "f:2: 'never' is no time of invocation; nanoseconds");
  BOOST_TEST(complaint("a - lookup k -1 2 unknown\n") == "f:2: '-1' is no time of invocation; nanoseconds");
  BOOST_TEST(complaint("a - lookup k 1 2x unknown\n") == "f:2: '2x' is no time of return; nanoseconds, or never");
  BOOST_TEST(complaint("a - lookup k 1 2 running 5\n") == "f:2: '5' is no fence; epoch:start, the start from 1 on");
  BOOST_TEST(complaint("a - lookup k 1 2 running 5:0\n") == "f:2: '5:0' is no fence; epoch:start, the start from 1 on");
  BOOST_TEST(complaint("a - lookup k 1 2 running 5:4294967296\n") ==
             "f:2: '5:4294967296' is no fence; epoch:start, the start from 1 on");
  BOOST_TEST(complaint("a - lookup k 1 2 running 5:1 x\n") ==
             "f:2: there is more after the fence; an operation a line");
  BOOST_TEST(complaint("a - lookup k%2 1 2 unknown\n") ==
             "f:2: 'k%2' has a '%' without two hexadecimal digits; write '%' itself as %25");
  BOOST_TEST(complaint("a - lookup  1 2 unknown\n") ==
             "f:2: a name is missing; one blank between two fields, and no name is empty");
  BOOST_TEST(complaint("\n") == "f:2: a name is missing; one blank between two fields, and no name is empty");
  BOOST_TEST(complaint("a -\n") == "f:2: '' is no call; one of lookup_or_start, lookup, stop");
  BOOST_TEST(complaint("a - stop k 1 2 started 5:1\n") == "f:2: stop cannot be answered with started; see history.hpp");
  BOOST_TEST(complaint("a - lookup k 2 1 not_running\n") ==
             "f:2: it returns before it is invoked; take both times from one clock");
}

BOOST_AUTO_TEST_CASE(a_file_of_another_kind_is_refused) {
  const auto refusal = [](std::string_view text) {
    History history;
    const auto read = read_text(history, text, "f");
    return read ? "" : read.error().text;
  };
  BOOST_TEST(refusal("") == "f:1: the file has no line; its first is 'reki-history 1'");
  BOOST_TEST(refusal("reki-history 1") == "f:1: the file has no line; its first is 'reki-history 1'");
  BOOST_TEST(refusal("reki-history 2\n") == "f:1: this is no history file; its first line is 'reki-history 1'");
  BOOST_TEST(refusal(std::string(100'000, 'x')) == "f:1: the line is longer than 16 KiB; is this a history file?");
  BOOST_TEST(refusal("reki-history 1\n" + std::string(100'000, 'x') + "\n") ==
             "f:2: the line is longer than 16 KiB; is this a history file?");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_is_larger_than_a_chunk_is_read_line_by_line, Folder) {
  auto writer = Writer::create(file("large"));
  BOOST_REQUIRE(writer.has_value());
  constexpr std::int64_t count = 50'000;  // of 50 bytes and more: some 3 chunks
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string key = "a_key_that_is_not_short_" + std::to_string(i);
    writer->write({"client", 0, Call::lookup, key, Instant{i}, Instant{i + 1}, Answer::not_running, {}});
  }
  BOOST_TEST(writer->flush().has_value());
  BOOST_TEST(std::filesystem::file_size(file("large")) > 3'000'000U);
  History history;
  const auto counts = read_file(history, file("large"));
  BOOST_REQUIRE(counts.has_value());
  BOOST_TEST(counts->operations == count);
  std::int64_t in_order = 0;
  for (const Operation& o : history.by_key()) in_order += o.line == o.invoked.ns + 2 ? 1 : 0;
  BOOST_TEST(in_order == count);
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_read_or_written_is_said, Folder) {
  History history;
  const auto read = read_file(history, file("none"));
  BOOST_REQUIRE(!read);
  BOOST_TEST(read.error().text == file("none") + ": cannot be read: No such file or directory");
  const auto written = Writer::create(file("none/below"));
  BOOST_REQUIRE(!written);
  BOOST_TEST(written.error().text == file("none/below") + ": cannot be written: No such file or directory");
  auto full = Writer::create("/dev/full");
  BOOST_TEST(!full.has_value());
}

BOOST_AUTO_TEST_SUITE_END()
