// Two users in a room, one of whom goes silent: chat_client CLUSTER ADDRESS ROOM
#include <cstdio>

#include "chat.hpp"
#include "reki/client.hpp"

using namespace chat;

namespace {

/// A conversation in the co_await form; what fails ends it.
reki::Task<reki::Result<void>> converse(reki::Registry& cluster, std::string name) {
  auto room = co_await cluster.lookup_or_start<Room>(name, RoomArgs{.presence_ms = 400});
  if (!room) co_return tl::make_unexpected(room.error());
  // Messages that own memory are made before the co_await: GCC 12 destroys them wrongly within (see reki::Task).
  const Join ann{"ann"};
  const Join bob{"bob"};
  const Say hello{"ann", "hello"};
  if (auto there = co_await room->call(ann); !there) co_return tl::make_unexpected(there.error());
  if (auto there = co_await room->call(bob); !there) co_return tl::make_unexpected(there.error());
  auto heard = co_await room->call(hello);
  if (!heard) co_return tl::make_unexpected(heard.error());
  std::printf("ann's hello goes to %lld\n", static_cast<long long>(*heard));

  // Ann keeps saying that she is there; Bob does not, and is gone after a while.
  std::size_t present = 2;
  while (present == 2) {
    auto there = co_await room->call(ann);
    if (!there) co_return tl::make_unexpected(there.error());
    present = there->size();
  }
  co_return reki::Result<void>{};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: chat_client CLUSTER tcp://HOST:PORT ROOM\n"), 2;
  auto client = reki::Client::connect({.cluster = argv[1], .addresses = {argv[2]}});
  if (!client) return std::fprintf(stderr, "%s\n", client.error().message().c_str()), 3;
  reki::Registry& cluster = **client;

  if (auto done = reki::wait(converse(cluster, argv[3])); !done) {
    return std::fprintf(stderr, "%s\n", done.error().message().c_str()), 1;
  }
  // What rooms send to inboxes is under way on its own; the last line says that Bob is gone.
  bool bob_is_gone = false;
  for (int tries = 0; tries < 1000 && !bob_is_gone; ++tries) {
    auto lines = cluster.call<Inbox>("ann", Fetch{}).get();
    if (!lines) return std::fprintf(stderr, "%s\n", lines.error().message().c_str()), 1;
    for (const auto& line : *lines) {
      std::printf("[%s] %s: %s\n", line.room.c_str(), line.from.c_str(), line.text.c_str());
      bob_is_gone = bob_is_gone || (line.from == "bob" && line.text == "is gone");
    }
  }
  return bob_is_gone ? 0 : 1;
}
