#include "reki/node/server/sessions.hpp"

#include "reki/core/base/assert.hpp"

namespace reki {
namespace {
constexpr unsigned place_bits = 20;
constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;
static_assert(limits::sessions_per_node_max <= place_mask);
}  // namespace

Sessions::Greeted Sessions::greet(std::string_view route, const wire::Hello& hello, Instant now) {
  Greeted out;
  out.session = find(route);
  if (out.session == nullptr) {
    if (by_route_.size() >= max_) {
      if (idle_.empty()) return out;
      forget(idle_.front());
      out.dropped_one = true;
    }
    if (free_places_.empty()) {
      free_places_.push_back(static_cast<std::uint32_t>(places_.size()));
      places_.emplace_back();
    }
    const std::uint32_t index = free_places_.back();
    free_places_.pop_back();
    Place& place = places_[index];
    place.session = std::make_unique<Session>();
    out.session = place.session.get();
    out.session->id = SessionId{++place.use << place_bits | index};
    out.session->route = route;
    by_route_.emplace(out.session->route, out.session);
    idle_.push_back(*out.session);
    out.fresh = true;
  }
  out.session->role = hello.role;
  out.session->name = hello.name;
  out.session->incarnation = hello.incarnation;
  out.session->frames = 0;
  heard(*out.session, now);
  return out;
}

Session* Sessions::find(std::string_view route) {
  const auto it = by_route_.find(absl::string_view(route.data(), route.size()));
  return it == by_route_.end() ? nullptr : it->second;
}

Session* Sessions::find(SessionId id) {
  const auto index = id.value & place_mask;
  if (index >= places_.size()) return nullptr;
  Session* const session = places_[index].session.get();
  return session != nullptr && session->id == id ? session : nullptr;
}

void Sessions::heard(Session& session, Instant now) {
  if (session.under_way != 0) return;
  session.quiet_since = now;
  session.unlink();
  idle_.push_back(session);
}

void Sessions::began(Session& session) {
  if (session.under_way++ == 0) session.unlink();
}

void Sessions::ended(Session& session, Instant now) {
  REKI_ASSERT(session.under_way > 0);
  if (--session.under_way != 0) return;
  session.quiet_since = now;
  idle_.push_back(session);
}

void Sessions::forget(Session& session) {
  const auto index = static_cast<std::uint32_t>(session.id.value & place_mask);
  session.unlink();
  by_route_.erase(session.route);
  places_[index].session.reset();
  free_places_.push_back(index);
}

void Sessions::forget_idle(Instant now) {
  while (!idle_.empty() && now >= idle_.front().quiet_since + limits::session_idle_max) forget(idle_.front());
}

Instant Sessions::next_due() {
  return idle_.empty() ? Instant::never() : idle_.front().quiet_since + limits::session_idle_max;
}

}  // namespace reki
