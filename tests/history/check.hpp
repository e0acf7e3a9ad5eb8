#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "history/history.hpp"
#include "history/key_model.hpp"

/// Judges a whole history, by fence_order.hpp and by wgl.hpp.
namespace reki::history {

struct CheckOptions {
  Faults faults = Faults::allowed;
  std::size_t keep = 10;  ///< Violations to describe, of each of the two.
};

struct Verdict {
  std::uint64_t operations = 0;
  std::uint64_t answered = 0;  ///< Those with an answer that says something about their key.
  std::uint64_t keys = 0;
  std::uint64_t windows = 0;          ///< Searched to the end by wgl.hpp.
  std::uint64_t windows_skipped = 0;  ///< Given up: only the rules of fence_order.hpp were checked there.
  std::uint64_t fence_violations = 0;
  std::uint64_t contradictions = 0;  ///< Keys that have no order.
  /// Described, those of the fences first; each by the order of time.
  std::vector<std::string> violations;

  /// True if something was checked and nothing is wrong.
  [[nodiscard]] bool ok() const { return answered > 0 && fence_violations == 0 && contradictions == 0; }
};

/// Sorts the history. Reads no clock and no file.
[[nodiscard]] Verdict check(History& history, const CheckOptions& options = {});

/// The counts in a line, and then the violations, for people.
[[nodiscard]] std::string to_text(const Verdict& verdict);

}  // namespace reki::history
