#pragma once

#include <array>
#include <bitset>
#include <cstdint>

#include "operations.hpp"
#include "reki/core/watch/watch.hpp"

namespace reki::contract {

/// Which kinds of operations and faults a story had: those that came to be, and not those that were only drawn.
struct Coverage {
  static constexpr std::size_t watch_kinds = 26;  ///< Numbers of WatchKind below it.

  std::bitset<kind_count> kinds;
  std::bitset<does_count> does;
  std::bitset<plan_count> plans;
  std::bitset<watch_kinds> told;

  void has(Kind kind) { kinds.set(static_cast<std::size_t>(kind)); }
  void did(Does what);
  void did(Plan what);
  void was_told(WatchKind kind) { told.set(static_cast<std::size_t>(kind)); }
};

/// In how many stories each kind came up.
class CoverageTable {
 public:
  void add(const Coverage& story);
  /// Prints it. False: of enough stories less than 1 % had one of the kinds.
  [[nodiscard]] bool print_and_check() const;

 private:
  template <std::size_t n>
  using Counts = std::array<std::uint64_t, n>;
  template <std::size_t n>
  static void count(Counts<n>& counts, const std::bitset<n>& story);
  template <std::size_t n, class Name>
  [[nodiscard]] bool print(const char* of, const Counts<n>& counts, Name name) const;

  std::uint64_t stories_ = 0;
  Counts<kind_count> kinds_{};
  Counts<does_count> does_{};
  Counts<plan_count> plans_{};
  Counts<Coverage::watch_kinds> told_{};
};

}  // namespace reki::contract
