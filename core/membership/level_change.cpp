#include "reki/core/membership/level_change.hpp"

#include <algorithm>

namespace reki::membership {
namespace {

/// Which voters are not there to say what they support; empty: all are.
std::string missing_voters(const View& view, const StandingOf& standing) {
  std::string out;
  for (const auto voters : {view.voters(), view.old_voters()}) {
    for (const Voter& v : voters) {
      const bool is_there = view.find(v.node) != nullptr && standing(v.node).is_there;
      if (!is_there && out.find(v.node.value) == std::string::npos) out += (out.empty() ? "" : ", ") + v.node.value;
    }
  }
  return out;
}

/// Why the level cannot be raised just now; empty: it can.
std::string hindrance(const View& view, Level level, const NodeId& self, const StandingOf& standing) {
  if (const std::string names = unable(view, level); !names.empty()) {
    return names + "; run a reki that supports level " + std::to_string(level) + " on all nodes first";
  }
  if (const std::string names = missing_voters(view, standing); !names.empty()) {
    return "of the voters " + names + " do not renew their leases; start them with a reki that supports level " +
           std::to_string(level) + ", or let others vote ('reki voters replace')";
  }
  if (view.find(self) == nullptr) return "the coordinator '" + self.value + "' is no member yet; ask again in a moment";
  return {};
}

}  // namespace

Level highest_level(const View& view) {
  Level out = view.level();
  for (const Member& m : view.members()) out = std::max(out, m.levels.max);
  return out;
}

std::string unable(const View& view, Level level) {
  std::string out;
  for (const Member& m : view.members()) {
    if (!m.levels.has(level)) out += (out.empty() ? "" : ", ") + m.node_id.value + " supports " + text_of(m.levels);
  }
  return out;
}

SetLevelReply LevelChange::ask(const SetLevel& m, const View& view, const NodeId& self, bool cleared, const StandingOf& standing) {
  using State = SetLevelReply::State;
  const Epoch epoch = view.epoch();
  if (m.level == view.level()) return {cleared ? State::done : State::under_way, {}, epoch};
  if (m.level < view.level()) {
    return {State::refused, "the cluster has level " + std::to_string(view.level()) + ", and no level is ever lowered", epoch};
  }
  std::string why = hindrance(view, m.level, self, standing);
  if (wanted_ == m.level) return {why.empty() ? State::under_way : State::not_yet, std::move(why), epoch};
  if (wanted_) return {State::not_yet, "the level is being raised to " + std::to_string(*wanted_), epoch};
  if (m.base != epoch) return {State::not_yet, "the view has changed meanwhile", epoch};
  if (!why.empty()) return {State::refused, std::move(why), epoch};
  wanted_ = m.level;
  return {State::under_way, {}, epoch};
}

std::optional<Level> LevelChange::next(const View& view, const NodeId& self, const StandingOf& standing) const {
  const bool is_higher = wanted_ && *wanted_ > view.level();
  return is_higher && hindrance(view, *wanted_, self, standing).empty() ? wanted_ : std::nullopt;
}

void LevelChange::cleared(const View& view) {
  if (wanted_ && *wanted_ <= view.level()) wanted_.reset();
}

}  // namespace reki::membership
