#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "reki/core/base/ids.hpp"
#include "reki/core/base/intrusive_list.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/base/slot_map.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/core/wire/wire.hpp"

namespace reki {

/// Names a session within its node; never used twice. 0: none.
using SessionId = StrongId<struct SessionIdTag, std::uint64_t>;

/// One connection that has said HELLO.
struct Session : ListHook<struct IdleTag> {
  SessionId id;
  std::string route;  ///< ROUTER's name of the connection.
  wire::Role role = wire::Role::client;
  std::string name;         ///< The node's id, or the client's name for logs.
  Incarnation incarnation;  ///< Of the peer.

  Instant quiet_since;                       ///< Of an idle one: since when.
  std::uint32_t under_way = 0;               ///< Requests without an answer yet.
  std::uint64_t frames = 0;                  ///< REQUESTs and PINGs that were read since the last HELLO.
  std::unique_ptr<wire::ReplyWriter> batch;  ///< Replies that wait to be sent; null if there are none.
  bool lost = false;                         ///< The connection is known to be gone.
};

/// The sessions of a node, by their connection and by their id.
///
/// Pure; owned by the data thread. A session is idle while none of its requests is under way; only idle ones are ever
/// forgotten, so that no reply is lost by it and a peer that is told `hello_required` knows that nothing of what it
/// asked is being executed. All in constant time; the idle ones are a list in order of silence.
class Sessions {
 public:
  explicit Sessions(std::size_t max = limits::sessions_per_node_max) : max_(max) {}

  struct Greeted {
    Session* session = nullptr;  ///< Null: all are taken and none is idle.
    bool fresh = false;          ///< The connection had none before.
    bool dropped_one = false;    ///< The longest idle one had to go.
  };
  /// A HELLO on a connection, perhaps not the first one.
  [[nodiscard]] Greeted greet(std::string_view route, const wire::Hello& hello, Instant now);
  [[nodiscard]] Session* find(std::string_view route);
  [[nodiscard]] Session* find(SessionId id) const { return by_id_.find(id); }
  /// The peer has said something.
  void heard(Session& session, Instant now);
  /// A request is under way, and has been answered.
  void began(Session& session);
  void ended(Session& session, Instant now);
  void forget(Session& session);
  /// Forgets those that have been idle for `limits::session_idle_max`.
  void forget_idle(Instant now);
  /// When forget_idle() next has something to do; `never()` if there is no idle session.
  [[nodiscard]] Instant next_due();
  [[nodiscard]] std::size_t size() const { return by_route_.size(); }
  template <class Use>
  void for_each(Use use) {
    for (const auto& [route, session] : by_route_) use(*session);
  }

 private:
  const std::size_t max_;
  SlotMap<SessionId, std::unique_ptr<Session>> by_id_;
  static_assert(limits::sessions_per_node_max < decltype(by_id_)::size_max);
  absl::flat_hash_map<std::string, Session*> by_route_;
  IntrusiveList<Session, IdleTag> idle_;  // the longest silent first
};

}  // namespace reki
