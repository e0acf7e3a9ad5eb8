#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "reki/actor/operation.hpp"
#include "reki/core/base/time.hpp"

namespace reki::cluster {

class World;

/// Those who list all keys of the cluster, a page at a time, and count them: clients, and programs in a node's process.
///
/// Same thread as the schedule.
class Lists {
 public:
  /// How one of them asks. What a process asks that dies is not answered.
  using Ask = std::function<void(Submission submission, Completion done)>;

  explicit Lists(World& world) : world_(world) {}

  /// What becomes of a whole list, or of a count; not called if who has asked is dead.
  using Ended = std::function<void(bool ok)>;

  /// `by` is a client or a node.
  void list(std::string by, Ask ask, Ended ended = [](bool) {});
  void count(std::string by, Ask ask, Ended ended = [](bool) {});

 private:
  struct Listing {
    std::string by;
    Ask ask;
    Ended ended;
    Instant page_asked{};
    Bytes cursor{};
    std::set<std::uint32_t> keys{};             ///< So far.
    std::vector<std::uint32_t> there_then{};    ///< The lives that were there when it began.
  };
  using ListingPtr = std::shared_ptr<Listing>;

  void next_page(const ListingPtr& listing);
  void got_page(const ListingPtr& listing, const Answer& answer);
  void check_key(Listing& listing, const std::string& name);
  void check_whole(const Listing& listing);

  World& world_;
};

}  // namespace reki::cluster
