#include "coverage.hpp"

#include <bit>
#include <cstdio>
#include <string>

namespace reki::contract {

namespace {

/// So few say nothing about one in a hundred.
constexpr std::uint64_t stories_enough = 500;

/// Empty for what no node of one's own tells.
std::string_view told_name(std::size_t number) {
  const auto kind = static_cast<WatchKind>(number);
  const bool is_of_clusters = kind == WatchKind::unwatched || number == 0;
  const auto name = name_of(kind);
  return is_of_clusters || name == "unknown" ? std::string_view{} : name;
}

}  // namespace

void Coverage::did(Does what) { does.set(static_cast<std::size_t>(std::countr_zero(std::uint32_t{what}))); }
void Coverage::did(Plan what) { plans.set(static_cast<std::size_t>(std::countr_zero(std::uint32_t{what}))); }

template <std::size_t n>
void CoverageTable::count(Counts<n>& counts, const std::bitset<n>& story) {
  for (std::size_t i = 0; i < n; ++i) counts[i] += story[i] ? 1 : 0;
}

void CoverageTable::add(const Coverage& story) {
  ++stories_;
  count(kinds_, story.kinds);
  count(does_, story.does);
  count(plans_, story.plans);
  count(told_, story.told);
}

template <std::size_t n, class Name>
bool CoverageTable::print(const char* of, const Counts<n>& counts, Name name) const {
  bool enough = true;
  std::string line = std::string(of) + ":";
  for (std::size_t i = 0; i < n; ++i) {
    const std::string_view text = name(i);
    if (text.empty()) continue;
    const double share = 100.0 * static_cast<double>(counts[i]) / static_cast<double>(stories_);
    char number[32];
    std::snprintf(number, sizeof number, " %.1f", share);
    line += " " + std::string(text) + number;
    if (stories_ < stories_enough || counts[i] * 100 >= stories_) continue;
    enough = false;
    line += " (too few)";
  }
  std::printf("%s\n", line.c_str());
  return enough;
}

bool CoverageTable::print_and_check() const {
  if (stories_ == 0) return true;
  std::printf("of %llu stories so many %% had\n", static_cast<unsigned long long>(stories_));
  const bool enough[] = {print("operations", kinds_, [](std::size_t i) { return name_of(static_cast<Kind>(i)); }),
                         print("in handlers", does_, name_of_does), print("in other functions", plans_, name_of_plan),
                         print("told to watchers", told_, told_name)};
  for (const bool each : enough) {
    if (!each) return std::printf("a kind came up in less than 1 %% of the stories\n"), false;
  }
  return true;
}

}  // namespace reki::contract
