#include <algorithm>
#include <utility>
#include <vector>

#include "reki/client/cli/verbs.hpp"
#include "reki/client/cli/wish.hpp"
#include "reki/core/membership/voter_change.hpp"

namespace reki::cli {
namespace {

using membership::SetVotersReply;

std::string joined(const std::vector<NodeId>& nodes, const char* between) {
  std::string out;
  for (const NodeId& node : nodes) out += (out.empty() ? "" : between) + node.value;
  return out;
}

std::vector<NodeId> nodes_of(std::span<const Voter> voters) {
  std::vector<NodeId> out;
  for (const Voter& v : voters) out.push_back(v.node);
  std::ranges::sort(out);
  return out;
}

// --- the list

constexpr std::string_view no_member = "no member";

/// What a voter is good for just now. Only one whose register the view names, and whose node answers, counts.
std::string health_of(const View& view, const Voter& voter, Result<NodeStatus> status) {
  if (view.find(voter.node) == nullptr) return std::string{no_member};
  if (!status) return std::string{name_of(status.error().code)};
  const auto votes = status->find("votes");
  const auto* const number = votes == status->end() ? nullptr : std::get_if<std::uint64_t>(&votes->second);
  return number != nullptr && *number == 1 ? "votes" : "register is lost";
}

/// `unknown`: nodes that no member can be asked about. Who is no member may vote all the same.
std::string outlook(std::size_t voters, std::size_t healthy, const std::vector<NodeId>& unknown) {
  const std::string now = std::to_string(healthy) + " of " + std::to_string(voters) + " voters vote: ";
  const std::size_t needed = voters / 2 + 1;
  if (healthy < needed && healthy + unknown.size() >= needed) {
    return std::to_string(healthy) + " of " + std::to_string(voters) + " voters are seen to vote, and of " + joined(unknown, ", ") +
           " it is not known, since they are no members: see why they are not let in (their logs, event=not_let_in). While keys are served a "
           "majority votes";
  }
  if (healthy < needed) return now + "no majority. The cluster stands still until " + std::to_string(needed) + " of them do";
  const std::size_t spare = healthy - needed;
  if (spare == 0) return now + "one more loss stops the cluster";
  return now + std::to_string(spare) + (spare == 1 ? " more may be lost" : " more may be lost at once");
}

/// What to do if the config names others; empty: it does not.
std::string config_warning(const CommandLine& line, const View& view) {
  if (line.config.empty()) return {};
  const auto config = read_config(line.config);
  return config && config->names_voters ? membership::differing_voters(config->voters, view) : std::string{};
}

Result<Report> list_voters(Client& client, const CommandLine& line) {
  const auto view = client.view();
  Report out;
  out.json = {{"cluster", view->cluster_id()}, {"epoch", view->epoch().value}, {"voters", Json::array()},
              {"changing", !view->old_voters().empty()}};
  if (view->voters().empty()) {
    out.text = "The register of this cluster has no voters: it is in etcd, or there is none.\n";
    return out;
  }
  std::vector<Operation<NodeStatus>> asked;
  for (const Voter& v : view->voters()) asked.push_back(client.status(v.node.value, {.timeout = line.timeout}));
  std::size_t healthy = 0;
  std::vector<NodeId> unknown;
  out.table = {{"NODE", "CONTROL", "NUMBER", "HEALTH"}};
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const Voter& v = view->voters()[i];
    const std::string health = health_of(*view, v, asked[i].get());
    healthy += health == "votes" ? 1 : 0;
    if (health == no_member) unknown.push_back(v.node);
    out.json["voters"].push_back({{"node", v.node.value}, {"control", v.control}, {"number", v.number}, {"health", health}});
    out.table.push_back({v.node.value, v.control, std::to_string(v.number), health});
  }
  const std::string looks = outlook(asked.size(), healthy, unknown);
  const std::string config = config_warning(line, *view);
  out.json["healthy"] = healthy;
  out.json["outlook"] = looks;
  if (!config.empty()) out.json["config_warning"] = config;
  out.text = looks + ".\n" + (view->old_voters().empty() ? "" : "A change of them is under way.\n") +
             (config.empty() ? "" : "Note: " + config + ".\n");
  return out;
}

// --- changes

Result<std::vector<NodeId>> wanted(const View& view, const CommandLine& line) {
  std::vector<NodeId> given;
  for (const std::string& id : line.ids) given.emplace_back(id);
  if (line.verb == "voters set") return given;
  std::vector<NodeId> out = nodes_of(view.voters());
  const auto votes = [&](const NodeId& node) { return std::ranges::find(out, node) != out.end(); };
  const bool adds = line.verb == "voters add";
  const std::size_t leave = adds ? 0 : line.verb == "voters replace" ? 1 : given.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const bool has_to_vote = i < leave;
    if (votes(given[i]) == has_to_vote) continue;
    return fail(ErrorCode::invalid_argument, "node '" + given[i].value + (has_to_vote ? "' is no voter" : "' is a voter already") +
                                                 "; the voters are " + joined(out, ", "));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (i < leave) std::erase(out, given[i]);
    else out.push_back(given[i]);
  }
  return out;
}

/// Where the coordinator is now, and where it will be if it gives up its vote: with a voter of before or of afterwards.
std::vector<std::string> whom_to_ask(const View& view, const std::vector<NodeId>& nodes) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& control) {
    if (!control.empty() && std::ranges::find(out, control) == out.end()) out.push_back(control);
  };
  for (const auto voters : {view.voters(), view.old_voters()}) {
    for (const Voter& v : voters) add(v.control);
  }
  for (const NodeId& node : nodes) {
    if (const Member* const member = view.find(node)) add(member->control);
  }
  return out;
}

Result<void> change(const View& view, const std::vector<NodeId>& nodes, Duration timeout) {
  const membership::SetVoters wish{membership::highest_number(view), nodes};
  const auto last = ask_coordinator<SetVotersReply>(view, "voters", whom_to_ask(view, nodes), timeout, [&](const auto*) { return wish; });
  return outcome_of(last, timeout, "reki voters");
}

}  // namespace

Result<Report> voters(Client& client, const CommandLine& line) {
  if (line.verb == "voters") return list_voters(client, line);
  const auto view = client.view();
  if (view->voters().empty()) return fail(ErrorCode::invalid_argument, "the register of this cluster has no voters: it is in etcd");
  auto nodes = wanted(*view, line);
  if (!nodes) return tl::make_unexpected(std::move(nodes).error());
  std::ranges::sort(*nodes);
  if (auto changed = change(*view, *nodes, line.timeout); !changed) return tl::make_unexpected(std::move(changed).error());
  Report out;
  const auto before = nodes_of(view->voters());
  out.json = {{"cluster", view->cluster_id()}, {"before", Json::array()}, {"voters", Json::array()}};
  for (const NodeId& node : before) out.json["before"].push_back(node.value);
  for (const NodeId& node : *nodes) out.json["voters"].push_back(node.value);
  out.text = "the voters are " + joined(*nodes, ", ") + "; write that into the config too, if it names voters\n";
  return out;
}

}  // namespace reki::cli
