#pragma once

#include <array>
#include <set>
#include <string>
#include <vector>

#include "world.hpp"

namespace reki::contract {

/// Those who list the keys of a type, a page at a time, and count them; in this process and from the wire.
class Lists {
 public:
  explicit Lists(World& world) : world_(world) {}

  /// The next page of the listing that is under way, or the first of another.
  void list(const Operation& o);
  void count(const Operation& o);

 private:
  struct Listing {
    bool under_way = false;
    std::string prefix;
    Bytes cursor;
    std::set<std::string> keys;             ///< So far.
    std::vector<std::uint32_t> there_then;  ///< The lives that were there when it began.
  };

  [[nodiscard]] Result<Page> page(const Operation& o, const Listing& listing);
  /// As long as the node has the lease, and not without it: others may have the keys.
  template <class T>
  [[nodiscard]] bool is_answered(const Result<T>& got, const std::string& what);
  [[nodiscard]] std::vector<std::uint32_t> lives(std::uint32_t type, const std::string& prefix) const;
  void check_page(Listing& listing, std::uint32_t type, const Page& page);
  void check_whole(const Listing& listing);

  World& world_;
  std::array<std::array<Listing, 2>, type_count> listings_;  ///< By type, and by where from.
};

}  // namespace reki::contract
