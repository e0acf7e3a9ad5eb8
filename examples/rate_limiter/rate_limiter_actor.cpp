#include <algorithm>
#include <chrono>
#include <cmath>

#include "rate_limiter.hpp"
#include "reki/plugin.hpp"

namespace {

using rate_limiter::Limit;
using rate_limiter::Take;
using rate_limiter::Verdict;

class RateLimiterActor : public reki::Actor<rate_limiter::RateLimiter> {
 public:
  explicit RateLimiterActor(const Limit& limit) : limit_(limit), tokens_(limit.burst), filled_(Clock::now()) {}

  reki::Result<void> on_start(reki::Context&) override {
    if (limit_.per_second > 0 && limit_.burst > 0) return {};
    return reki::fail(reki::ErrorCode::refused, "per_second and burst must be above 0");
  }

  reki::Result<Verdict> on(const Take& m) {
    if (!(m.tokens >= 0)) return reki::fail(reki::ErrorCode::refused, "tokens must not be negative");
    if (m.tokens > limit_.burst) return reki::fail(reki::ErrorCode::refused, "more tokens than the bucket can hold");
    fill();
    if (tokens_ >= m.tokens) {
      tokens_ -= m.tokens;
      return Verdict{true, tokens_, 0};
    }
    const double wait_ms = std::ceil((m.tokens - tokens_) / limit_.per_second * 1000);
    return Verdict{false, tokens_, static_cast<std::int64_t>(wait_ms)};
  }

 private:
  using Clock = std::chrono::steady_clock;

  void fill() {
    const auto now = Clock::now();
    tokens_ = std::min(limit_.burst, tokens_ + std::chrono::duration<double>(now - filled_).count() * limit_.per_second);
    filled_ = now;
  }

  Limit limit_;
  double tokens_;
  Clock::time_point filled_;
};

}  // namespace

const reki::Plugin reki_plugin = reki::plugin([](reki::Factories& factories) {
  // An idle bucket is a full one, so nothing is lost when it is put away.
  factories.add<RateLimiterActor>({.idle = std::chrono::minutes(10)});
});
