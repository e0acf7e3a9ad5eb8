#include "reki/node/guard/backup_guard.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <string>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgot that C++ includes it too
}

namespace reki {
namespace {

/// A process, also after its pid has gone to another one.
class Process {
 public:
  explicit Process(pid_t pid) : fd_(pidfd_open(pid, 0)) {}
  ~Process() {
    if (fd_ >= 0) close(fd_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool valid() const { return fd_ >= 0; }
  void kill() const { pidfd_send_signal(fd_, SIGKILL, nullptr, 0); }
  void await_death() const {
    pollfd item{fd_, POLLIN, 0};
    while (poll(&item, 1, -1) < 0 && errno == EINTR) {
    }
  }

 private:
  const int fd_;
};

void run(const Process& guard, const Process& node, const LeasePage& page, const LogSink& log) {
  setsid();
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  guard.await_death();
  node.kill();  // the kernel has done so, unless the node has undone PR_SET_PDEATHSIG
  node.await_death();
  if (log) log(LogLevel::warn, "guard_killed", "incarnation=" + std::to_string(page.incarnation().value));
  tell_death_of(page, log);
}

}  // namespace

void tell_death_of(const LeasePage& page, const LogSink& log) {
  const auto notice = page.death_notice();
  if (!notice) return;
  try {
    const Told told = tell_death(*notice);
    if (log) {
      log(LogLevel::info, "death_told",
          "incarnation=" + std::to_string(page.incarnation().value) + " endpoints=" + std::to_string(told.endpoints) +
              " acknowledged=" + std::to_string(told.acknowledged));
    }
  } catch (const std::exception& e) {
    // The cluster finds out by itself, only later.
    if (log) log(LogLevel::warn, "death_not_told", std::string("text=\"") + e.what() + '"');
  }
}

std::optional<pid_t> start_backup_guard(const LeasePage& page, const LogSink& log, pid_t node) {
  if (getpid() == 1) return std::nullopt;
  const Process guard(getpid());
  const Process guarded(node);
  if (!guard.valid() || !guarded.valid()) return std::nullopt;
  const pid_t second = fork();
  if (second < 0) return std::nullopt;
  if (second > 0) return second;
  run(guard, guarded, page, log);
  _exit(0);
}

}  // namespace reki
