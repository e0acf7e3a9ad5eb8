#include "reki/core/base/fork.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

using namespace reki;

namespace {

/// What a child of fork() makes of `is_so`.
template <class Condition>
bool holds_in_child(Condition is_so) {
  const pid_t child = fork();
  if (child == 0) _exit(is_so() ? 1 : 0);
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}
bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }
int open_something() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

BOOST_AUTO_TEST_SUITE(fork_marks)

BOOST_AUTO_TEST_CASE(a_child_knows_what_its_parent_made_and_what_it_made_itself) {
  const ForkMark mark;
  BOOST_TEST(!mark.is_in_child());
  BOOST_TEST(holds_in_child([&] { return mark.is_in_child() && !ForkMark().is_in_child(); }));
  BOOST_TEST(!mark.is_in_child());
}

BOOST_AUTO_TEST_CASE(a_child_has_no_descriptor_that_is_its_parents_alone) {
  const int fd = open_something();
  {
    ClosedInChildren noted(fd);
    const ClosedInChildren moved = std::move(noted);
    BOOST_TEST(!holds_in_child([&] { return is_open(fd); }));
    BOOST_TEST(is_open(fd));
  }
  BOOST_TEST(holds_in_child([&] { return is_open(fd); }));
  close(fd);
}

BOOST_AUTO_TEST_CASE(a_file_that_has_got_the_number_meanwhile_stays_open_in_children) {
  int pipe_ends[2];
  BOOST_REQUIRE(pipe(pipe_ends) == 0);
  const ClosedInChildren noted(pipe_ends[0]);
  close(pipe_ends[0]);
  BOOST_REQUIRE(dup2(pipe_ends[1], pipe_ends[0]) == pipe_ends[0]);
  int other[2];
  BOOST_REQUIRE(pipe(other) == 0);
  BOOST_REQUIRE(dup2(other[0], pipe_ends[0]) == pipe_ends[0]);
  BOOST_TEST(holds_in_child([&] { return is_open(pipe_ends[0]); }));
  for (const int fd : {pipe_ends[0], pipe_ends[1], other[0], other[1]}) close(fd);
}

BOOST_AUTO_TEST_SUITE_END()
