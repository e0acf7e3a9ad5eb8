#include "reki/node/guard/guard.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>

#include "reki/net/clock.hpp"
#include "reki/node/guard/backup_guard.hpp"
#include "reki/node/guard/node_signals.hpp"
#include "reki/node/support/exit_codes.hpp"

namespace reki {
namespace {

/// What the guard's only thread takes when it is ready for it. Blocked signals are kept even for process 1, which gets
/// none that would have its default effect.
sigset_t guards_signals() {
  sigset_t out = signals_of_node();
  sigaddset(&out, SIGCHLD);
  return out;
}

class Guard {
 public:
  Guard(LeasePage& page, const GuardOptions& options, pid_t node)
      : page_(page), log_(options.log), watch_(options.watch), node_(node) {
    if (options.backup) backup_ = start_backup_guard(page, options.log, node);
  }

  /// Until the node is dead and all is said that is to be said.
  int run() {
    while (!reap()) {
      const Instant now = boot_time();
      const auto lease = page_.lease_to_enforce();
      const auto verdict = fenced_ ? LeaseWatch::Verdict{false, Instant::never()} : watch_.look(lease, now);
      if (verdict.kill) {
        fence(*lease, now);
      } else {
        take_signal(now, verdict.look_again);
      }
    }
    tell();
    dismiss_second();
    return exit_code();
  }

 private:
  void log(LogLevel level, std::string_view event, const std::string& fields) const {
    if (log_) log_(level, event, fields);
  }

  /// All that are dead; true if the node is. As process 1 the guard inherits the children of others.
  bool reap() {
    siginfo_t dead{};
    while (waitid(P_ALL, 0, &dead, WEXITED | WNOHANG) == 0 && dead.si_pid != 0) {
      if (dead.si_pid == node_) end_ = dead;
      if (dead.si_pid == backup_) backup_.reset();
      dead = {};
    }
    return end_.has_value();
  }

  void fence(Instant lease, Instant now) {
    fenced_ = true;
    kill(node_, SIGKILL);
    log(LogLevel::warn, "fenced",
        "pid=" + std::to_string(node_) + " incarnation=" + std::to_string(page_.incarnation().value) +
            " lease_over_ms=" + std::to_string(milliseconds_of(now - lease)));
  }

  /// Sleeps until the next signal, the node's death among them, or `until`.
  void take_signal(Instant now, Instant until) const {
    const Duration wait = std::clamp<Duration>(until - now, Duration{0}, std::chrono::hours(1));
    const timespec timeout{static_cast<time_t>(wait.count() / 1'000'000'000), wait.count() % 1'000'000'000};
    const sigset_t signals = guards_signals();
    const int signal = sigtimedwait(&signals, nullptr, &timeout);
    // The node is not reaped yet, so that nobody else has its pid.
    if (signal > 0 && signal != SIGCHLD) kill(node_, signal);
  }

  bool was_killed() const { return end_->si_code != CLD_EXITED; }

  void tell() {
    if (was_killed() && !fenced_) {
      log(LogLevel::warn, "node_killed",
          "pid=" + std::to_string(node_) + " signal=" + std::to_string(end_->si_status) +
              " incarnation=" + std::to_string(page_.incarnation().value));
    }
    tell_death_of(page_, log_);
  }

  /// Not waited for: once killed it does nothing any more, and on a busy machine its end may come late. Whoever inherits
  /// it reaps it.
  void dismiss_second() const {
    if (backup_) kill(*backup_, SIGKILL);
  }

  int exit_code() const {
    if (!was_killed()) return end_->si_status;  // also if it went before the guard's signal came
    return fenced_ ? exit_fenced : 128 + end_->si_status;
  }

  LeasePage& page_;
  const LogSink& log_;
  LeaseWatch watch_;
  const pid_t node_;
  std::optional<pid_t> backup_;
  bool fenced_ = false;
  std::optional<siginfo_t> end_;  // the node's
};

/// In the child: it ends with the guard from here on.
void become_node(pid_t guard, const sigset_t& signals) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guard) std::raise(SIGKILL);  // it has died before that
  pthread_sigmask(SIG_SETMASK, &signals, nullptr);
}

}  // namespace

int run_guarded(LeasePage& page, const GuardOptions& options, const std::function<int()>& node) {
  std::signal(SIGCHLD, SIG_DFL);  // a parent may have ignored it, and then the kernel keeps no exit codes
  sigset_t signals = guards_signals();
  sigaddset(&signals, SIGPIPE);  // whoever reads our stderr may go
  sigaddset(&signals, SIGXFSZ);  // or the file that it is may be as large as it may get
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  // Or both processes would write what is in the buffers.
  std::cout.flush();
  std::fflush(nullptr);

  const pid_t guard = getpid();
  const pid_t child = fork();
  if (child < 0) {
    const int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw std::system_error(reason, std::generic_category(), "fork of the node");
  }
  if (child == 0) {
    become_node(guard, before);
    return node();
  }
  prctl(PR_SET_NAME, "reki-guard");  // `pkill reki-node` and `top` tell the two apart
  return Guard(page, options, child).run();
}

}  // namespace reki
