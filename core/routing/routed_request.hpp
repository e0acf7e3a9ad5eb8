#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/intrusive_list.hpp"
#include "reki/core/base/timer_wheel.hpp"
#include "reki/core/wire/outcome.hpp"
#include "reki/core/wire/request_body.hpp"

namespace reki {

/// One of the peers of a `RequestRouter`.
using PeerIndex = StrongId<struct PeerIndexTag, std::uint32_t>;

/// How far a request has got on its way.
struct RequestProgress {
  enum class State : std::uint8_t {
    waiting,    ///< Until its next try (held at a peer), or for a view.
    queued,     ///< For a peer, until its connection takes it.
    in_flight,  ///< Handed to the socket.
    done,
  };
  State state = State::waiting;
  std::uint8_t redirects = 0;
  bool asks_for_view = false;  ///< The router's own.
  std::optional<SlotId> slot;  ///< Of the key, once there was a view.
  RequestId id;
  PeerIndex at;                ///< queued, in_flight, held
  std::uint64_t frame = 0;     ///< in_flight
  Instant sent;                ///< in_flight
  Duration trip{0};            ///< How long the last refusal took to come.
  std::uint64_t key_hash = 0;  ///< For the memory of fences.
  Fence floor;                 ///< The highest seen of the key when this was asked.
  Error last{ErrorCode::ok};   ///< Why the last try came to nothing.
};

/// One request on its way to another process, from `RequestRouter::submit` until it comes out of
/// `RequestRouter::next_done`.
///
/// The submitter derives its own from it, with whatever it needs to go on when the outcome is there; that is the one
/// allocation that a request costs. Belongs to one `RequestRouter` meanwhile.
/// REQUIRES: !wire::check() of what is asked.
struct RoutedRequest : ListHook<struct RouterQueueTag>, TimerHook, wire::EncodedRequest {
  using State = RequestProgress::State;

  RoutedRequest() = default;
  explicit RoutedRequest(wire::RequestBody body) : EncodedRequest{std::move(body), {}} {}
  virtual ~RoutedRequest() = default;

  Instant deadline;

  // Whom: a peer, else a node, else the key's owner; else, for an operation without a key, any node.
  std::optional<PeerIndex> peer;
  NodeId node;

  Outcome outcome;           ///< Set when it is done.
  RequestProgress progress;  ///< Of the units of core/routing alone.

  void unlink_queue() { ListHook<RouterQueueTag>::unlink(); }
  void fail(Error why) {
    outcome.code = why.code;
    outcome.text = std::move(why.text);
  }
};

using RequestQueue = IntrusiveList<RoutedRequest, RouterQueueTag>;

/// True for an operation that may be executed twice without harm.
constexpr bool may_repeat(wire::Op op) { return !wire::is_message(op); }
/// True for an operation that is asked of each node of the view. It counts if that is the newest which they go by.
constexpr bool is_of_all(wire::Op op) { return op == wire::Op::list || op == wire::Op::count; }
/// True for an operation whose answer is how things are.
constexpr bool only_looks(wire::Op op) { return op == wire::Op::lookup || op == wire::Op::lookup_or_start; }

}  // namespace reki
