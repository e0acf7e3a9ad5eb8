#include "reki/node/membership/config_check.hpp"

#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/membership/profile_change.hpp"
#include "reki/core/membership/voter_change.hpp"

namespace reki {
namespace {

using membership::ConfigSaid;

/// How often the coordinator is told the same: it may have missed it.
constexpr auto again_after = std::chrono::seconds(5);

std::string difference(const char* what, const std::string& here, const std::string& there) {
  return here == there ? std::string{} : std::string(what) + " are " + there + " there and " + here + " here; ";
}

}  // namespace

std::vector<ConfigCheck::Line> ConfigCheck::look(const View& view, bool in) {
  std::vector<Line> out;
  const auto note = [&](std::string& before, std::string now, std::string_view event) {
    if (now == before) return;
    before = std::move(now);
    if (!before.empty()) out.push_back({event, before});
  };
  // A view in which the voters change has not got the new ones yet.
  if (view.old_voters().empty()) note(voters_, membership::differing_voters(said_.voters, view), "voters_differ");
  // Who is not let in is told so.
  if (in) note(profile_, membership::differing_profile(said_.settings, view), "profile_differs");
  std::erase_if(others_, [&](const auto& each) { return view.find(each.first) == nullptr; });
  return out;
}

std::vector<ConfigCheck::Line> ConfigCheck::compare(const NodeId& node, const ConfigSaid& other) {
  const ConfigSaid& own = said_.rest;
  if (own.fingerprint == 0 || other.fingerprint == 0) return {};
  if (other.fingerprint == own.fingerprint) {
    others_.erase(node);
    told_.erase(node);
    return {};
  }
  if (told_.size() >= limits::nodes_max && !told_.contains(node)) told_.clear();  // ids come and go
  const std::string text = "the config of node '" + node.value + "' is another: " + difference("types", own.types, other.types) +
                           difference("plugins", own.plugins, other.plugins) + "give all nodes the same";
  others_[node] = text;
  if (std::exchange(told_[node], other.fingerprint) == other.fingerprint) return {};
  return {{"config_differs", text}};
}

const ConfigSaid* ConfigCheck::due(const NodeId& coordinator, Term term, Instant now) {
  if (said_.rest.fingerprint == 0 || coordinator.value.empty()) return nullptr;
  if (coordinator == coordinator_ && term == term_ && now < again_) return nullptr;
  if (coordinator != coordinator_) others_.clear();  // which the one before has said may be put right by now
  coordinator_ = coordinator;
  term_ = term;
  again_ = now + again_after;
  return &said_.rest;
}

std::string ConfigCheck::warning() const {
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() || text.empty() ? "" : "; ") + text; };
  add(voters_);
  add(profile_);
  if (!others_.empty()) add(others_.begin()->second);
  if (others_.size() > 1) add("and " + std::to_string(others_.size() - 1) + " more nodes have another config");
  return out;
}

}  // namespace reki
