#pragma once

#include <atomic>
#include <cstdint>

namespace reki {

/// Where an object with threads was made. In a child of fork() it has none: whoever finds itself there answers with an error,
/// and leaves its threads, locks and sockets alone, which are the parent's.
class ForkMark {
 public:
  ForkMark();
  [[nodiscard]] bool is_in_child() const { return made_in_ != generation.load(std::memory_order_relaxed); }

 private:
  friend struct ForkHandler;
  static std::atomic<std::uint32_t> generation;  ///< How many forks lie between this process and the first of its line.
  std::uint32_t made_in_;
};

/// What a child is told.
inline constexpr const char* used_after_fork =
    "this process is a child of the one that made it, and has none of its threads; make one of its own after fork()";

/// A descriptor that no child of fork() is to keep: a listening socket, with which it would hold the port, or a file's lock. The
/// child closes it at once. Process-wide room for 64; children keep what is beyond them.
class ClosedInChildren {
 public:
  ClosedInChildren() = default;
  /// To be destroyed before `fd` is closed, or soon after: another file that gets its number meanwhile is left alone.
  explicit ClosedInChildren(int fd);
  ClosedInChildren(ClosedInChildren&& other) noexcept;
  ClosedInChildren& operator=(ClosedInChildren&& other) noexcept;
  ~ClosedInChildren();

 private:
  int place_ = -1;
};

}  // namespace reki
