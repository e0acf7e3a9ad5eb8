#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/time.hpp"

/// What watchers are told: the words of docs/protocol.md, section 8, as values.
namespace reki {

/// Numbers cross the wire and are never used again for another meaning.
enum class WatchKind : std::uint8_t {
  nothing = 0,  ///< Never told.
  // What happens to a key.
  started = 1,
  restarted = 2,  ///< After a crash.
  stopped = 3,    ///< With `retry_after`: it is started again by its type's rules.
  crashed = 4,    ///< Restarted after `retry_after`.
  down = 5,       ///< It has crashed too often, or is found so: no start before `retry_after`.

  // How a key is found.
  running = 10,
  not_running = 11,
  restarting = 12,  ///< In back-off after a crash.

  // About the watch itself.
  missed = 20,     ///< Something has happened that is not told: `number` of events, 0 if unknown.
  watching = 21,   ///< From here on all of `node` is told.
  moved = 22,      ///< The key belongs to `node` now, and belonged to `other`.
  ended = 23,      ///< `node` closes; without a node: the watch is over.
  unwatched = 24,  ///< `node` does not answer; what happens meanwhile is told later, or `missed`.

  // About the nodes of the cluster; `epoch` is the view's.
  joined = 30,
  leaving = 31,      ///< Hands its keys over.
  left = 32,         ///< Gone after that.
  lost = 33,         ///< Gone without it, or another incarnation of the node has taken its place.
  coordinator = 34,  ///< It is `node` now.
  member = 35,       ///< `node` is there: the first answer; `number` is its MemberState.
  view = 36,         ///< Ends the events of one view.
};

enum class WatchReason : std::uint8_t {
  none = 0,
  stopped = 1,
  stopped_self = 2,
  passivated = 3,
  closing = 4,
  crashed = 5,
  start_failed = 6,
  moved = 7,  ///< Of `missed`: it was another node's key meanwhile.
  node_lost = 8,  ///< The node could not be asked any more: what happened there last is not known.
  fell_behind = 20,
  node_restarted = 21,
  not_kept = 22,
  node_joined = 23,  ///< The node was there before it was watched.
};

/// The names that docs/protocol.md gives them; "unknown" for a number of a later version.
[[nodiscard]] std::string_view name_of(WatchKind kind);
[[nodiscard]] std::string_view name_of(WatchReason reason);

struct WatchEvent {
  WatchKind kind = WatchKind::watching;
  WatchReason reason = WatchReason::none;
  std::int64_t time_ms = 0;  ///< The node's wall clock since 1970, for people; 0 for what is told by no node.
  std::string type;          ///< Empty for nodes.
  std::string key;           ///< Empty for what is about a whole type, or nodes.
  NodeId node;               ///< Where it happened, or whom it is about. Empty inside one process without a cluster.
  NodeId other;              ///< moved: from where.
  Fence fence;               ///< Of the start that it is about; 0 if there is none.
  Duration retry_after{0};
  std::string text;      ///< Of a crash, or of an error.
  Epoch epoch;           ///< moved, and events about nodes: the view's.
  std::uint64_t number = 0;

  friend bool operator==(const WatchEvent&, const WatchEvent&) = default;
};

/// How far a watcher has got with one node. Both 0: nowhere yet.
struct WatchPosition {
  Incarnation incarnation;  ///< Of the node; 0 if the events are about nodes.
  std::uint64_t sequence = 0;  ///< About nodes: an epoch.

  friend bool operator==(const WatchPosition&, const WatchPosition&) = default;
};

/// What is watched.
struct WatchFilter {
  std::string type;  ///< Empty: the nodes of the cluster.
  std::string key;   ///< Empty: all keys of the type.

  static WatchFilter of_key(std::string type, std::string key) { return {std::move(type), std::move(key)}; }
  static WatchFilter of_type(std::string type) { return {std::move(type), {}}; }
  static WatchFilter of_nodes() { return {}; }

  [[nodiscard]] bool about_key() const { return !key.empty(); }
  [[nodiscard]] bool about_nodes() const { return type.empty(); }
};
/// `too_large`, or `invalid_argument` for a key without a type.
[[nodiscard]] Result<void> check(const WatchFilter& filter);

}  // namespace reki
