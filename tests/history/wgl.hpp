#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "history/history.hpp"
#include "history/key_model.hpp"
#include "history/wgl_window.hpp"

/// Checks keys for linearizability (M. Herlihy, J. Wing: "Linearizability: a correctness condition for concurrent
/// objects", 1990) by search: is there an order of the operations, one that keeps A before B wherever A returned before
/// B was invoked, in which `step` of key_model.hpp accepts each answer?
///
/// The search is that of J. Wing and C. Gong ("Testing and verifying concurrent objects", 1993): try whatever can be
/// next, go back where nothing can; with the memory of G. Lowe ("Testing for linearizability", 2017): a configuration,
/// the set of what is done and the state that it led to, is tried once. Stops that are told of the same end take effect
/// at one instant, as sets of operations do in G. Neiger's set-linearizability (1994).
///
/// An operation of unknown outcome may take its place anywhere from its invocation on, or none.
///
/// It is not Lowe's whole-history search but one over windows of at most 64 operations, in the order of invocation. A
/// cut is a time: what returned before it has its place before it, what is open at it may have it before or after. So
/// every configuration that a window can end in is found, and carried into the next one together with the open
/// operations. The cut is put where the fewest are open. Nothing is lost by this, unless a window is given up: with
/// `Faults::allowed` the check then goes on behind it from the state that permits most; with `Faults::none` it leaves
/// that key.
///
/// With `Faults::allowed` it accepts exactly what fence_order.hpp accepts, knows none of those rules, and costs more:
/// the one is there to check the other, and this one explains where an order ends. `Faults::none` is this one's alone.
namespace reki::history {

/// Where no order explains the answers.
struct Contradiction {
  std::vector<Operation> fit;    ///< The last of those that could be put in order, by invocation.
  KeyState state;                ///< Of the key after them.
  std::vector<Operation> stuck;  ///< All that could come next; none of them leads to an order of the rest.
};

/// The state, and a line an operation.
[[nodiscard]] std::string describe(const History& history, const Contradiction& contradiction);

/// Checks keys one after the other. Thread safety: none.
class Linearizability {
 public:
  struct Options {
    Faults faults = Faults::allowed;
    std::size_t window = Window::operations_max;  ///< Operations in a window, 8 to 64.
    /// A window is given up beyond this: some 20 MiB. A window of 64 clients that start, stop and look up one key all
    /// the time needs less than 2000.
    std::size_t configurations_max = std::size_t{1} << 18;
    std::size_t keep = 10;  ///< Contradictions.
  };
  explicit Linearizability(Options options);

  /// Checks the operations of one key, which are sorted by invocation, up to its first contradiction. True if there is
  /// none.
  bool check(std::span<const Operation> one_key);

  [[nodiscard]] std::uint64_t windows() const { return windows_; }  ///< That were searched to the end.
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }  ///< That were given up.
  [[nodiscard]] std::uint64_t contradictions() const { return contradictions_; }
  /// As many as are kept, in the order of the calls of `check`.
  [[nodiscard]] const std::vector<Contradiction>& first() const { return first_; }

 private:
  struct Cut {
    std::size_t end = 0;  ///< The first operation of the next window.
    Instant at;           ///< When that one is invoked; never() behind the last.
  };

  void plan(std::span<const Operation> one_key);
  [[nodiscard]] Cut choose_cut(std::size_t next) const;
  bool search(const Cut& cut);
  void carry(Instant cut);
  void go_on_behind(Instant cut);
  void report();

  Options options_;
  std::uint64_t windows_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t contradictions_ = 0;
  std::vector<Contradiction> first_;

  // Of the key that is being checked.
  std::vector<Operation> operations_;  ///< Those that the search is about, by invocation.
  std::vector<Operation> window_;      ///< First those that the last cut left open, then new ones.
  std::vector<Configuration> from_;    ///< What the window may begin with; bits are those of the open ones.
  Window search_;
  std::vector<Instant> first_tries_;
};

}  // namespace reki::history
