#include "reki/node/registry/shards/reclaimer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace reki {

void Reclaimer::retire(std::vector<std::unique_ptr<ActorCell>> cells) {
  const MutexLock lock(mutex_);
  std::ranges::move(cells, std::back_inserter(cells_));
}

void Reclaimer::reclaim() {
  {
    const MutexLock lock(mutex_);
    std::ranges::move(cells_, std::back_inserter(collected_.cells));
    cells_.clear();
  }
  if (!waiting_.empty() && until_.is_over()) waiting_ = {};
  if (!waiting_.empty() || collected_.empty()) return;
  waiting_ = std::exchange(collected_, {});
  until_ = RcuGracePeriod::begin();
}

}  // namespace reki
