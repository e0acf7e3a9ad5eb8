// A node for tests/node/guard.py, guarded like reki-node: does what it is told on stdin, one command a line, and
// answers each with a line on stdout.
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include "reki/net/clock.hpp"
#include "reki/node/guard/guard.hpp"
#include "reki/node/guard/node_signals.hpp"
#include "reki/node/program/log_stderr.hpp"

using namespace reki;

namespace {

void say(const std::string& line) {
  const std::string out = line + "\n";
  if (write(STDOUT_FILENO, out.data(), out.size()) < 0) std::abort();
}

/// False at the end. Waits in short sleeps, because ThreadSanitizer runs signal handlers between calls.
bool read_line(std::string& line) {
  line.clear();
  for (;;) {
    pollfd item{STDIN_FILENO, POLLIN, 0};
    if (poll(&item, 1, 20) <= 0) continue;
    char c = 0;
    if (read(STDIN_FILENO, &c, 1) != 1) return false;
    if (c == '\n') return true;
    line += c;
  }
}

void on_signal(int signal) { say("signal " + std::to_string(signal)); }

/// A grandchild that is left to process 1, or to whoever is in its place, and ends then.
void leave_orphan() {
  const pid_t child = fork();
  if (child == 0) {
    const pid_t parent = getpid();
    if (fork() > 0) _exit(0);
    while (getppid() == parent) usleep(1000);
    say("orphan");
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

/// Memory that takes the kernel a while to take back.
void grow(int mib) {
  const auto bytes = static_cast<std::size_t>(mib) << 20;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
  if (mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED) std::abort();
}

class Node {
 public:
  explicit Node(LeasePage& page) : page_(page) {}

  int run() {
    say("node " + std::to_string(getpid()));
    for (std::string line; read_line(line);) {
      std::istringstream words(line);
      std::string verb;
      words >> verb;
      if (verb == "exit") return number(words);
      say(obey(verb, words));
    }
    return 1;  // the test is gone
  }

 private:
  static int number(std::istringstream& words) {
    int out = 0;
    words >> out;
    return out;
  }

  std::string obey(const std::string& verb, std::istringstream& words) {
    if (verb == "lease") return lease(number(words), false);
    if (verb == "quiet_lease") return lease(number(words), true);
    if (verb == "quiet") page_.declare_quiet(page_.lease_end());
    if (verb == "left") page_.mark_left();
    if (verb == "notice") return notice(words);
    if (verb == "raise") std::raise(number(words));
    if (verb == "catch") std::signal(number(words), on_signal);
    if (verb == "orphan") leave_orphan();
    if (verb == "grow") grow(number(words));
    if (verb == "unbind") prctl(PR_SET_PDEATHSIG, 0);
    if (verb == "drain") return drain();
    return "ok";
  }

  /// As reki-node from here on.
  static std::string drain() {
    NodeSignals signals;
    say("ok");
    return "signal " + std::to_string(signals.await_end(getppid(), nullptr));
  }

  std::string lease(int ms, bool quiet) {
    const Instant end = boot_time() + std::chrono::milliseconds(ms);
    if (quiet) page_.declare_quiet(end);
    page_.set_lease_end(end);
    return "ok " + std::to_string(end.ns);
  }

  std::string notice(std::istringstream& words) {
    DeathNotice notice;
    words >> notice.frame;
    for (std::string endpoint; words >> endpoint;) notice.endpoints.push_back(endpoint);
    return page_.set_death_notice(notice) ? "ok" : "refused";
  }

  LeasePage& page_;
};

}  // namespace

/// guard_node GRACE_MS SECOND(0|1)
int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::cout << "before the fork\n";  // once, however many processes there will be
  const auto page = map_lease_page();
  page->set_incarnation(Incarnation{42});
  GuardOptions options;
  options.watch.grace = std::chrono::milliseconds(std::atoi(argv[1]));
  options.backup = std::string(argv[2]) == "1";
  options.log = log_to_stderr("info", "test");
  return run_guarded(*page, options, [&] { return Node(*page).run(); });
}
