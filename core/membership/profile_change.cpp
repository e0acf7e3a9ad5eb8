#include "reki/core/membership/profile_change.hpp"

#include "reki/core/membership/mutation.hpp"

namespace reki::membership {

SetProfileReply ProfileChange::ask(const SetProfile& m, const View& view, bool cleared) {
  using State = SetProfileReply::State;
  const Epoch epoch = view.epoch();
  const Stage now = stage_of(view.settings());
  if (now == Stage::other) return {State::refused, "the cluster's profile is " + describe_stage(view.settings()) + ", which cannot be changed", epoch};
  if (wanted_ && *wanted_ != m.profile) return {State::not_yet, "a change of the profile to \"" + std::string(name_of(*wanted_)) + "\" is under way", epoch};
  if (now == stage_of(m.profile)) return {cleared ? State::done : State::under_way, {}, epoch};
  const bool begun = wanted_ || (now == Stage::mix && m.profile == Profile::lan);
  if (begun) return {State::under_way, {}, epoch};
  if (m.base != epoch) return {State::not_yet, "the view has changed meanwhile", epoch};
  wanted_ = m.profile;
  return {State::under_way, {}, epoch};
}

std::optional<Stage> ProfileChange::next(const View& view, bool cleared) const {
  const Stage now = stage_of(view.settings());
  if (now == Stage::mix && wanted_ != Profile::cloud) {
    return cleared || mutated(Mutation::early_lan) ? std::optional(Stage::lan) : std::nullopt;
  }
  if (!wanted_ || now == Stage::other || now == stage_of(*wanted_)) return std::nullopt;
  if (*wanted_ == Profile::cloud) return Stage::cloud;
  return mutated(Mutation::one_view_to_lan) ? Stage::lan : Stage::mix;
}

void ProfileChange::cleared(const View& view) {
  if (wanted_ && stage_of(view.settings()) == stage_of(*wanted_)) wanted_.reset();
}

Settings ProfileChange::agreed(const View& view) const {
  const Settings& has = view.settings();
  return wanted_ && stage_of(has) != Stage::other ? with_stage(has, Stage::mix) : has;
}

Timing timing_of(const Timing& own, const Settings& agreed) {
  Timing out = own;
  if (agreed.lease == cloud().lease && own.lease != agreed.lease) out = cloud();
  if (agreed.lease == lan().lease && own.lease != agreed.lease) out = lan();
  out.lease = agreed.lease;
  out.wait = agreed.wait;
  return out;
}

std::string differing_profile(const Settings& config, const View& view) {
  const Stage now = stage_of(view.settings());
  if (now == Stage::mix || now == stage_of(config)) return {};
  const std::string right{name_of(now == Stage::cloud ? Profile::cloud : Profile::lan)};
  const std::string wrong{name_of(stage_of(config) == Stage::cloud ? Profile::cloud : Profile::lan)};
  return "the cluster's profile is " + describe_stage(view.settings()) + ", and the config says \"" + wrong +
         "\", with which no node is let in when it is started again; write profile = \"" + right + "\" into it, or run 'reki profile set " + wrong + "'";
}

}  // namespace reki::membership
