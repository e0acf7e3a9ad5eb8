#include "reki/core/activation/activation_events.hpp"

#include <algorithm>

#include "reki/core/base/text.hpp"

namespace reki {
namespace {

using State = Activation::State;

WatchEvent about(const Activation& a, WatchKind kind) {
  WatchEvent out;
  out.kind = kind;
  out.key = a.key();
  out.fence = a.fence;
  return out;
}

bool restart_follows(const Activation& a) {
  return a.state == State::restarting || (a.state == State::starting && a.restart);
}

Duration until(Instant due, Instant now) { return std::max(due - now, Duration{1}); }

}  // namespace

WatchEvent event_of_start(const Activation& a, bool again) {
  return about(a, again ? WatchKind::restarted : WatchKind::started);
}

WatchEvent event_of_end(const Activation& a, WatchReason reason, std::string_view text, Instant now) {
  const bool failed = reason == WatchReason::crashed || reason == WatchReason::start_failed;
  WatchEvent out = about(a, WatchKind::stopped);
  if (a.state == State::down) {
    out.kind = WatchKind::down;
    out.retry_after = until(a.due(), now);
  } else if (restart_follows(a)) {
    if (failed) out.kind = WatchKind::crashed;
    out.retry_after = until(a.due(), now);
  }
  out.reason = reason;
  out.text = cut(text, limits::watch_text_bytes_max);
  return out;
}

WatchEvent present(const Activation* a, std::string_view key, Instant now) {
  WatchEvent out;
  out.kind = WatchKind::not_running;
  out.key = key;
  if (a == nullptr || (a->state == State::down && a->due() <= now)) return out;
  const bool stopping_in_back_off = a->state == State::stopping && a->restart;
  if (a->state == State::live || (a->state == State::stopping && !stopping_in_back_off)) {
    return about(*a, WatchKind::running);
  }
  if (a->state == State::down || restart_follows(*a) || stopping_in_back_off) {
    out = about(*a, a->state == State::down ? WatchKind::down : WatchKind::restarting);
    out.reason = WatchReason::crashed;
    out.text = cut(a->last_error(), limits::watch_text_bytes_max);
    out.retry_after = until(a->due(), now);
  }
  return out;
}

}  // namespace reki
