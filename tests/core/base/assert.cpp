#include "reki/core/base/assert.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>

namespace {

/// Asserts `holds` in a child of fork(): what it has written on stderr, and how it has ended.
std::string asserted_in_child(bool holds, int& status) {
  std::array<int, 2> ends{};
  BOOST_REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    std::signal(SIGABRT, SIG_DFL);
    dup2(ends[1], STDERR_FILENO);
    REKI_ASSERT(holds);
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  for (char c = 0; read(ends[0], &c, 1) == 1;) text += c;
  close(ends[0]);
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(assertions)

BOOST_AUTO_TEST_CASE(what_does_not_hold_is_said_before_the_process_aborts) {
  int status = 0;
  const std::string text = asserted_in_child(false, status);
  BOOST_TEST(text.starts_with("reki: bug: 'holds' does not hold at "));
  BOOST_TEST(text.find("assert.cpp:") != std::string::npos);
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
}

BOOST_AUTO_TEST_CASE(what_holds_is_passed_over_in_silence) {
  int status = -1;
  BOOST_TEST(asserted_in_child(true, status).empty());
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

BOOST_AUTO_TEST_SUITE_END()
