#include "reki/node/guard/node_signals.hpp"

#include <array>
#include <cstring>

namespace reki {
namespace {

constexpr std::array ending{SIGTERM, SIGINT, SIGQUIT};
// Their default effect is to end or to stop the process, as is that of the real-time signals.
constexpr std::array logged{SIGHUP,  SIGUSR1,   SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
                            SIGPOLL, SIGSTKFLT, SIGPWR,  SIGXCPU, SIGTTIN,   SIGTTOU};
constexpr std::array write_errors{SIGPIPE, SIGXFSZ};

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

bool has_handler(int signal) {
  struct sigaction action {};
  sigaction(signal, nullptr, &action);
  return (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
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

NodeSignals::NodeSignals() : awaited_(signals_of_node()) {
  const sigset_t always = ending_set();
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (sigismember(&always, signal) != 1 && has_handler(signal)) sigdelset(&awaited_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &awaited_, nullptr);
  for (const int signal : write_errors) std::signal(signal, SIG_IGN);
}

int NodeSignals::await_end(pid_t guard, const LogSink& log) {
  guard_pid = guard;
  const sigset_t signals = ending_set();
  siginfo_t info{};
  for (;;) {
    const int signal = sigwaitinfo(&awaited_, &info);
    if (signal > 0 && sigismember(&signals, signal) == 1) break;
    if (signal > 0 && log) log(LogLevel::info, "signal_ignored", "signal=" + name_of_signal(signal));
  }
  count(info);
  struct sigaction action {};
  action.sa_sigaction = on_another;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  action.sa_mask = signals;
  for (const int one : ending) sigaction(one, &action, nullptr);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  return info.si_signo;
}

sigset_t signals_of_node() {
  sigset_t out = ending_set();
  for (const int signal : logged) sigaddset(&out, signal);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) sigaddset(&out, signal);
  return out;
}

std::string name_of_signal(int signal) {
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) return "SIGRTMIN+" + std::to_string(signal - SIGRTMIN);
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? std::string("SIG") + name : std::to_string(signal);
}

}  // namespace reki
