#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "history/history.hpp"

/// One key as a sequential object: which answers can follow each other, one at a time. fence_order.hpp says what the
/// instants of a start are and which answers belong to them.
namespace reki::history {

/// What may happen to a key beside the operations of the history.
enum class Faults : std::uint8_t {
  /// An actor may end by itself at any time, and may be started without anybody being told.
  allowed,
  /// Nothing: no crash, passivation or change of the view, no client of which nothing is recorded. An actor ends by a
  /// stop and begins by a lookup_or_start of the history, if need be by one whose outcome is unknown.
  none,
};

/// A state, and with `Faults::allowed` at once all those that it can turn into without an operation.
struct KeyState {
  enum class Phase : std::uint8_t {
    idle,     ///< The latest start is over, or there was none.
    live,     ///< It is live.
    closing,  ///< It is down and not over.
  };
  Fence fence;  ///< Of the latest start; 0 before the first.
  Phase phase = Phase::idle;
  /// False: nobody has been told the fence of the latest start yet; it is greater than `fence`.
  bool told = true;

  friend bool operator==(const KeyState&, const KeyState&) = default;
  template <class H>
  friend H AbslHashValue(H h, const KeyState& s) {
    return H::combine(std::move(h), s.fence.value, s.phase, s.told);
  }
};

/// "live with fence 5:1", for people.
[[nodiscard]] std::string to_text(const KeyState& state);

/// True if the start of `state` can be one that the answer names; an answer without a fence can mean any.
[[nodiscard]] bool can_mean(const KeyState& state, const Operation& operation);

/// The state after the operation; nullopt if it cannot be answered so in `state`.
///
/// With `Faults::allowed` one state per order of the operations suffices, since live can turn into closing and that
/// into idle: the state that is returned is the one from which all others that are possible can come. So an operation
/// whose outcome is unknown means nothing there, and is not asked about (REQUIRES: `is_answered`). With `Faults::none`
/// it takes effect here.
///
/// Two things take more than one operation, and are the caller's: all stops that are told of one end take effect with
/// it, so it takes all of them that can be next at once and asks about one; and with `Faults::none` a look-up can find
/// that a live actor is closing only if some stop has closed it, which is refused here.
[[nodiscard]] std::optional<KeyState> step(const KeyState& state, const Operation& operation, Faults faults);

}  // namespace reki::history
