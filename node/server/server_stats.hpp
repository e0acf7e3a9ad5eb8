#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace reki {

/// What peers do wrong, and what a node cannot do for them. Each is counted; the log gets a few a second of each.
enum class ServerEvent : std::uint8_t {
  wrong_cluster,      ///< HELLO of another cluster.
  version_mismatch,   ///< HELLO without a version in common.
  malformed_frame,    ///< Bytes that are no frame, or a frame that nodes do not take.
  bad_request,        ///< One request that breaks a bound, cannot be read, or asks for what there is not: a type, a message, fields.
  hello_required,     ///< A frame on a connection that has not said HELLO, or was forgotten.
  wrong_incarnation,  ///< Meant for an earlier incarnation of this node.
  unknown_sender,     ///< Requests of a node that the view does not have, or not in this incarnation.
  wrong_node,         ///< A key of another node: redirected.
  too_many_sessions,  ///< HELLO refused: all sessions are taken and none is idle.
  session_dropped,    ///< The longest idle session made room for another.
  reply_blocked,      ///< A batch of replies dropped: the peer does not read.
  reply_unroutable,   ///< A batch of replies dropped: the peer is gone, as a command that has what it wanted.
  reply_late,         ///< A reply dropped: its session is over.
  reply_too_large,    ///< A reply beyond the limits became an error.
  backlogged,         ///< A message refused, because those before it wait for too long.
};
inline constexpr std::size_t server_event_count = 15;
[[nodiscard]] std::string_view name_of(ServerEvent event);

/// What the data thread has done since it started.
struct ServerStats {
  std::uint64_t sessions = 0;  ///< Now.
  std::uint64_t sessions_opened = 0;
  std::uint64_t frames = 0;
  std::uint64_t requests = 0;
  std::uint64_t replies = 0;
  std::uint64_t reply_frames = 0;
  std::array<std::uint64_t, server_event_count> events{};

  [[nodiscard]] std::uint64_t of(ServerEvent event) const { return events[static_cast<std::size_t>(event)]; }
};

}  // namespace reki
