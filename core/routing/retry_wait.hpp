#pragma once

#include <algorithm>

#include "reki/core/base/limits.hpp"
#include "reki/core/base/random.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

/// The back-off with jitter after `refusals` + 1 refusals in a row. Pure but for the draw.
///
/// From `limits::retry_wait_min`, each length `limits::retries_per_wait` times, doubling up to `retry_wait_max`; drawn
/// between half of it and all, so that those who were refused together do not come back together.
inline Duration retry_wait(unsigned refusals, SplitMix& random) {
  const unsigned doublings = std::min(refusals / limits::retries_per_wait, 20U);
  const Duration wait = std::min<Duration>(limits::retry_wait_min * (std::int64_t{1} << doublings), limits::retry_wait_max);
  const auto half = static_cast<std::uint64_t>(wait.count() / 2);
  return wait / 2 + Duration{static_cast<std::int64_t>(random.below(half + 1))};
}

}  // namespace reki
