#pragma once

#include <atomic>

namespace reki {

/// Wakes one thread that polls file descriptors, from any thread: an eventfd that is written at most once per sleep.
///
///     // the sleeper                                   // the others
///     wakeup.arm();                                    queue.push(x);
///     if (queue.empty()) poll(... wakeup.fd() ...);    wakeup.signal();
///     wakeup.disarm(fd was readable);
///
/// A system call is made only if the sleeper sleeps or is about to: while it is awake anyway, signal() is one atomic
/// exchange. Throws std::system_error if the process has no file descriptor left.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  int fd() const { return fd_; }  ///< Readable after a signal; poll for input.
  /// Any thread. What was written before it is seen by the sleeper after disarm().
  void signal();
  // The sleeper only.
  void arm() { armed_.exchange(true); }
  /// `readable`: the poll found `fd` readable.
  void disarm(bool readable);

 private:
  const int fd_;
  std::atomic<bool> armed_ = false;
};

}  // namespace reki
