#pragma once

#include <array>
#include <cstdint>

#include "reki/core/membership/waiting_clock.hpp"

namespace reki::sim {

/// True time, which nobody in the simulated cluster can see: nanoseconds since the simulation's begin.
using Time = std::int64_t;
inline constexpr Time microsecond = 1'000;
inline constexpr Time millisecond = 1'000'000;
inline constexpr Time second = 1'000'000'000;
inline constexpr Time never = INT64_MAX;

/// How fast a machine's two clocks run, in thousandths of true time.
struct ClockRates {
  std::int32_t boot = 1000;
  std::int32_t raw = 1000;
};

/// The clocks of one machine: straight lines over true time, with a bend wherever their rates change.
class NodeClock {
 public:
  /// Shows `start` at true time 0. More than a second, so that nobody takes a fresh machine's readings for "never".
  explicit NodeClock(Time start) {
    bends_[0].boot = bends_[0].raw = start;
  }

  [[nodiscard]] membership::Clocks read(Time at) const {
    const Bend& b = last();
    return {Instant{b.boot + (at - b.at) * b.rates.boot / 1000}, Instant{b.raw + (at - b.at) * b.rates.raw / 1000}};
  }
  /// When the boot clock will show `boot` at the earliest, at its present rate; never before the last bend.
  [[nodiscard]] Time when(Instant boot) const {
    const Bend& b = last();
    if (boot == Instant::never()) return never;
    if (boot.ns <= b.boot) return b.at;
    if (b.rates.boot == 0) return never;
    return b.at + ((boot.ns - b.boot) * 1000 + b.rates.boot - 1) / b.rates.boot;
  }
  /// When it showed `boot`, which is past; as far back as the bends that it remembers.
  [[nodiscard]] Time when_was(Instant boot) const {
    for (std::size_t back = 0; back < bends_.size() && back < count_; ++back) {
      const Bend& b = bends_[(count_ - 1 - back) % bends_.size()];
      if (boot.ns >= b.boot) return b.rates.boot == 0 ? b.at : b.at + (boot.ns - b.boot) * 1000 / b.rates.boot;
    }
    return 0;
  }
  [[nodiscard]] ClockRates rates() const { return last().rates; }
  void bend(Time at, ClockRates rates) {
    const membership::Clocks now = read(at);
    bends_[count_++ % bends_.size()] = {at, now.boot.ns, now.raw.ns, rates};
  }

 private:
  struct Bend {
    Time at = 0;
    std::int64_t boot = 0;
    std::int64_t raw = 0;
    ClockRates rates;
  };
  [[nodiscard]] const Bend& last() const { return bends_[(count_ - 1) % bends_.size()]; }

  std::array<Bend, 16> bends_;
  std::size_t count_ = 1;
};

}  // namespace reki::sim
