#pragma once

#include <sys/types.h>

#include <optional>

#include "reki/node/guard/lease_page.hpp"
#include "reki/node/support/log.hpp"

namespace reki {

/// Sends the page's death notice, if there is one to be sent, and logs `death_told`.
/// REQUIRES: the node is dead.
void tell_death_of(const LeasePage& page, const LogSink& log);

/// Forks a process that sleeps until its parent, the guard, is dead, and sends the death notice then, once the node is
/// dead too.
///
/// The guard's pid is the one that people and scripts have started and know; kill -9 of it ends guard and node at once,
/// and would leave nobody to tell. The backup guard is in a session of its own, so that kill -9 of the guard's process
/// group does not reach it, sleeps in one system call, and owns no resource but its memory. The guard ends it when it
/// ends itself.
///
/// Returns its pid; nothing if there can be none: before Linux 5.3, or where a sandbox forbids it; nor for process 1 of
/// a container, with which all others end. The guard's own work does not depend on it.
///
/// REQUIRES: the caller has no other threads; `node` is its child and not reaped.
[[nodiscard]] std::optional<pid_t> start_backup_guard(const LeasePage& page, const LogSink& log, pid_t node);

}  // namespace reki
