#include "reki/node/support/thread_main.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <stdexcept>

using namespace reki;

namespace {

template <class Body>
int exit_code_of(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(7);
  }
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(thread_main)

BOOST_AUTO_TEST_CASE(a_thread_that_throws_ends_the_process) {
  const auto ends_by = [](auto thrown) {
    return exit_code_of([&] { run_or_end_process({}, "thread_ended", [&] { throw thrown; }); });
  };
  BOOST_TEST(ends_by(std::runtime_error("boom")) == EXIT_FAILURE);
  BOOST_TEST(ends_by(7) == EXIT_FAILURE);
  BOOST_TEST(exit_code_of([] { run_or_end_process({}, "thread_ended", [] {}); }) == 7);
}

BOOST_AUTO_TEST_SUITE_END()
