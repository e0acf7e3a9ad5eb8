#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>

#include "reki/node/support/log.hpp"

namespace reki {

/// Every signal that would end or stop a node and that is no fault of its own, wherever it is sent: to the guard, to
/// the node, or to all of a process group or unit. docs/failures.md has the table.
///
///   - SIGTERM, SIGINT and SIGQUIT: the first asks the node to stop, a second one ends it at once. A guard passes each
///     signal on that it gets, and one to a whole process group also comes directly. Two that come of one wish must not
///     count as a second wish: so those that the guard passes on and the direct ones are counted apart.
///   - SIGPIPE and SIGXFSZ are ignored: whoever wrote gets an error.
///   - SIGHUP, SIGUSR1 and all others: logged as `signal_ignored`. One that the program had a handler for before
///     is left to that.
///
/// Not among them are SIGKILL and SIGSTOP, which nobody can refuse, SIGTSTP (Ctrl-Z), and faults such as SIGSEGV and
/// SIGABRT: a process with one must not go on.
///
/// One in a process, made by its main thread before a guard forks, so that there is no moment without it.
class NodeSignals {
 public:
  /// Blocks them, in the threads and child processes too that are made from now on.
  /// REQUIRES: there is no other thread yet.
  NodeSignals();
  NodeSignals(const NodeSignals&) = delete;
  NodeSignals& operator=(const NodeSignals&) = delete;

  /// Waits for the first that asks to stop, and logs those that come meanwhile. From its return on the second has its
  /// default effect, and the ignored ones have none. `guard`: who passes signals on; 0: nobody.
  int await_end(pid_t guard, const LogSink& log);

 private:
  sigset_t awaited_;
};

/// What a guard passes on: those that ask to stop, and those that are logged.
[[nodiscard]] sigset_t signals_of_node();
/// "SIGTERM", "SIGRTMIN+3".
[[nodiscard]] std::string name_of_signal(int signal);

}  // namespace reki
