#pragma once

#include <cstdint>
#include <vector>

#include "reki/core/base/limits.hpp"
#include "reki/core/routing/routed_request.hpp"

namespace reki {

/// Gives requests their ids, and finds them by these: an id is a place in a table and, above that, how often the place
/// has been used. So nothing is searched for, and an id is never used again. Pure; no thread safety.
class RequestPlaces {
 public:
  RequestId add(RoutedRequest& request) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(places_.size()));
      places_.emplace_back();
    }
    const std::uint32_t place = free_.back();
    free_.pop_back();
    places_[place].request = &request;
    return RequestId{++places_[place].use << place_bits | place};
  }
  /// Null if there is none, or none any more.
  RoutedRequest* find(RequestId id) const {
    const std::uint64_t place = place_of(id);
    if (place >= places_.size()) return nullptr;
    RoutedRequest* const request = places_[place].request;
    return request != nullptr && request->id_ == id ? request : nullptr;
  }
  /// REQUIRES: the id was given and not removed.
  void remove(RequestId id) {
    const auto place = static_cast<std::uint32_t>(place_of(id));
    places_[place].request = nullptr;
    free_.push_back(place);
  }
  /// Calls `visit(request)` for each, which may remove it.
  template <class Visitor>
  void for_each(Visitor visit) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i].request != nullptr) visit(*places_[i].request);
    }
  }

 private:
  static constexpr std::uint64_t place_bits = 20;
  static_assert(2 * limits::outstanding_per_client_max <= std::uint64_t{1} << place_bits);  // and the router's own
  struct Place {
    RoutedRequest* request = nullptr;
    std::uint64_t use = 0;
  };
  static std::uint64_t place_of(RequestId id) { return id.value & ((std::uint64_t{1} << place_bits) - 1); }

  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
};

}  // namespace reki
