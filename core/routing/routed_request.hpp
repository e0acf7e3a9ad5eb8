#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/timer_wheel.hpp"
#include "reki/core/wire/outcome.hpp"
#include "reki/core/wire/request_body.hpp"

namespace reki {

/// One of the peers of a `RequestRouter`.
using PeerIndex = StrongId<struct PeerIndexTag, std::uint32_t>;

/// One request on its way to another process, from `RequestRouter::submit` until it comes out of `RequestRouter::next_done`.
///
/// The submitter derives its own from it, with whatever it needs to go on when the outcome is there; that is the one
/// allocation that a request costs. Belongs to one `RequestRouter` meanwhile.
/// REQUIRES: !wire::check() of what is asked.
struct RoutedRequest : ListHook<struct RouterQueueTag>, TimerHook, wire::EncodedRequest {
  RoutedRequest() = default;
  explicit RoutedRequest(wire::RequestBody body) : EncodedRequest{std::move(body), {}} {}
  virtual ~RoutedRequest() = default;

  Instant deadline;

  // Whom: a peer, else a node, else the key's owner; else, for an operation without a key, any node.
  std::optional<PeerIndex> peer;
  NodeId node;

  Outcome outcome;  ///< Set when it is done.

 private:
  friend class RequestRouter;
  enum class State : std::uint8_t {
    waiting,    ///< Until its next try (`held` by a peer), or for a view.
    queued,     ///< For a peer, until its connection takes it.
    in_flight,  ///< Handed to the socket.
    done,
  };
  void unlink_queue() { ListHook<RouterQueueTag>::unlink(); }

  State state_ = State::waiting;
  std::uint8_t redirects_ = 0;
  bool asks_for_view_ = false;   // the router's own
  std::optional<SlotId> slot_;   // of the key, once there was a view
  RequestId id_;
  PeerIndex at_;                 // queued, in_flight, held
  std::uint64_t frame_ = 0;      // in_flight
  Instant sent_;                 // in_flight
  Duration trip_{0};             // how long the last refusal took to come
  std::uint64_t key_hash_ = 0;   // for the memory of fences
  Fence floor_;                  // the highest seen of the key when this was asked
  Error last_{ErrorCode::ok};    // why the last try came to nothing
};

}  // namespace reki
