#include "reki/core/watch/view_log.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/watch/watch_codec.hpp"

namespace reki {
namespace {

#if defined(__GNUC__) && !defined(__clang__)
// With UBSan's check of enums GCC 12 takes what an empty optional does not hold for something that is read.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

WatchEvent event_of(WatchKind kind, const View& view, const NodeId& node, std::int64_t time_ms) {
  WatchEvent out;
  out.kind = kind;
  out.time_ms = time_ms;
  out.node = node;
  out.epoch = view.epoch();
  return out;
}

bool another_life(const Member& from, const Member& to) {
  return from.incarnation.value != 0 && to.incarnation.value != 0 && from.incarnation != to.incarnation;
}

/// Of one that is in both views, as the same incarnation.
std::optional<WatchKind> change(const Member& from, const Member& to) {
  if (from.state == to.state) return std::nullopt;
  if (to.state == MemberState::up) return WatchKind::joined;
  if (to.state == MemberState::leaving) return WatchKind::leaving;
  return std::nullopt;
}

WatchKind departure(const Member& member) {
  return member.state == MemberState::leaving ? WatchKind::left : WatchKind::lost;
}

/// Of one that was not there before.
std::optional<WatchKind> arrival(const Member& member) {
  if (member.state == MemberState::joining) return std::nullopt;
  return member.state == MemberState::up ? WatchKind::joined : WatchKind::leaving;
}

}  // namespace

std::vector<WatchEvent> changes(const View& from, const View& to, std::int64_t time_ms) {
  std::vector<WatchEvent> out;
  const auto add = [&](std::optional<WatchKind> kind, const NodeId& node) {
    if (kind) out.push_back(event_of(*kind, to, node, time_ms));
  };
  const auto before = from.members();  // sorted by id, as the others
  auto old = before.begin();
  for (const Member& member : to.members()) {
    for (; old != before.end() && old->node_id < member.node_id; ++old) add(departure(*old), old->node_id);
    if (old == before.end() || old->node_id != member.node_id) {
      add(arrival(member), member.node_id);
      continue;
    }
    if (another_life(*old, member)) {
      add(departure(*old), old->node_id);
      add(arrival(member), member.node_id);
    } else {
      add(change(*old, member), member.node_id);
    }
    ++old;
  }
  for (; old != before.end(); ++old) add(departure(*old), old->node_id);
  if (to.coordinator() != from.coordinator()) add(WatchKind::coordinator, to.coordinator());
  add(WatchKind::view, {});
  return out;
}

std::vector<WatchEvent> present(const View& view) {
  std::vector<WatchEvent> out;
  for (const Member& member : view.members()) {
    out.push_back(event_of(WatchKind::member, view, member.node_id, 0));
    out.back().number = static_cast<std::uint64_t>(member.state);
  }
  if (!view.coordinator().value.empty()) out.push_back(event_of(WatchKind::coordinator, view, view.coordinator(), 0));
  out.push_back(event_of(WatchKind::view, view, {}, 0));
  return out;
}

void ViewLog::install(std::shared_ptr<const View> view, std::int64_t time_ms) {
  if (view_) {
    REKI_ASSERT(view->epoch() > view_->epoch());
    Step step{view_->epoch(), changes(*view_, *view, time_ms)};
    for (const auto& event : step.events) step.bytes += wire::watch_event_bytes_max(event);
    events_ += step.events.size();
    bytes_ += step.bytes;
    steps_.push_back(std::move(step));
  }
  view_ = std::move(view);
  while (!steps_.empty() && (events_ > options_.events_max || bytes_ > options_.bytes_max)) {
    events_ -= steps_.front().events.size();
    bytes_ -= steps_.front().bytes;
    steps_.pop_front();
  }
}

std::optional<Bytes> ViewLog::reply_to(std::uint64_t epoch) const {
  if (!view_ || epoch >= view_->epoch().value) return std::nullopt;
  wire::WatchReplyWriter writer;
  auto step = std::find_if(steps_.begin(), steps_.end(), [&](const Step& s) { return s.from.value == epoch; });
  if (step == steps_.end()) {
    if (epoch != 0) {
      WatchEvent missed;
      missed.kind = WatchKind::missed;
      missed.reason = WatchReason::fell_behind;
      writer.add(missed);
    }
    for (const auto& event : present(*view_)) writer.add(event);
  }
  for (; step != steps_.end(); ++step) {
    for (const auto& event : step->events) writer.add(event);
  }
  return writer.take({Incarnation{}, view_->epoch().value});
}

Bytes ViewLog::nothing_after(std::uint64_t epoch) { return wire::WatchReplyWriter{}.take({Incarnation{}, epoch}); }

}  // namespace reki
