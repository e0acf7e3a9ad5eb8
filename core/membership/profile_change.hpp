#pragma once

#include <optional>

#include "reki/core/membership/messages.hpp"
#include "reki/core/membership/timing.hpp"
#include "reki/core/view/stage.hpp"

namespace reki::membership {

/// Decides which lease and wait the next view has, when people ask for another profile.
///
/// Pure. One coordinator's; what it forgets with its term is said again by whoever asks. Thread: control.
///
/// `lan` to `cloud` is one view: who is dropped in it was waited for by the view before, and a longer lease begins with a
/// grant that arrives once the longer wait is chosen. Never the lease first. `cloud` to `lan` is two: `mix` has the short
/// lease and keeps the long wait, and every member cuts the lease that it has before it reports that view cleared. Once
/// all have, no long lease is left, and the wait may be short too. That is a stable fact, so that a coordinator which has
/// never heard of the wish takes the second step as well. The model is tests/model/settings.pml.
class ProfileChange {
 public:
  /// `cleared`: all members of the view, which is the newest, have cleared it.
  [[nodiscard]] SetProfileReply ask(const SetProfile& m, const View& view, bool cleared);
  /// The stage of the view after this one; nothing: the same.
  [[nodiscard]] std::optional<Stage> next(const View& view, bool cleared) const;
  /// All members have cleared the view.
  void cleared(const View& view);
  /// Against what a newcomer's config is checked: while the profile changes, either is right.
  [[nodiscard]] Settings agreed(const View& view) const;

 private:
  std::optional<Profile> wanted_;  ///< As people have asked, until all members have cleared a view that has it.
};

/// How often a node renews and how soon it tries to be elected, in a cluster that has agreed on `agreed`. `own` is what its
/// config says, which it goes by until it knows a view, and where the agreed lease is the same or no profile's.
[[nodiscard]] Timing timing_of(const Timing& own, const Settings& agreed);

/// What is wrong if a config names another profile than the cluster has, and what to do; empty: nothing, or the profile
/// changes just now. The engine is not looked at.
[[nodiscard]] std::string differing_profile(const Settings& config, const View& view);

}  // namespace reki::membership
