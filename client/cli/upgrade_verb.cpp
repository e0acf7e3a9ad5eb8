#include <iostream>
#include <utility>

#include "reki/client/cli/verbs.hpp"
#include "reki/client/cli/wish.hpp"
#include "reki/core/membership/level_change.hpp"

namespace reki::cli {
namespace {

using membership::SetLevel;
using membership::SetLevelReply;

std::string cell_of(const LevelRange& levels) {
  const std::string min = std::to_string(levels.min);
  return levels.min == levels.max ? min : min + " to " + std::to_string(levels.max);
}

/// What is left to do.
std::string outlook(const View& view) {
  const Level highest = membership::highest_level(view);
  if (highest == view.level()) return "No node supports a later one.";
  const std::string behind = membership::unable(view, highest);
  if (behind.empty()) {
    return "All nodes support level " + std::to_string(highest) + ". 'reki upgrade finish' makes it the cluster's; until then every node can be put back.";
  }
  return "Not all nodes support level " + std::to_string(highest) + ": " + behind + ". Every node can be put back.";
}

Report show(const View& view) {
  Report out;
  out.json = {{"cluster", view.cluster_id()}, {"epoch", view.epoch().value}, {"level", view.level()}, {"highest", membership::highest_level(view)},
              {"nodes", Json::array()}};
  out.table = {{"NODE", "LEVELS"}};
  for (const Member& m : view.members()) {
    out.json["nodes"].push_back({{"node", m.node_id.value}, {"min", m.levels.min}, {"max", m.levels.max}});
    out.table.push_back({m.node_id.value, cell_of(m.levels)});
  }
  const std::string looks = outlook(view);
  out.json["outlook"] = looks;
  out.text = "The cluster has level " + std::to_string(view.level()) + ". " + looks + "\n";
  return out;
}

Result<Report> finish(const View& view, Duration timeout) {
  if (view.coordinator().value.empty()) return fail(ErrorCode::invalid_argument, "this cluster has no coordinator: its view is a config's, and has level 1");
  const Level level = membership::highest_level(view);
  if (level != view.level()) {
    std::cerr << "reki: raises the level of '" << view.cluster_id() << "' from " << view.level() << " to " << level
              << ", and waits until all nodes have it; no earlier reki is let in from then on\n";
  }
  const auto wish = [&](const SetLevelReply* last) { return SetLevel{last != nullptr ? last->epoch : view.epoch(), level}; };
  const auto last = ask_coordinator<SetLevelReply>(view, "upgrade", whom_to_ask(view), timeout, wish);
  if (auto done = outcome_of(last, timeout, "reki upgrade"); !done) return tl::make_unexpected(std::move(done).error());
  Report out;
  out.json = {{"cluster", view.cluster_id()}, {"before", view.level()}, {"level", level}};
  out.text = "the cluster has level " + std::to_string(level) + "\n";
  return out;
}

}  // namespace

Result<Report> upgrade(Client& client, const CommandLine& line) {
  const auto view = client.view();
  return line.verb == "upgrade" ? show(*view) : finish(*view, line.timeout);
}

}  // namespace reki::cli
