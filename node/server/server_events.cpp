#include "reki/node/server/server_events.hpp"

#include <chrono>
#include <utility>

#include "reki/core/base/limits.hpp"

namespace reki {

std::string_view name_of(ServerEvent event) {
  static constexpr std::array<std::string_view, server_event_count> names{
      "wrong_cluster",     "version_mismatch", "malformed_frame",   "bad_request",     "hello_required",
      "wrong_incarnation", "unknown_sender",   "wrong_node",        "too_many_sessions", "session_dropped",
      "reply_blocked",     "reply_unroutable", "reply_late",        "reply_too_large",  "backlogged"};
  return names[static_cast<std::size_t>(event)];
}

void ServerEvents::count(ServerEvent event, Instant now, std::string_view fields) {
  count(event);
  if (!log_) return;
  Window& window = windows_[static_cast<std::size_t>(event)];
  if (now - window.began >= std::chrono::seconds(1)) {
    window.began = now;
    window.logged = 0;
  }
  if (window.logged == limits::event_lines_per_second_max) {
    ++window.left_out;
    return;
  }
  ++window.logged;
  std::string line(fields);
  if (window.left_out != 0) line += " left_out=" + std::to_string(std::exchange(window.left_out, 0));
  log_(LogLevel::warn, name_of(event), line);
}

ServerStats ServerEvents::read() const {
  ServerStats out;
  out.sessions = sessions.get();
  out.sessions_opened = sessions_opened.get();
  out.frames = frames.get();
  out.requests = requests.get();
  out.replies = replies.get();
  out.reply_frames = reply_frames.get();
  for (std::size_t i = 0; i < server_event_count; ++i) out.events[i] = counts_[i].get();
  return out;
}

}  // namespace reki
