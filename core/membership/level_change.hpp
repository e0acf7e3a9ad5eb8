#pragma once

#include <optional>
#include <string>

#include "reki/core/membership/messages.hpp"
#include "reki/core/membership/voter_change.hpp"

namespace reki::membership {

/// The highest level that one of the members supports: what the cluster can be raised to once all do.
[[nodiscard]] Level highest_level(const View& view);
/// Which members do not support it, for people: "n2 supports level 1"; empty: all do.
[[nodiscard]] std::string unable(const View& view, Level level);

/// Decides when the next view has a higher level, when people ask for it ("reki upgrade finish").
///
/// Pure. One coordinator's; what it forgets with its term is said again by whoever asks. Thread: control.
///
/// A level is never lowered, and raised only when every member supports it, and every voter's node is a member that is there:
/// from then on what is written for others, and onto the voters' disks, may be what an earlier reki cannot read. One view is
/// enough: who has not installed it yet reads both levels.
class LevelChange {
 public:
  [[nodiscard]] SetLevelReply ask(const SetLevel& m, const View& view, const NodeId& self, bool cleared, const StandingOf& standing);
  /// The level of the view after this one; nothing: the same. It may have become impossible since people asked.
  [[nodiscard]] std::optional<Level> next(const View& view, const NodeId& self, const StandingOf& standing) const;
  /// All members have cleared the view.
  void cleared(const View& view);

 private:
  std::optional<Level> wanted_;  ///< As people have asked, until all members have cleared a view that has it.
};

}  // namespace reki::membership
