#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "reki/core/base/error.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

/// Which ends of an actor are followed by a restart. An explicit stop never is, and is never asked about here.
enum class RestartMode : std::uint8_t {
  permanent = 0,  ///< After a crash, and after it has stopped itself.
  transient = 1,  ///< After a crash only.
  temporary = 2,  ///< Never.
};
[[nodiscard]] std::string_view name_of(RestartMode mode);
/// The mode of that name, if there is one.
[[nodiscard]] std::optional<RestartMode> restart_mode_of(std::string_view name);

/// How a type's actors are restarted. Every key is judged by its own history; no key's crashes touch another key.
struct RestartPolicy {
  RestartMode mode = RestartMode::transient;
  /// Intensity: how many restarts of one key a `period` may hold; the next crash in it makes a crash loop of it.
  /// 0 to `limits::restarts_max`; 0: the first crash is one already. With the waits below, ten are reached by an actor that crashes
  /// at each start, after 5 s, and not by one that crashes every second.
  std::uint32_t max_restarts = 10;
  Duration period = std::chrono::seconds(10);                ///< More than 0.
  Duration backoff_initial = std::chrono::milliseconds(10);  ///< Wait before the second restart in a row. More than 0.
  Duration backoff_max = std::chrono::seconds(30);           ///< Longest wait, and a crash loop's. >= backoff_initial.
  double factor = 2.0;                                       ///< The wait's growth per restart, 1 to 100.

  friend bool operator==(const RestartPolicy&, const RestartPolicy&) = default;
};

/// Checks the ranges and relations above, and that no duration exceeds `limits::restart_wait_max`. Fails with `invalid_argument`, naming the
/// field.
[[nodiscard]] Result<void> validate(const RestartPolicy& policy);

/// What is remembered of one key's restarts: 32 bytes in the entry of a key that has crashed, none in others'.
///
/// Starts empty; only `decide` writes it.
struct RestartHistory {
  Instant due;                  ///< When the latest restart was due.
  Instant window_start;         ///< When the restarts of `in_window` began to be counted.
  Duration wait{0};             ///< The latest restart's wait.
  std::uint32_t in_a_row = 0;   ///< Restarts since the history was forgotten. 0: nothing is remembered.
  std::uint32_t in_window = 0;  ///< Restarts since `window_start`.

  friend bool operator==(const RestartHistory&, const RestartHistory&) = default;
};

enum class ExitKind : std::uint8_t {
  crashed,         ///< A handler, a timer, or on_start of a restart threw.
  stopped_itself,  ///< The actor asked for its own end.
};

struct RestartDecision {
  enum class What : std::uint8_t {
    restart,  ///< Start again at `until`, which is `wait` from now; a wait of 0 is at once.
    give_up,  ///< Crash loop: nobody may start the key before `until`. A start after that has no history.
    drop,     ///< The key is simply not running any more, and has no history.
  };
  What what = What::drop;
  Duration wait{0};
  Instant until;  ///< now + wait.

  friend bool operator==(const RestartDecision&, const RestartDecision&) = default;
};

/// Decides what follows the end of a key's actor, and records it in `history`.
///
/// Pure: equal arguments, equal decision. REQUIRES: `policy` is valid; `now` is not before an earlier `now`.
/// ```
/// 1. temporary, or transient and stopped_itself      -> drop, history := {}
/// 2. forgotten(history, now)                         -> history := {}
/// 3. no window yet, or now - window_start >= period  -> window_start := now, in_window := 0
/// 4. in_window >= max_restarts                       -> give_up until now + backoff_max, history := {}
/// 5. otherwise                                       -> restart after w(in_a_row); both counts += 1
///    w(0) = 0,  w(1) = backoff_initial,  w(n) = min(backoff_max, w(n-1) * factor)
/// ```
/// The window of 3 is a fixed one that begins with a restart. So between two crash loops any `period` holds at most
/// 2 * max_restarts. A leaky bucket was rejected: with the growing waits an actor that crashes at each start would leak
/// faster than it fills, and would never be called a crash loop.
[[nodiscard]] RestartDecision decide(const RestartPolicy& policy, RestartHistory& history, Instant now, ExitKind kind);

/// True once the actor has run for max(period, its latest wait) since the latest restart was due. Then the next crash is
/// a first one again, and the history may be freed. True for an empty one.
[[nodiscard]] bool forgotten(const RestartPolicy& policy, const RestartHistory& history, Instant now);

}  // namespace reki
