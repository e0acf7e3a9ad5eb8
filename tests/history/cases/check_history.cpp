// The command, as a person or a script uses it.
#include <sys/wait.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace {

struct Command {
  Command() {
    std::string name = (std::filesystem::temp_directory_path() / "reki-history-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder = name;
  }
  ~Command() { std::filesystem::remove_all(folder); }

  /// The exit code; `out` then has all that was printed, stderr too.
  int run(const std::string& arguments) {
    const std::string command = "cd " + folder.string() + " && " REKI_CHECK_HISTORY " " + arguments + " 2>&1";
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("popen");
    out.clear();
    std::array<char, 4096> buffer{};
    for (std::size_t got = 1; got > 0;) {
      got = std::fread(buffer.data(), 1, buffer.size(), pipe);
      out.append(buffer.data(), got);
    }
    const int status = ::pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void file(const std::string& name, const std::string& lines) {
    std::ofstream{folder / name} << "reki-history 1\n" << lines;
  }
  bool says(const std::string& text) const { return out.find(text) != std::string::npos; }

  std::filesystem::path folder;
  std::string out;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(check_history, Command)

BOOST_AUTO_TEST_CASE(right_histories_exit_with_0_and_are_counted) {
  file("a", "a - lookup_or_start k 10 20 started 1:1\na - stop k 50 never unknown\n");
  file("b", "a - lookup k 30 40 running 1:1\na - lookup other 30 40 not_running\n");
  BOOST_TEST(run("a b") == 0);
  BOOST_TEST(out ==
             "4 operations (3 answered) on 2 keys, 2 windows searched, 0 skipped: "
             "0 fence violations, 0 keys without an order\n");
}

BOOST_AUTO_TEST_CASE(a_violation_between_two_files_exits_with_1_and_is_printed_with_both_operations) {
  file("a", "a - lookup_or_start k 10 20 started 1:2\n");
  file("b", "b - lookup k 30 40 running 1:1\n");
  BOOST_TEST(run("a b") == 1);
  BOOST_TEST(says("1 fence violations, 1 keys without an order"));
  BOOST_TEST(says("key k: went_back"));
  BOOST_TEST(says("[a:2]"));
  BOOST_TEST(says("[b:2]"));
}

BOOST_AUTO_TEST_CASE(without_faults_an_actor_that_vanishes_is_a_violation) {
  file("a", "a - lookup_or_start k 10 20 started 1:2\na - lookup k 30 40 not_running\n");
  BOOST_TEST(run("a") == 0);
  BOOST_TEST(run("--no-faults a") == 1);
  BOOST_TEST(says("0 fence violations, 1 keys without an order"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_judged_exits_with_2) {
  BOOST_TEST(run("") == 2);
  BOOST_TEST(run("--no-such-option") == 2);
  BOOST_TEST(run("none") == 2);
  BOOST_TEST(says("none: cannot be read"));
  file("bad", "a - lookup\n");
  BOOST_TEST(run("bad") == 2);
  BOOST_TEST(says("check_history: bad:2: "));
  file("silent", "a - lookup k 10 never unknown\n");
  BOOST_TEST(run("silent") == 2);
  BOOST_TEST(says("no operation was answered"));
}

BOOST_AUTO_TEST_CASE(a_cut_off_line_is_reported_and_refused_where_nothing_may_be_missing) {
  file("a", "a - lookup_or_start k 10 20 started 1:2\na - lookup k 30 40 runn");
  BOOST_TEST(run("a") == 0);
  BOOST_TEST(says("a: the last line is cut off and not read"));
  BOOST_TEST(run("--no-faults a") == 2);
}

BOOST_AUTO_TEST_SUITE_END()
