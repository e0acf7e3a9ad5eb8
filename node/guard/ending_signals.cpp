#include "reki/node/guard/ending_signals.hpp"

#include <array>
#include <csignal>

namespace reki {
namespace {

constexpr std::array ending{SIGTERM, SIGINT};

// What a signal handler needs cannot be anywhere else. Only the main thread has these signals unblocked, or takes them.
volatile pid_t guard_pid = 0;
volatile std::sig_atomic_t from_guard = 0;
volatile std::sig_atomic_t direct = 0;

sigset_t ending_set() {
  sigset_t out;
  sigemptyset(&out);
  for (const int signal : ending) sigaddset(&out, signal);
  return out;
}

/// How many have come the same way, with this one.
int count(const siginfo_t& info) {
  const bool passed_on = info.si_code <= 0 && guard_pid != 0 && info.si_pid == guard_pid;
  auto& counter = passed_on ? from_guard : direct;
  counter = counter + 1;
  return counter;
}

void on_another(int signal, siginfo_t* info, void*) {
  if (count(*info) < 2) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);  // takes effect when this handler returns
}

}  // namespace

EndingSignals::EndingSignals(pid_t guard) {
  guard_pid = guard;
  const sigset_t signals = ending_set();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

int EndingSignals::await() {
  const sigset_t signals = ending_set();
  siginfo_t info{};
  int signal = sigwaitinfo(&signals, &info);
  while (signal < 0) signal = sigwaitinfo(&signals, &info);
  count(info);
  struct sigaction action {};
  action.sa_sigaction = on_another;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  action.sa_mask = signals;
  for (const int one : ending) sigaction(one, &action, nullptr);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  return signal;
}

}  // namespace reki
