#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reki/actor.hpp"

/// Chat rooms with presence. A room is an actor that knows who is there; each user has an inbox, an actor as well, to
/// which rooms deliver, wherever in the cluster it is.
namespace chat {

struct Line {
  std::string room;
  std::string from;
  std::string text;
  static constexpr auto fields = reki::fields("room", &Line::room, "from", &Line::from, "text", &Line::text);
};

// Inbox: the key is the user's name.

struct Deliver {
  static constexpr std::string_view name = "deliver";
  Line line;
  static constexpr auto fields = reki::fields("line", &Deliver::line);
};
/// Takes all that has come since the last fetch, the oldest first.
struct Fetch {
  static constexpr std::string_view name = "fetch";
  using Reply = std::vector<Line>;
};
struct Inbox {
  static constexpr std::string_view type = "chat_inbox";
  using Messages = reki::Messages<Deliver, Fetch>;
};

// Room: the key is its name.

/// Comes in, or says that one is still there: who has not done so for `presence_ms` is taken to have left.
struct Join {
  static constexpr std::string_view name = "join";
  using Reply = std::vector<std::string>;  ///< Who is there.
  std::string user;
  static constexpr auto fields = reki::fields("user", &Join::user);
};
struct Leave {
  static constexpr std::string_view name = "leave";
  std::string user;
  static constexpr auto fields = reki::fields("user", &Leave::user);
};
struct Say {
  static constexpr std::string_view name = "say";
  using Reply = std::int64_t;  ///< To how many it goes.
  std::string user;
  std::string text;
  static constexpr auto fields = reki::fields("user", &Say::user, "text", &Say::text);
};
struct Members {
  static constexpr std::string_view name = "members";
  using Reply = std::vector<std::string>;
};
/// The room's own reminder to look who is gone.
struct Sweep {
  static constexpr std::string_view name = "sweep";
};
struct RoomArgs {
  std::int64_t presence_ms = 30'000;
  static constexpr auto fields = reki::fields("presence_ms", &RoomArgs::presence_ms);
};
struct Room {
  static constexpr std::string_view type = "chat_room";
  using Messages = reki::Messages<Join, Leave, Say, Members, Sweep>;
  using Args = RoomArgs;
};

}  // namespace chat
