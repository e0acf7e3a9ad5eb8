#include "reki/core/routing/view_polls.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/limits.hpp"

namespace reki {

Instant ViewPolls::later(Instant now) {
  constexpr Duration spread = limits::view_poll_max - limits::view_poll_min;
  const auto extra = random_.below(static_cast<std::uint64_t>(spread.count()) + 1);
  return now + limits::view_poll_min + Duration{static_cast<std::int64_t>(extra)};
}

void ViewPolls::heard_of(Epoch epoch, PeerIndex from, Instant now) {
  if (epoch <= seen_) return;  // once per epoch
  seen_ = epoch;
  informant_ = from;
  fruitless_ = 0;
  next_ = std::min(next_, std::max(now, asked_ + limits::view_poll_min));
}

void ViewPolls::trouble(Instant now) {
  if (next_ == Instant::never()) next_ = later(now);
}

void ViewPolls::calm() {
  next_ = Instant::never();
  open_ = false;
}

void ViewPolls::installed(Epoch epoch) {
  have_ = epoch;
  seen_ = std::max(seen_, have_);
  fruitless_ = 0;
  if (!behind()) informant_.reset();
}

void ViewPolls::asked(Instant now) {
  nobody(now);
  asked_ = now;
  next_ = now + limits::view_poll_patience;
}

void ViewPolls::nobody(Instant now) {
  informant_.reset();
  if (!std::exchange(open_, true)) unanswered_since_ = now;
  next_ = later(now);
}

void ViewPolls::answered(Instant now) {
  open_ = false;
  // Whoever speaks of that view again has it.
  if (++fruitless_ >= limits::view_polls_fruitless_max) seen_ = std::min(seen_, have_);
  next_ = informant_ ? std::max(now, asked_ + limits::view_poll_min) : later(now);
}

}  // namespace reki
