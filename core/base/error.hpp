#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "reki/core/base/time.hpp"

namespace reki {

/// What can be answered instead of a result. Numbers cross the wire and are never used again for another meaning.
///
/// A code exists only where a caller would react differently. `docs/protocol.md` has the same list for other languages.
enum class ErrorCode : std::uint16_t {
  ok = 0,

  // About the key. Nothing was executed unless the line says so.
  not_running = 1,        ///< No live actor, and the call does not start one.
  already_started = 2,    ///< `start` of a key that has an actor; StartResult::existing is its ref.
  start_failed = 3,       ///< The factory or on_start said no; the text is theirs.
  actor_crashed = 4,      ///< The handler of this call threw; its text follows. Partly executed.
  restarting = 5,         ///< In back-off after a crash; try again after `retry_after`.
  crash_loop = 6,         ///< Too many crashes: no start of this key before `retry_after`.
  gone = 7,               ///< A pinned ref whose one start is over.
  refused = 8,            ///< The actor answered with an error of its own; the text is its own.

  // About the request. Sending the same again gives the same answer.
  unknown_type = 20,      ///< No factory of this type on the node.
  unknown_message = 21,   ///< The type does not handle this message.
  malformed_message = 22, ///< Arguments, message or reply do not decode as the type describes them.
  too_large = 23,         ///< A bound of limits.hpp is exceeded.
  invalid_argument = 24,  ///< An empty key, a foreign cursor, a limit of 0, a time-out below 0...
  unsupported = 25,       ///< This node's version does not know the operation.
  would_block = 26,       ///< A blocking call from a handler on a worker: it could wait for itself.

  // About time and place.
  overloaded = 40,        ///< A queue is full; nothing was executed; try again later.
  deadline_exceeded = 41, ///< The deadline passed; nothing was executed (a start that has begun goes on).
  unknown_outcome = 42,   ///< The deadline passed after the message was handed over: it may have been executed.
  unreachable = 43,       ///< No answer from the owning node; nothing is known to have been executed.
  unavailable = 44,       ///< The node may not serve now (its lease is over, the key is moving); nothing was executed.
  shutting_down = 45,     ///< The node or registry is closing; nothing was executed.
  wrong_node = 46,        ///< The slot belongs to another node (a redirect; callers see it only if views disagree).

  // About the connection.
  malformed_frame = 60,   ///< Bytes that are not a frame of this protocol.
  wrong_cluster = 61,     ///< The peer belongs to another cluster.
  version_mismatch = 62,  ///< No protocol version in common.
  hello_required = 63,    ///< The node does not know this connection; say HELLO, then send again.
  wrong_incarnation = 64, ///< The request was meant for an earlier incarnation of this node.

  // About setting up.
  bad_config = 80,        ///< The configuration cannot be used; the text has file, line, column and remedy.
  address_in_use = 81,    ///< The listen address cannot be bound.
  bad_plugin = 82,        ///< A plugin is missing, is not one, or has another ABI version.
  bad_data_dir = 83,      ///< The data directory is another's, or cannot be used until a person has changed something.
  data_dir_unavailable = 84, ///< A process has it, its disk is full or fails: the same start may succeed later.

  internal = 99,          ///< A bug of reki's own.
};

/// The code's name as written above; "unknown" for a number of a later version.
std::string_view name_of(ErrorCode code);
/// What to do about it, one sentence for a person.
std::string_view remedy_of(ErrorCode code);
/// True for a code of this version's list.
bool is_known(std::uint16_t number);

/// An expected failure: what happened, in words for the person who reads the log.
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::internal;
  std::string text;
  Duration retry_after{0};  ///< When trying again can help, for `restarting`, `crash_loop`, `overloaded`; else 0.

  Error() = default;
  explicit Error(ErrorCode c, std::string t = {}, Duration after = Duration{0})
      : code(c), text(std::move(t)), retry_after(after) {}

  /// "restarting: <text> (try again in 40 ms)": for people; the remedy stands in when there is no text.
  std::string message() const;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string text = {}, Duration retry_after = Duration{0}) {
  return tl::make_unexpected(Error{code, std::move(text), retry_after});
}

}  // namespace reki
