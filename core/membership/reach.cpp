#include "reki/core/membership/reach.hpp"

#include <algorithm>
#include <variant>

#include "reki/core/base/limits.hpp"
#include "reki/core/membership/ballot.hpp"
#include "reki/core/view/generation.hpp"

namespace reki::membership {
namespace {

/// The highest that a message says.
Known said(const ViewPtr& view) { return view ? Known{view->epoch(), view->term()} : Known{}; }
Known said(const Renew& m) { return {std::max(m.installed, m.cleared), {}}; }
Known said(const Grant& m) { return {std::max(m.epoch, m.barrier), m.term}; }
Known said(const News& m) { return {std::max(m.epoch, m.barrier), m.term}; }
Known said(const Join& m) { return {m.base, {}}; }
Known said(const Refused&) { return {}; }
Known said(const Stopped&) { return {}; }
Known said(const StoppedAck&) { return {}; }
Known said(const ViewFetch& m) { return {m.have, {}}; }
Known said(const ViewPush& m) { return said(m.view); }
Known said(const Hint& m) { return {{}, m.term}; }
Known said(const PreVote& m) { return {{}, m.ballot}; }
Known said(const PreVoteReply& m) { return {{}, std::max(m.ballot, m.promised)}; }
Known said(const Prepare& m) { return {{}, m.ballot}; }
Known said(const Promise& m) {
  const Known view = said(m.view);
  return {view.epoch, std::max({m.ballot, m.accepted, view.term})};
}
Known said(const Accept& m) {
  const Known view = said(m.view);
  return {view.epoch, std::max(m.ballot, view.term)};
}
Known said(const Accepted& m) { return {m.epoch, m.ballot}; }
Known said(const Heartbeat& m) { return {{}, m.ballot}; }
Known said(const HeartbeatAck& m) { return {{}, m.ballot}; }
Known said(const Nack& m) { return {{}, std::max(m.ballot, m.promised)}; }
Known said(const Resign& m) { return {{}, m.term}; }
Known said(const InitProbe&) { return {}; }
Known said(const InitState& m) { return {m.epoch, {}}; }
Known said(const Init& m) { return said(m.view); }
Known said(const SetVoters&) { return {}; }
Known said(const SetVotersReply&) { return {}; }
Known said(const ConfigSaid&) { return {}; }
Known said(const LineageAsk&) { return {}; }
Known said(const LineageIs&) { return {}; }
Known said(const RescueProbe&) { return {}; }
Known said(const RescueState&) { return {}; }
Known said(const Rescue& m) { return {m.epoch, m.accepted}; }
Known said(const SetProfile& m) { return {m.base, {}}; }
Known said(const SetProfileReply& m) { return {m.epoch, {}}; }
Known said(const SetLevel& m) { return {m.base, {}}; }
Known said(const SetLevelReply& m) { return {m.epoch, {}}; }

const View* view_in(const Body& body) {
  if (const auto* m = std::get_if<ViewPush>(&body)) return m->view.get();
  if (const auto* m = std::get_if<Promise>(&body)) return m->view.get();
  if (const auto* m = std::get_if<Accept>(&body)) return m->view.get();
  if (const auto* m = std::get_if<Init>(&body)) return m->view.get();
  return nullptr;
}

bool is_beyond(std::uint64_t said, std::uint64_t stored) { return said > stored && said - stored > limits::ahead_max; }

std::string beyond(const char* what, std::uint64_t said, std::uint64_t stored) {
  return std::string{what} + " " + std::to_string(said) + " is more than 2^20 above the " + std::to_string(stored) + " that is stored here";
}
static_assert(limits::ahead_max == std::uint64_t{1} << 20);  // as the text says

}  // namespace

std::string fault_of(const Body& body, const Known& known) {
  const Known says = std::visit([](const auto& m) { return said(m); }, body);
  if (known.epoch != Epoch{} && generation_of(says.epoch) > generation_of(known.epoch)) {
    return "epoch " + std::to_string(says.epoch.value) + " is of a later generation than the " + std::to_string(known.epoch.value) + " that is stored here";
  }
  if (known.epoch != Epoch{} && is_beyond(says.epoch.value, known.epoch.value)) {
    return beyond("epoch", says.epoch.value, known.epoch.value);
  }
  if (known.term != Term{} && is_beyond(round_of(says.term), round_of(known.term))) {
    return beyond("round", round_of(says.term), round_of(known.term));
  }
  return {};
}

std::string level_fault_of(const View& view, const LevelRange& own) {
  if (own.has(view.level())) return {};
  const bool is_behind = view.level() > own.max;
  return "the cluster has level " + std::to_string(view.level()) + ", and this reki supports " + text_of(own) + "; start " +
         (is_behind ? "a later" : "an earlier") + " one on this node" +
         (is_behind ? ", and leave its data directory as it is" : ", and run 'reki upgrade finish' before this one");
}

std::string level_fault_of(const Body& body, const LevelRange& own) {
  const View* const view = view_in(body);
  return view == nullptr ? std::string{} : level_fault_of(*view, own);
}

}  // namespace reki::membership
