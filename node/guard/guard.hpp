#pragma once

#include <functional>

#include "reki/core/membership/lease_watch.hpp"
#include "reki/node/guard/lease_page.hpp"
#include "reki/node/support/log.hpp"

namespace reki {

struct GuardOptions {
  LeaseWatch::Options watch;
  /// Whether a backup guard tells of the node's death if somebody kills the first one, see backup_guard.hpp.
  bool backup = true;
  LogSink log;  ///< Events of the guard: fenced, node_killed, death_told. Called in its process.
};

/// Runs `node` in a child process and guards it from this one. See docs/membership.md, section 5.
///
/// Forks, and returns in both processes with the exit code that the process is to end with: in the child what `node`
/// returns; in the guard, once the child is dead and reaped, the child's own code, 128 + N if signal N has killed it
/// (as shells say), `exit_fenced` (exit_codes.hpp) if the guard has.
///
/// The guard
///   - kills the child with SIGKILL, which also ends one that is stopped, when its lease is over (`LeaseWatch`),
///   - sends the page's death notice when the child is dead, of whatever cause, if it has not left properly,
///   - passes every signal on that would end or stop it (`signals_of_node`), each time it comes. A signal to the whole
///     process group (Ctrl-C) reaches the child twice therefore, once from each: `NodeSignals` counts them apart,
///   - takes the child with it when it is killed itself (PR_SET_PDEATHSIG),
///   - works as process 1 of a container: it reaps whatever is left to it, and no signal is lost on it.
///
/// `page` comes from map_lease_page() and outlives the call. Throws std::system_error if there can be no child.
/// REQUIRES: the main thread, and no other thread, ZeroMQ context or child process in this process yet.
int run_guarded(LeasePage& page, const GuardOptions& options, const std::function<int()>& node);

}  // namespace reki
