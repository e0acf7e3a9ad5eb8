#pragma once

#include <cstdint>

#include "reki/actor.hpp"

/// A token bucket per customer: the same limit wherever in the cluster a request comes in.
namespace rate_limiter {

struct Verdict {
  bool granted = false;
  double tokens = 0;                ///< Left in the bucket.
  std::int64_t retry_after_ms = 0;  ///< When there will be enough, if not granted.
  static constexpr auto fields = reki::fields("granted", &Verdict::granted, "tokens", &Verdict::tokens,
                                              "retry_after_ms", &Verdict::retry_after_ms);
};

/// Takes tokens out of the bucket, all or none.
struct Take {
  static constexpr std::string_view name = "take";
  using Reply = Verdict;
  double tokens = 1;
  static constexpr auto fields = reki::fields("tokens", &Take::tokens);
};

struct Limit {
  double per_second = 10;
  double burst = 20;  ///< What a full bucket holds.
  static constexpr auto fields = reki::fields("per_second", &Limit::per_second, "burst", &Limit::burst);
};

struct RateLimiter {
  static constexpr std::string_view type = "rate_limiter";
  using Messages = reki::Messages<Take>;
  using Args = Limit;
};

}  // namespace rate_limiter
