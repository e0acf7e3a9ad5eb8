#pragma once

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "history/history.hpp"
#include "history/key_model.hpp"

namespace reki::history {

/// How far one attempt to put the operations of a window in order has come: which it has put, and what came of it.
struct Configuration {
  std::uint64_t done = 0;  ///< A bit an operation of the window.
  /// A stop that is not done, and must have closed the actor that is closing: it is told of no other end. Else none.
  std::uint64_t closer = 0;
  KeyState state;

  friend bool operator==(const Configuration&, const Configuration&) = default;
  template <class H>
  friend H AbslHashValue(H h, const Configuration& c) {
    return H::combine(std::move(h), c.done, c.closer, c.state);
  }
};

/// The search for all orders of up to 64 operations of one key that explain their answers (wgl.hpp).
///
/// Depth first, each configuration once. Thread safety: none. Kept from window to window for its memory.
class Window {
 public:
  enum class Outcome : std::uint8_t {
    explained,
    contradiction,
    too_many,  ///< The bound was reached with the question open.
  };
  static constexpr std::size_t operations_max = 64;

  /// Looks from each configuration of `from` for those in which all operations that returned before `cut` are done, and
  /// any of the others. REQUIRES: at most 64 operations, sorted by invocation, that `step` may be asked about.
  Outcome search(std::span<const Operation> operations, Instant cut, Faults faults, std::span<const Configuration> from,
                 std::size_t configurations_max);

  /// explained: every configuration that the cut can find, some of them perhaps twice.
  [[nodiscard]] const std::vector<Configuration>& ends() const { return ends_; }
  /// contradiction: one of those that got farthest.
  [[nodiscard]] const Configuration& best() const { return best_; }
  /// The operations that can be next in a configuration: those that no other precedes that is not done.
  [[nodiscard]] std::uint64_t enabled(std::uint64_t done) const;

 private:
  bool visit(Configuration c);
  [[nodiscard]] bool is_lost(const Configuration& c) const;
  void expand(const Configuration& c);
  void do_what_changes_nothing(Configuration& c) const;
  [[nodiscard]] std::optional<KeyState> after(const KeyState& state, std::size_t index) const;
  [[nodiscard]] bool is_choice(std::size_t index, std::uint64_t done) const;
  [[nodiscard]] std::uint64_t told_with(std::size_t index, std::uint64_t enabled) const;
  void close_and_look(const Configuration& c, std::size_t index, std::uint64_t enabled);
  [[nodiscard]] std::uint64_t closers(const Configuration& c, std::uint64_t enabled) const;

  std::span<const Operation> operations_;
  std::uint64_t mandatory_ = 0;
  Faults faults_ = Faults::allowed;
  std::size_t configurations_max_ = 0;
  absl::flat_hash_set<Configuration> seen_;
  std::vector<Configuration> stack_;
  std::vector<Configuration> ends_;
  Configuration best_;
};

}  // namespace reki::history
