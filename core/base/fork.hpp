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

/// A listening socket that no child of fork() is to keep: with it the child would hold the port. Until it is destroyed the
/// child closes it at once. Process-wide room for 64; what is beyond them is kept by children.
class ClosedInChildren {
 public:
  ClosedInChildren() = default;
  /// The TCP socket of this process that listens on `port`.
  explicit ClosedInChildren(std::uint16_t port);
  ClosedInChildren(ClosedInChildren&& other) noexcept;
  ClosedInChildren& operator=(ClosedInChildren&& other) noexcept;
  ~ClosedInChildren();

 private:
  int place_ = -1;
};

}  // namespace reki
