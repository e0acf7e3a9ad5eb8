#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/levels.hpp"

/// What the frames of docs/protocol.md say, as plain values. Every view points into the frame it was read from.
namespace reki::wire {

enum class FrameKind : std::uint8_t { hello = 1, welcome = 2, reject = 3, request = 4, reply = 5, ping = 6, pong = 7, goodbye = 8 };

enum class Role : std::uint8_t { client = 1, node = 2 };

/// First frame on a connection, from the side that connected.
struct Hello {
  Level version_min = supported_levels.min;  ///< Versions of the protocol are levels.
  Level version_max = supported_levels.max;
  std::string_view cluster;
  Role role = Role::client;
  std::string_view name;  ///< The node's id, or the client's name for logs.
  Incarnation incarnation;
};

/// Answer to an accepted HELLO.
struct Welcome {
  std::uint16_t version = 0;
  std::string_view cluster;
  std::string_view node;
  Incarnation incarnation;
  Epoch epoch;
};

/// Answer to a frame that cannot be served at all; concerns the connection, not one request.
struct Reject {
  ErrorCode code = ErrorCode::malformed_frame;
  std::string_view text;
};

struct Ping {
  std::uint64_t nonce = 0;
};
struct Pong {
  std::uint64_t nonce = 0;
  Epoch epoch;
};

/// The node's last word on a connection: it closes, has answered what it will, and reads no more.
struct Goodbye {
  std::uint64_t frames = 0;  ///< REQUESTs and PINGs that it has read since its WELCOME: none after them was executed.
};

enum class Op : std::uint8_t {
  lookup_or_start = 1,
  lookup = 2,
  start = 3,
  stop = 4,
  call = 5,
  send = 6,
  list = 7,
  count = 8,
  describe = 9,
  status = 10,
  view = 11,
  watch = 12,
  /// Between nodes: the state of an actor on its way to its key's next owner.
  hand_over = 24,
  /// Stands in for an operation that comes with `next_level`: it looks a key up.
  next = 48,
};
/// From which level on it is there: before the view has that, it is refused.
constexpr Level level_of(Op op) { return op == Op::next ? next_level : first_level; }
/// Whether the key's owner has to serve it.
constexpr bool about_a_key(Op op) { return op <= Op::send || op == Op::hand_over || op == Op::next; }
/// Whether it runs a handler, and so must not be executed twice.
constexpr bool is_message(Op op) { return op == Op::call || op == Op::send; }

/// Bits of `Request::flags`.
enum Flag : std::uint32_t {
  fail_if_restarting = 1,  ///< Answer `restarting` at once instead of waiting for the restart.
  no_reply = 2,            ///< `send` only: no reply, not even an error.
};

/// What all requests of one frame share.
struct RequestHeader {
  Epoch epoch;         ///< Of the sender's view.
  Incarnation target;  ///< Of the node that this is meant for; 0: any.
  std::uint32_t count = 0;
};

/// What a request asks, but for its message. What a field means for each operation: docs/protocol.md, "Operations".
///
/// One list of fields for the two shapes that there are: views of a frame, and the owning `RequestBody`
/// (request_body.hpp). Whoever takes it apart binds all of them by name, so that a new field does not compile until it is
/// thought of there; all others move it whole.
template <class Text, class Blob>
struct BasicRequestBody {
  Op op = Op::lookup;
  std::uint32_t flags = 0;  ///< wire::Flag
  Text type{};
  Text key{};
  std::optional<Blob> args{};  ///< Absent is not the same as empty: a `call` without args starts nothing.
  Fence fence{};               ///< Only this start of the actor; 0: any.

  friend bool operator==(const BasicRequestBody&, const BasicRequestBody&) = default;
};
using RequestBodyView = BasicRequestBody<std::string_view, BytesView>;

/// One request as a frame has it.
struct Request : RequestBodyView {
  RequestId id;
  std::uint32_t remaining_ms = 0;  ///< Of the caller's deadline, when sent.
  std::string_view message;
  BytesView payload;

  friend bool operator==(const Request&, const Request&) = default;
};

/// Not even an error.
constexpr bool wants_no_reply(const Request& request) { return request.op == Op::send && (request.flags & no_reply) != 0; }

struct ReplyHeader {
  Epoch epoch;
  Incarnation incarnation;
  std::uint32_t count = 0;
};

struct Reply {
  RequestId id{};
  ErrorCode code = ErrorCode::ok;
  Fence fence{};  ///< ok, and `already_started`
  // ok
  bool started = false;
  BytesView payload{};
  // not ok
  std::string_view text{};
  std::uint32_t retry_after_ms = 0;
  std::string_view owner{};  ///< `wrong_node`: the id of the owner in the replier's view; else empty.

  friend bool operator==(const Reply&, const Reply&) = default;
};

}  // namespace reki::wire
