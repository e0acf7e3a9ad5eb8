#pragma once

#include <optional>

#include "reki/core/base/ids.hpp"
#include "reki/core/base/random.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/routing/routed_request.hpp"

namespace reki {

/// Decides when one who follows a cluster's views asks for a newer one.
///
/// Pure; no thread safety. Two reasons to ask, and one question for all that wait:
///  - A node was heard of that goes by a newer view: it is asked at once, and others if it does not answer.
///  - Requests are in trouble, that is, wait for a change of the view: somebody is asked every
///    `limits::view_poll_min` to `view_poll_max`, as long as that is so.
/// The next question waits for the last one's answer, but not longer than `limits::view_poll_patience`.
class ViewPolls {
 public:
  explicit ViewPolls(std::uint64_t seed) : random_(seed) {}

  /// `from` has said that it goes by the view of `epoch`.
  void heard_of(Epoch epoch, PeerIndex from, Instant now);
  /// There are requests that a newer view could help.
  void trouble(Instant now);
  /// There are none any more.
  void calm();
  void installed(Epoch epoch);

  bool due(Instant now) const { return now >= next_; }
  Instant next() const { return next_; }
  /// True if a view is known to exist that is newer than ours.
  bool behind() const { return seen_ > have_; }
  Epoch seen() const { return seen_; }
  /// Whom to ask: who was the last to know more than we do. Nothing: anybody.
  std::optional<PeerIndex> informant() const { return informant_; }
  void asked(Instant now);
  /// There was nobody to ask.
  void nobody(Instant now);
  /// Somebody has answered, be it with a view or with none.
  void answered(Instant now);
  /// For how long questions have gone unanswered; 0 if none is open.
  Duration silence(Instant now) const { return open_ ? now - unanswered_since_ : Duration{0}; }

 private:
  Instant later(Instant now);

  SplitMix random_;
  Epoch have_;
  Epoch seen_;
  std::optional<PeerIndex> informant_;
  Instant next_ = Instant::never();
  Instant asked_;
  bool open_ = false;  // since the last answer something was asked, or would have been
  Instant unanswered_since_;
  int fruitless_ = 0;
};

}  // namespace reki
