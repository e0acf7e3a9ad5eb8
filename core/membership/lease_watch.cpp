#include "reki/core/membership/lease_watch.hpp"

namespace reki {

LeaseWatch::Verdict LeaseWatch::look(std::optional<Instant> lease, Instant now) {
  if (!lease) return wait_until(now + options_.look_every);
  const Instant deadline = spared_ == lease ? spared_until_ : *lease + options_.grace;
  if (now <= deadline) return wait_until(deadline + Duration{1});
  if (spared_ == lease || !was_held_up(now)) return {true, Instant::never()};
  spared_ = lease;
  spared_until_ = now + options_.grace;
  return wait_until(spared_until_ + Duration{1});
}

LeaseWatch::Verdict LeaseWatch::wait_until(Instant at) {
  planned_ = at;
  return {false, at};
}

}  // namespace reki
