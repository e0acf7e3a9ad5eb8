#pragma once

/// How reki-node ends. A trouble that may pass by itself is worth another start; one that lasts is not, until a person
/// has changed something. The table in docs/failures.md and the unit for systemd say the same; a test compares them.
///
/// 128 + N, signal N has killed it, is passing too.
namespace reki {

inline constexpr int exit_ok = 0;           ///< wanted: it was told to end and has left the cluster
inline constexpr int exit_failed = 1;       ///< passing: an error that nobody has foreseen, such as the end of memory
inline constexpr int exit_usage = 2;        ///< lasting: command line, config, plugin or data directory cannot be used
inline constexpr int exit_unavailable = 3;  ///< passing: its address or data directory is in use, or the disk fails
inline constexpr int exit_fenced = 4;       ///< passing: the guard has killed it, since its lease was over

}  // namespace reki
