#include "reki/node/server/sessions.hpp"

#include "reki/core/base/assert.hpp"

namespace reki {

Sessions::Greeted Sessions::greet(std::string_view route, const wire::Hello& hello, Instant now) {
  Greeted out;
  out.session = find(route);
  if (out.session == nullptr) {
    if (by_route_.size() >= max_) {
      if (idle_.empty()) return out;
      forget(idle_.front());
      out.dropped_one = true;
    }
    auto session = std::make_unique<Session>();
    out.session = session.get();
    out.session->id = by_id_.add(std::move(session));
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
  session.unlink();
  by_route_.erase(session.route);
  by_id_.remove(session.id);
}

void Sessions::forget_idle(Instant now) {
  while (!idle_.empty() && now >= idle_.front().quiet_since + limits::session_idle_max) forget(idle_.front());
}

Instant Sessions::next_due() {
  return idle_.empty() ? Instant::never() : idle_.front().quiet_since + limits::session_idle_max;
}

}  // namespace reki
