#include <iostream>
#include <utility>

#include "reki/client/cli/verbs.hpp"
#include "reki/client/cli/wish.hpp"
#include "reki/core/membership/profile_change.hpp"

namespace reki::cli {
namespace {

using membership::SetProfile;
using membership::SetProfileReply;

/// Where a cluster goes that is on its way, too.
Profile profile_of(const View& view) { return stage_of(view.settings()) == Stage::cloud ? Profile::cloud : Profile::lan; }

/// What to do if the config names the other one; empty: it does not.
std::string config_warning(const CommandLine& line, const View& view) {
  if (line.config.empty()) return {};
  const auto config = read_config(line.config);
  return config ? membership::differing_profile(settings_of(*config), view) : std::string{};
}

Report show(const View& view, const CommandLine& line) {
  const Settings& now = view.settings();
  const bool changing = stage_of(now) == Stage::mix;
  const std::string profile{stage_of(now) == Stage::other ? "other" : name_of(profile_of(view))};
  Report out;
  out.json = {{"cluster", view.cluster_id()}, {"epoch", view.epoch().value}, {"profile", profile}, {"changing", changing},
              {"lease_ms", milliseconds_of(now.lease)}, {"wait_ms", milliseconds_of(now.wait)}};
  out.text = "The profile is " + describe_stage(now) + ".\n";
  const std::string config = config_warning(line, view);
  if (!config.empty()) out.json["config_warning"] = config;
  out.text += config.empty() ? "" : "Note: " + config + ".\n";
  return out;
}

void announce(const View& view, Profile wanted) {
  const Settings next = with_stage(view.settings(), stage_of(wanted));
  std::cerr << "reki: changes the profile of '" << view.cluster_id() << "' from " << describe_stage(view.settings()) << " to "
            << describe_stage(next) << ", and waits until all nodes have it\n";
}

Result<Report> set(const View& view, Profile wanted, Duration timeout) {
  if (view.coordinator().value.empty()) return fail(ErrorCode::invalid_argument, "this cluster has no coordinator: its view is a config's, and so is its profile");
  if (stage_of(view.settings()) != stage_of(wanted)) announce(view, wanted);
  const auto wish = [&](const SetProfileReply* last) { return SetProfile{last != nullptr ? last->epoch : view.epoch(), wanted}; };
  const auto last = ask_coordinator<SetProfileReply>(view, "profile", whom_to_ask(view), timeout, wish);
  if (auto done = outcome_of(last, timeout, "reki profile"); !done) return tl::make_unexpected(std::move(done).error());
  const std::string name{name_of(wanted)};
  Report out;
  out.json = {{"cluster", view.cluster_id()}, {"before", name_of(profile_of(view))}, {"profile", name}};
  out.text = "the profile is \"" + name + "\"; write profile = \"" + name + "\" into the config too: with the other one no node is let in when it is started again\n";
  return out;
}

}  // namespace

Result<Report> profile(Client& client, const CommandLine& line) {
  const auto view = client.view();
  if (line.verb == "profile") return show(*view, line);
  return set(*view, line.profile == name_of(Profile::cloud) ? Profile::cloud : Profile::lan, line.timeout);
}

}  // namespace reki::cli
