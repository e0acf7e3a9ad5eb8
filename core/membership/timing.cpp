#include "reki/core/membership/timing.hpp"

namespace reki::membership {

Result<void> validate(const Timing& t) {
  const auto no = [](const char* text) { return fail(ErrorCode::invalid_argument, text); };
  if (t.renew <= Duration{0} || t.batch < Duration{0} || t.stuck <= Duration{0}) return no("a duration is not positive");
  if (t.lease < 4 * t.renew) return no("lease must be at least 4 * renew");
  if (t.wait * clock_rate_slow <= t.lease * clock_rate_fast) return no("wait must exceed lease * 1.1 / 0.9");
  if (t.heartbeat_fresh < 2 * t.renew) return no("heartbeat_fresh must be at least 2 * renew");
  if (t.election_min < t.heartbeat_fresh) return no("election_min must not be below heartbeat_fresh");
  if (t.election_max <= t.election_min) return no("election_max must exceed election_min");
  return {};
}

}  // namespace reki::membership
