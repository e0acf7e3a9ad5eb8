#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "reki/client/cli/control_connections.hpp"
#include "reki/client/cli/verbs.hpp"
#include "reki/core/membership/control_codec.hpp"
#include "reki/core/membership/rescue.hpp"
#include "reki/net/random_number.hpp"

namespace reki::cli {
namespace {

using membership::LostStore;
using membership::RescueAnswer;
using membership::RescuePlan;
constexpr auto again_after = std::chrono::milliseconds(100);
constexpr std::size_t addresses_max = 2 * limits::nodes_max;

/// Those of the config, and of each view that an answer has.
class Asked {
 public:
  void add(const std::string& control) {
    const bool known = std::ranges::find(addresses_, control) != addresses_.end();
    if (control.empty() || known || addresses_.size() >= addresses_max) return;
    addresses_.push_back(control);
    is_new_ = true;
  }
  void add(const View& view) {
    for (const Member& m : view.members()) add(m.control);
    for (const auto voters : {view.voters(), view.old_voters()}) {
      for (const Voter& v : voters) add(v.control);
    }
  }
  [[nodiscard]] bool take_new() { return std::exchange(is_new_, false); }
  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  std::vector<std::string> addresses_;
  bool is_new_ = false;
};

struct Answers {
  std::map<std::string, RescueAnswer> by_address;
  std::vector<std::string> silent;
  /// One for each node, whichever of its addresses it was asked at.
  [[nodiscard]] std::vector<RescueAnswer> all() const {
    std::vector<RescueAnswer> out;
    for (const auto& [control, answer] : by_address) {
      if (std::ranges::find(out, answer.node, &RescueAnswer::node) == out.end()) out.push_back(answer);
    }
    return out;
  }
};

membership::ControlWriter writer_of(const Config& config) {
  return membership::ControlWriter({config.cluster, NodeId{"rescue/" + std::to_string(random_number())}, {}});
}

/// Asks all there are, until each has answered or the time is over: no answer is no proof, so nobody is asked for less.
Answers ask_all(const Config& config, Duration timeout) {
  Asked asked;
  Answers out;
  for (const NodeConfig& node : config.nodes) asked.add(node.control_address());
  auto writer = writer_of(config);
  const Bytes probe{writer.write(membership::RescueProbe{}, {}, supported_levels.min)};
  std::optional<ControlConnections> connections;
  const Instant end = boot_time() + timeout;
  const auto all_answered = [&] { return out.by_address.size() == asked.addresses().size(); };
  for (Instant now = boot_time(); now < end && !all_answered(); now = boot_time()) {
    if (asked.take_new()) connections.emplace(asked.addresses());
    const std::vector<std::string> addresses = asked.addresses();
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (!out.by_address.contains(addresses[i])) connections->send(i, probe);
    }
    connections->receive(std::min(end, now + again_after), [&](std::size_t i, BytesView bytes) {
      const auto frame = membership::decode_control(bytes, config.cluster, nullptr, supported_levels);
      const auto* state = frame && frame->body ? std::get_if<membership::RescueState>(&*frame->body) : nullptr;
      if (state == nullptr) return true;
      if (state->view) asked.add(*state->view);
      out.by_address.insert_or_assign(addresses[i], RescueAnswer{frame->sender.name, addresses[i], *state});
      return !all_answered();
    });
  }
  for (const std::string& control : asked.addresses()) {
    if (!out.by_address.contains(control)) out.silent.push_back(control);
  }
  return out;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out.empty() ? "none" : out;
}

std::vector<std::string> names_of(const std::vector<NodeId>& nodes) {
  std::vector<std::string> out;
  for (const NodeId& node : nodes) out.push_back(node.value);
  return out;
}

std::string confirmation_of(const Config& config) { return "give up " + config.cluster; }

std::string command_of(const Config& config, const RescuePlan& plan) {
  std::string out = "reki voters rescue";
  for (const LostStore& lost : plan.lost) out += " --lost " + membership::text_of(lost);
  return out + " --confirm \"" + confirmation_of(config) + '"';
}

/// What a person has to know first.
std::string warning_of(const Config& config, const RescuePlan& plan, const Answers& answers) {
  std::string lost;
  for (const LostStore& each : plan.lost) lost += "  " + membership::text_of(each) + "\n";
  return "nothing was changed. The register of cluster '" + config.cluster + "' would go on from node '" + plan.survivor.value +
         "' alone, at epoch " + std::to_string(plan.act.epoch.value) + " as it knows it.\n"
         "Lost for good, as voters (NODE/STORE):\n" + lost +
         (plan.others.empty() ? "" : "Stopped for good as 'retired', though their registers are whole (empty their data directories "
                                     "then, and start them): " + joined(names_of(plan.others)) + "\n") +
         "Addresses that do not answer: " + joined(answers.silent) + "\n" +
         (plan.ahead.empty() ? "" : "Node '" + plan.ahead + "' knows a newer view than that: what it says is given up.\n") +
         "Given up: all changes of the cluster that the survivor has not seen, though they may have been acknowledged (who is a "
         "member, who votes, the profile); the memory of all actors on all nodes. All nodes join anew, two seconds after the act.\n"
         "Kept: every fence from now on is above every one of before, and above all that the old voters ever give out.\n"
         "Nothing can prevent, so you vouch for it: that a majority of the old voters runs somewhere, or is started again where it "
         "reaches no node that knows; that somebody rescues the same register elsewhere; that a copy of a register is rescued. Each "
         "makes two clusters that run at once, and of two actors of one key only a store that compares fences tells the later one.\n"
         "An old voter that hears of this stops for good. If the lost disks may come back, wait for them instead.\n"
         "If no process of the lost voters runs, and none will: " + command_of(config, plan);
}

/// Said until the survivor says that it is so: its frames name the new lineage then.
Result<void> carry_out(const Config& config, const RescuePlan& plan, Duration timeout) {
  auto writer = writer_of(config);
  writer.set_lineage(plan.now);
  const Bytes act{writer.write(plan.act, {}, supported_levels.min)};
  ControlConnections survivor({plan.control});
  const Instant end = boot_time() + timeout;
  bool done = false;
  for (Instant now = boot_time(); now < end && !done; now = boot_time()) {
    survivor.send(0, act);
    survivor.receive(std::min(end, now + again_after), [&](std::size_t, BytesView bytes) {
      const auto frame = membership::decode_control(bytes, config.cluster, nullptr, supported_levels);
      done = frame && frame->lineage == plan.act.lineage;
      return !done;
    });
  }
  if (done) return {};
  return fail(ErrorCode::unknown_outcome, "node '" + plan.survivor.value + "' has not said that it is done: it has changed meanwhile, or does "
                                          "not answer. Run 'reki voters rescue' without --confirm, which shows what is so");
}

/// The other survivors hear of it at once, and not with their next message.
void tell(const Config& config, const RescuePlan& plan, const Answers& answers) {
  std::vector<std::string> addresses;
  for (const auto& [control, answer] : answers.by_address) {
    if (answer.node != plan.survivor) addresses.push_back(control);
  }
  if (addresses.empty()) return;
  auto writer = writer_of(config);
  writer.set_lineage(plan.act.lineage);
  const Bytes news{writer.write(membership::LineageIs{}, {}, supported_levels.min)};
  ControlConnections others(addresses);
  for (int again = 0; again < 3; ++again) {
    others.receive(boot_time() + again_after, [](std::size_t, BytesView) { return true; });
    for (std::size_t i = 0; i < addresses.size(); ++i) others.send(i, news);
  }
  others.receive(boot_time() + again_after, [](std::size_t, BytesView) { return true; });
}

}  // namespace

Result<Report> rescue(const CommandLine& line) {
  if (line.config.empty()) return fail(ErrorCode::invalid_argument, "which cluster? Give --config FILE (or set REKI_CONFIG)");
  const auto config = read_config(line.config);
  if (!config) return tl::make_unexpected(config.error());
  if (config->etcd) return fail(ErrorCode::invalid_argument, "the register of this cluster is in etcd: rescue that, from a snapshot of it");
  const Answers answers = ask_all(*config, line.timeout);
  if (answers.by_address.empty()) {
    return fail(ErrorCode::unreachable, "no node answers at " + joined(answers.silent) + "; start one that has the register of a voter");
  }
  const auto plan = membership::plan_rescue(answers.all(), random_number());
  if (!plan) return tl::make_unexpected(plan.error());
  if (line.confirm.empty() && line.lost.empty()) return fail(ErrorCode::invalid_argument, warning_of(*config, *plan, answers));
  auto named = membership::check_named(*plan, line.lost);
  if (!named) return fail(ErrorCode::invalid_argument, named.error().text + ". Now " + warning_of(*config, *plan, answers));
  if (line.confirm != confirmation_of(*config)) return fail(ErrorCode::invalid_argument, warning_of(*config, *plan, answers));
  if (auto done = carry_out(*config, *plan, line.timeout); !done) return tl::make_unexpected(std::move(done).error());
  tell(*config, *plan, answers);
  Report out;
  out.json = {{"cluster", config->cluster}, {"survivor", plan->survivor.value}, {"lineage", membership::text_of(plan->act.lineage)},
              {"lost", Json::array()}};
  for (const LostStore& lost : plan->lost) out.json["lost"].push_back(membership::text_of(lost));
  out.text = "cluster '" + config->cluster + "' goes on from node '" + plan->survivor.value + "' alone, as lineage " +
             membership::text_of(plan->act.lineage) + "; it rests for two seconds first. Empty the data directories of the lost voters and of "
             "nodes that have stopped as 'retired', start them, and give votes with 'reki voters add'\n";
  return out;
}

}  // namespace reki::cli
