#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "reki/client/cli/control_connections.hpp"
#include "reki/client/cli/verbs.hpp"
#include "reki/core/base/assert.hpp"
#include "reki/core/membership/control_codec.hpp"
#include "reki/core/membership/init.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/etcd/etcd_client.hpp"
#include "reki/net/random_number.hpp"

namespace reki::cli {
namespace {

using membership::Initialization;
constexpr auto again_after = std::chrono::milliseconds(100);

std::vector<Initialization::At> voters_of(const Config& config) {
  std::vector<Initialization::At> out;
  for (const NodeId& voter : config.voters) out.push_back({voter, config.find_node(voter.value)->control_address()});
  return out;
}

Result<void> make_cluster(const Config& config, Duration timeout) {
  if (!config.seeds.empty() && !config.names_voters) {
    return fail(ErrorCode::bad_config, config.file + " has seeds, so that its nodes need not be all, and does not say which are to "
                                       "vote; name 1, 3 or 5 with voters = [\"ID\", ...] in [cluster], and a [[node]] for each");
  }
  const auto at = voters_of(config);
  Initialization init(config.cluster, view_of(config).hash_seed(), settings_of(config), at);
  std::vector<std::string> addresses;
  for (const auto& voter : at) addresses.push_back(voter.control);
  ControlConnections voters(addresses);
  // A name without an address: answers come back on the same connection.
  membership::ControlWriter writer({config.cluster, NodeId{"init/" + std::to_string(random_number())}, {}});
  const Instant end = boot_time() + timeout;
  Result<void> outcome;
  while (outcome && !init.done()) {
    const Instant now = boot_time();
    if (now >= end) {
      return fail(ErrorCode::unreachable, "no answer from " + init.missing() +
                                              "; are these nodes running, with this same config? Nothing is half done that "
                                              "another init would not complete or explain");
    }
    for (const auto& letter : init.due()) voters.send(letter.voter, writer.write(letter.body, {}, supported_levels.min));
    voters.receive(std::min(end, now + again_after), [&](std::size_t voter, BytesView bytes) {
      const auto frame = membership::decode_control(bytes, {}, nullptr, supported_levels);
      const auto* state = frame && frame->body ? std::get_if<membership::InitState>(&*frame->body) : nullptr;
      if (state != nullptr) outcome = init.on(voter, *state);
      return outcome.has_value() && !init.done();
    });
  }
  return outcome;
}

/// Both keys at once, if neither is there.
membership::EtcdTxn first_of(const Config& config) {
  ViewHead head;
  head.cluster_id = config.cluster;
  head.epoch = Epoch{1};
  head.term = Term{1};
  head.hash_seed = view_of(config).hash_seed();
  head.settings = settings_of(config);
  auto view = View::make(std::move(head), {}, {});
  REKI_ASSERT(view.has_value());
  return {.number = 1,
          .coordinator_revision = 0,
          .view_revision = 0,
          .coordinator = text_of(membership::EtcdCoordinator{Term{1}, {}, 0}),
          .view = std::make_shared<const View>(std::move(*view))};
}

/// What the answer to it means. `again`: an earlier try, whose answer was lost, may have done it.
Result<void> judge(const membership::EtcdReply& reply, const membership::EtcdTxn& first, bool again, const Config& config) {
  if (reply.outcome == membership::EtcdReply::Outcome::done) return {};
  if (!reply.coordinator || !reply.view) {
    const auto keys = etcd::keys_of(config.etcd->prefix, config.cluster);
    return fail(ErrorCode::invalid_argument, "etcd has only one of " + keys.coordinator + " and " + keys.view +
                                                 ". If no cluster of this name runs, delete it (etcdctl del), and run init again");
  }
  if (again && reply.coordinator->text == *first.coordinator && *reply.view->view == *first.view) return {};
  return fail(ErrorCode::already_started, "cluster '" + config.cluster + "' has been made already");
}

Result<void> make_cluster_in_etcd(const Config& config, Duration timeout) {
  constexpr Duration try_max = std::chrono::seconds(5);
  const membership::EtcdTxn first = first_of(config);
  if (auto able = etcd::usable(config); !able) return able;
  etcd::Connection etcd(etcd::options_of(config));
  const Instant end = boot_time() + timeout;
  for (bool again = false;;) {
    const auto reply = etcd.ask(first, std::clamp(end - boot_time(), Duration{1}, try_max));
    if (reply) return judge(*reply, first, again, config);
    const ErrorCode code = reply.error().code;
    const bool later = code == ErrorCode::unreachable || code == ErrorCode::unknown_outcome;
    // A last try that is too short to succeed would only hide why.
    if (!later) return tl::make_unexpected(reply.error());
    if (boot_time() + 2 * again_after >= end) return fail(ErrorCode::unreachable, reply.error().text);
    again = again || code == ErrorCode::unknown_outcome;
    std::this_thread::sleep_for(again_after);
  }
}

}  // namespace

Result<Report> init(const CommandLine& line) {
  if (line.config.empty()) {
    return fail(ErrorCode::invalid_argument, "which cluster? Give --config FILE (or set REKI_CONFIG)");
  }
  const auto config = read_config(line.config);
  if (!config) return tl::make_unexpected(config.error());
  const auto made = config->etcd ? make_cluster_in_etcd(*config, line.timeout) : make_cluster(*config, line.timeout);
  const bool was_there = !made && made.error().code == ErrorCode::already_started && line.if_needed;
  if (!made && !was_there) return tl::make_unexpected(made.error());
  Report out;
  out.json = {{"cluster", config->cluster}, {"made", !was_there}};
  if (config->etcd) out.json["etcd"] = etcd::keys_of(config->etcd->prefix, config->cluster).view;
  for (const NodeId& voter : config->voters) out.json["voters"].push_back(voter.value);
  out.text = "cluster '" + config->cluster + (was_there ? "' has been made already\n" : "' is made\n");
  return out;
}

}  // namespace reki::cli
