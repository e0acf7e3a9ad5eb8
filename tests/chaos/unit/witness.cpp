#include "witness.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <thread>

namespace {

using chaos::WitnessEvent;
using chaos::WitnessLog;

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "reki-witness.XXXXXX";
    BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }

  chaos::WitnessContents read_only_file() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
    BOOST_REQUIRE(files.size() == 1);
    auto read = chaos::read_witness_file(files[0]);
    BOOST_REQUIRE(read.has_value());
    return *read;
  }
};

/// Runs `body` in a process of its own, which ends itself by `signal`.
template <class Body>
void in_a_process_that_dies(int signal, Body body) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    body();
    kill(getpid(), signal);
    _exit(1);
  }
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == signal);
}

void cut_off(const std::filesystem::path& path, std::size_t records, std::size_t bytes_more) {
  std::filesystem::resize_file(path, 64 + records * sizeof(chaos::WitnessRecord) + bytes_more);
}

void overwrite(const std::filesystem::path& path, std::size_t at, std::size_t count) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file << std::string(count, '\0');
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(witness, Folder)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
  WitnessLog log(path, 10);
  const std::int64_t before = chaos::witness_now();
  log.write(WitnessEvent::handler_begin, chaos::witness_now(), "user_1", 77, 5);
  log.write(WitnessEvent::output_accepted, 123, "user_2", 78, 6);
  const auto read = read_only_file();
  BOOST_TEST(read.records.size() == 2U);
  BOOST_TEST(read.torn == 0U);
  BOOST_TEST(read.lost == 0U);
  const auto& first = read.records[0];
  BOOST_TEST((first.at_ns >= before && first.at_ns <= chaos::witness_now()));
  BOOST_TEST(first.key() == "user_1");
  BOOST_TEST(first.fence == 77U);
  BOOST_TEST(first.message == 5U);
  BOOST_TEST(first.pid == static_cast<std::uint32_t>(getpid()));
  BOOST_CHECK(first.event == WitnessEvent::handler_begin);
  BOOST_TEST(read.records[1].at_ns == 123);
  BOOST_TEST(read.records[1].process == first.process);
  BOOST_TEST(read.records[1].key_hash != first.key_hash);
}

BOOST_AUTO_TEST_CASE(it_outlives_kill_9) {
  in_a_process_that_dies(SIGKILL, [&] {
    WitnessLog log(path, 1000);
    for (int i = 0; i < 500; ++i) log.write(WitnessEvent::handler_begin, i, "k", 1, 1);
  });
  const auto read = read_only_file();
  BOOST_TEST(read.records.size() == 500U);
  BOOST_TEST(read.torn == 0U);
}

BOOST_AUTO_TEST_CASE(threads_that_write_at_once_lose_nothing) {
  constexpr int each = 20000;
  {
    WitnessLog log(path, std::uint64_t{4} * each);
    std::vector<std::jthread> writers;
    for (std::uint64_t w = 0; w < 4; ++w) {
      writers.emplace_back([&log, w] {
        for (int i = 0; i < each; ++i) log.write(WitnessEvent::handler_begin, i, "key", w, log.new_message());
      });
    }
  }
  const auto read = read_only_file();
  BOOST_TEST(read.records.size() == 4U * each);
  BOOST_TEST(read.torn + read.lost == 0U);
  std::map<std::uint64_t, std::int64_t> next;
  std::set<std::uint64_t> messages;
  std::set<std::uint32_t> threads;
  bool in_order = true;
  for (const auto& record : read.records) {
    in_order = in_order && record.at_ns == next[record.fence]++;
    messages.insert(record.message);
    threads.insert(record.tid);
  }
  BOOST_TEST(in_order);
  BOOST_TEST(messages.size() == 4U * each);
  BOOST_TEST(threads.size() == 4U);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_counted_as_lost) {
  WitnessLog log(path, 3);
  for (int i = 0; i < 8; ++i) log.write(WitnessEvent::stop, i, "k", 1, 0);
  const auto read = read_only_file();
  BOOST_TEST(read.records.size() == 3U);
  BOOST_TEST(read.lost == 5U);
}

BOOST_AUTO_TEST_CASE(a_record_without_its_mark_is_torn_and_the_others_are_read) {
  WitnessLog log(path, 10);
  for (int i = 0; i < 3; ++i) log.write(WitnessEvent::stop, i, "k", 1, 0);
  overwrite(log.path(), 64 + sizeof(chaos::WitnessRecord), 8);
  const auto read = read_only_file();
  BOOST_TEST(read.torn == 1U);
  BOOST_REQUIRE(read.records.size() == 2U);
  BOOST_TEST(read.records[0].at_ns == 0);
  BOOST_TEST(read.records[1].at_ns == 2);
}

BOOST_AUTO_TEST_CASE(a_file_that_ends_in_a_record_has_torn_ones) {
  {
    WitnessLog log(path, 10);
    for (int i = 0; i < 5; ++i) log.write(WitnessEvent::stop, i, "k", 1, 0);
    cut_off(log.path(), 3, 40);
  }
  const auto read = read_only_file();
  BOOST_TEST(read.records.size() == 3U);
  BOOST_TEST(read.torn == 2U);
}

BOOST_AUTO_TEST_CASE(a_long_key_keeps_its_beginning_and_its_own_hash) {
  WitnessLog log(path, 10);
  const std::string same(60, 'x');
  log.write(WitnessEvent::stop, 0, same + "1", 1, 0);
  log.write(WitnessEvent::stop, 0, same + "2", 1, 0);
  const auto read = read_only_file();
  BOOST_TEST(read.records[0].key() == std::string(chaos::witness_key_bytes_max, 'x'));
  BOOST_TEST(read.records[0].key_hash != read.records[1].key_hash);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_none_is_refused) {
  std::ofstream(path / "short") << "rekiwit1";
  std::ofstream(path / "other") << std::string(1000, 'x');
  BOOST_CHECK(!chaos::read_witness_file(path / "short"));
  BOOST_CHECK(!chaos::read_witness_file(path / "other"));
  BOOST_CHECK(!chaos::read_witness_file(path / "missing"));
}

BOOST_AUTO_TEST_CASE(a_process_that_was_killed_when_it_had_just_begun_has_seen_nothing) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{64}, std::size_t{4096}}) {
    std::ofstream(path / "begun") << std::string(bytes, '\0');
    const auto read = chaos::read_witness_file(path / "begun");
    BOOST_TEST_REQUIRE(read.has_value());
    BOOST_TEST((read->records.empty() && read->torn == 0 && read->lost == 0));
  }
}

BOOST_AUTO_TEST_CASE(each_process_has_numbers_of_its_own) {
  std::set<std::uint64_t> processes;
  std::set<std::uint64_t> messages;
  for (int i = 0; i < 3; ++i) {
    WitnessLog log(path, 10);
    log.write(WitnessEvent::stop, 0, "k", 1, 0);
    processes.insert(chaos::read_witness_file(log.path())->records[0].process);
    messages.insert(log.new_message());
  }
  BOOST_TEST(processes.size() == 3U);
  BOOST_TEST(messages.size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
