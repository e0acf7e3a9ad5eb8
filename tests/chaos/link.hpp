#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "reki/core/base/error.hpp"
#include "reki/core/base/time.hpp"

namespace chaos {

/// What one direction between two ports of the switch does to the frames that pass. The defaults do nothing.
struct LinkSettings {
  reki::Duration delay{0};   ///< Of every frame. >= 0.
  reki::Duration jitter{0};  ///< Added to the delay: uniform in 0..jitter. >= 0. Alone it never reorders.
  double loss = 0;           ///< Probability that a frame is dropped, 0 to 1; the two below alike.
  double duplicate = 0;      ///< Probability that a frame comes twice.
  double reorder = 0;        ///< Probability that a frame overtakes those that are delayed: it goes at once.
  double rate_mbit = 0;      ///< Bandwidth, frames queue for it; 0: as fast as it goes.
  bool cut = false;          ///< Nothing passes.

  friend bool operator==(const LinkSettings&, const LinkSettings&) = default;
};

/// Reads one "delay_ms=3", "jitter_ms=0.5", "loss=0.01", "duplicate=0.1", "reorder=0.1", "rate_mbit=10" into
/// `settings`. Fails with `invalid_argument`, and changes nothing then.
[[nodiscard]] reki::Result<void> apply_setting(LinkSettings& settings, std::string_view word);
/// The settings as JSON, with the names that `apply_setting` reads.
[[nodiscard]] std::string to_json(const LinkSettings& settings);

/// One direction between two ports: decides for each frame whether and when it arrives.
///
/// Pure: no clock and no I/O. Not thread-safe. What is drawn for the n-th frame depends on the seed and n alone, so that
/// equal traffic under equal settings meets the same fate again, and a change of one setting does not shift the dice
/// for the others.
class Link {
 public:
  /// When the copies of a frame arrive.
  struct Fate {
    std::size_t copies = 0;  ///< 0: dropped.
    std::array<reki::Instant, 2> at{};
  };

  explicit Link(std::uint64_t seed) : seed_(seed) {}

  /// REQUIRES: `now` is not before that of an earlier call.
  [[nodiscard]] Fate pass(reki::Instant now, std::size_t bytes);

  /// What is under way keeps its fate when the settings change.
  LinkSettings settings;

 private:
  /// Uniform in 0..1 (without 1); `what` tells the draws for one frame apart.
  [[nodiscard]] double draw(std::uint64_t what) const;
  [[nodiscard]] reki::Instant arrival(reki::Instant now, std::size_t bytes, std::uint64_t copy);

  std::uint64_t seed_;
  std::uint64_t frame_ = 0;
  reki::Instant line_free_{};     ///< When the last frame has left a line of limited rate.
  reki::Instant last_arrival_{};  ///< Of frames that keep their order.
};

}  // namespace chaos
