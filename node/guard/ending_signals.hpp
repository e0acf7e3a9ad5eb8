#pragma once

#include <sys/types.h>

namespace reki {

/// SIGTERM and SIGINT: the first one asks the process to stop, a second one ends it at once.
///
/// A guard passes each signal on that it gets, and a signal to a whole process group, or from systemd to all of a unit,
/// also comes directly. Two that come of one wish must not count as a second wish: so those that the guard passes on
/// and the direct ones are counted apart.
///
/// One in a process, used by its main thread.
class EndingSignals {
 public:
  /// Blocks them, in the threads too that are made from now on. `guard`: who passes signals on; 0: nobody.
  /// REQUIRES: there is no other thread yet.
  explicit EndingSignals(pid_t guard);
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;

  /// Waits for the first. From its return on the second has its default effect.
  int await();
};

}  // namespace reki
