#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "link.hpp"

namespace chaos {

/// The ports of a switch, and a link from each to each other.
///
/// Not thread-safe.
class LinkTable {
 public:
  struct Counters {
    std::uint64_t passed = 0;
    std::uint64_t dropped = 0;
  };

  LinkTable(std::vector<std::string> ports, std::uint64_t seed);

  [[nodiscard]] const std::vector<std::string>& ports() const { return ports_; }
  [[nodiscard]] Link& at(std::size_t from, std::size_t to) { return links_[from * ports_.size() + to]; }
  [[nodiscard]] Counters& counters(std::size_t from, std::size_t to) { return counters_[from * ports_.size() + to]; }

 private:
  std::vector<std::string> ports_;
  std::vector<Link> links_;  ///< The one from a port to itself is never used.
  std::vector<Counters> counters_;
};

/// Does what one line of the control protocol says, and returns the answer, without a newline: "ok", "ok JSON" or
/// "error: what is wrong". Ports are named; "*" is all of them.
/// ```
/// set A B NAME=VALUE...   settings of the direction from A to B; what is not named stays
/// cut A B [one-way]       nothing passes from A to B, nor back unless one-way
/// heal [A B]              between A and B, or everywhere: no cut, no settings
/// show                    [{"from":..,"to":..,"passed":..,"dropped":..,"settings":{..}}..] as JSON
/// ```
[[nodiscard]] std::string run_switch_command(LinkTable& links, std::string_view line);

}  // namespace chaos
