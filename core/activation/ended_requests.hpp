#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <vector>

#include "reki/core/activation/waiter.hpp"
#include "reki/core/base/limits.hpp"

namespace reki {

/// What requests that have started or stopped an actor came to, once that start is over: a repeat, whose sender has lost the
/// answer, gets it from here and does nothing a second time. While the start goes on its entry knows who began it.
///
/// The last `limits::ended_requests_max`, first in, first out. Not thread-safe.
class EndedRequests {
 public:
  /// `fence`: of the start that it began or ended. Without an origin, of a caller in this process, it is not repeated.
  void note(const RequestOrigin& origin, Fence fence) {
    if (!origin) return;
    if (!fences_.insert_or_assign(origin, fence).second) return;
    if (order_.size() < limits::ended_requests_max) return order_.push_back(origin);
    fences_.erase(std::exchange(order_[oldest_], origin));
    oldest_ = (oldest_ + 1) % order_.size();
  }
  /// 0: it is not among them.
  [[nodiscard]] Fence find(const RequestOrigin& origin) const {
    if (!origin || fences_.empty()) return {};
    const auto found = fences_.find(origin);
    return found == fences_.end() ? Fence{} : found->second;
  }

 private:
  absl::flat_hash_map<RequestOrigin, Fence> fences_;
  std::vector<RequestOrigin> order_;  ///< A ring once it is full.
  std::size_t oldest_ = 0;
};

}  // namespace reki
