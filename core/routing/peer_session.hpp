#pragma once

#include <algorithm>
#include <cstdint>

#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

/// Decides what the side that connected must say next to one peer so that requests can flow: HELLO, PING or nothing.
///
/// Pure. It counts the frames sent, to tell which unanswered requests were never executed. Frames arrive in order, and
/// a node that does not know the connection refuses each with a REJECT `hello_required`. So if k of those have come by
/// the next WELCOME, at least the last k frames before the HELLO were refused; of the frames before them nothing is
/// known.
class PeerSession {
 public:
  struct Options {
    /// Silence of a peer that owes replies before it is sent a PING, and between PINGs. > 0.
    Duration ping_after = std::chrono::milliseconds(100);
    /// From a HELLO to the next if no WELCOME comes, or after one was refused. > 0.
    Duration hello_again = std::chrono::milliseconds(500);
  };
  enum class State : std::uint8_t {
    idle,       ///< Nobody has wanted anything of the peer yet.
    hello_due,  ///< HELLO is to be said as soon as the socket takes it (and not before `hello_not_before`).
    greeting,   ///< HELLO is said, WELCOME not heard.
    ready,      ///< Requests may be sent.
  };

  explicit PeerSession(const Options& options) : options_(options) {}

  State state() const { return state_; }
  bool ready() const { return state_ == State::ready; }
  /// Of the WELCOME that holds; 0 before the first.
  Incarnation incarnation() const { return incarnation_; }
  /// True if the peer has said anything after `at`; what came in the same instant was read before.
  bool heard_since(Instant at) const { return heard_ > at; }
  /// Why the peer refuses us; code `ok` if it has not since the last WELCOME.
  const Error& refusal() const { return refusal_; }

  /// Somebody has requests for the peer.
  void want() {
    if (state_ == State::idle) state_ = State::hello_due;
  }
  bool hello_due(Instant now) const {
    return (state_ == State::hello_due && now >= hello_not_before_) ||
           (state_ == State::greeting && now >= hello_sent_ + options_.hello_again);
  }
  /// True if the peer owes replies (the oldest sent at `oldest_sent`) and has been silent for too long.
  bool ping_due(Instant oldest_sent, Instant now) const {
    return ready() && now >= std::max({heard_, oldest_sent, pinged_}) + options_.ping_after;
  }

  /// True if the peer owes replies and has been silent for as long as it takes until a PING is due.
  bool silent(Instant oldest_sent, Instant now) const { return now >= std::max(heard_, oldest_sent) + options_.ping_after; }

  /// The same, and for as long again: a PING would have been answered by now.
  bool silent_to_ping(Instant oldest_sent, Instant now) const {
    return now >= std::max(heard_, oldest_sent) + 2 * options_.ping_after;
  }

  void hello_sent(Instant now);
  void ping_sent(Instant now);
  /// The number of the REQUEST frame that was just sent, or is about to be: the first is 1.
  std::uint64_t next_frame() const { return frames_sent_ + 1; }
  void requests_sent() { ++frames_sent_; }
  /// The number of the last frame that may have been executed, while the peer does not welcome us (again): those after
  /// it were refused.
  std::uint64_t last_executed() const { return frames_sent_ - std::min(frames_refused_, frames_sent_); }

  /// The number of the last frame that the peer has read if it says that it has read so many since the WELCOME.
  std::uint64_t last_read(std::uint64_t since_welcome) const {
    return frames_at_hello_ + std::min(since_welcome, frames_sent_ - frames_at_hello_);
  }

  void heard(Instant now) { heard_ = std::max(heard_, now); }
  /// Returns the number of the last frame that may have been executed by whoever said the last WELCOME; those after it
  /// were refused.
  std::uint64_t welcomed(Incarnation incarnation, Instant now);
  /// The peer does not know us (any more): REJECT or reply with `hello_required` or `wrong_incarnation`.
  void unknown_to_peer(bool frame_was_refused);
  /// The peer will not have us: another cluster, no common version, too many connections. Asked again later.
  void refused(Error why, Instant now);
  /// The connection is gone; the socket makes a new one by itself, which the peer does not know.
  void disconnected();

 private:
  Options options_;
  State state_ = State::idle;
  Incarnation incarnation_;
  Error refusal_{ErrorCode::ok};
  Instant heard_;
  Instant pinged_;
  Instant hello_sent_;
  Instant hello_not_before_;
  std::uint64_t frames_sent_ = 0;
  std::uint64_t frames_at_hello_ = 0;
  std::uint64_t frames_refused_ = 0;  // since the last WELCOME
};

}  // namespace reki
