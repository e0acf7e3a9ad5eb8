// How a node joins a cluster, and why it is not in yet.
#include "reki/net/random_number.hpp"
#include "reki/node/disk/data_dir.hpp"
#include "reki/node/disk/voter_store.hpp"
#include "reki/node/membership/agent_options.hpp"
#include "reki/node/membership/membership_thread.hpp"
#include "reki/node/node_impl.hpp"
#include "reki/node/plugins/plugin_host.hpp"

namespace reki {

using Phase = membership::MemberAgent::Phase;

Result<void> Node::Impl::join(const Config& config, const NodeConfig& self, const NodeOptions& options) {
  MembershipThread::Options control;
  control.listen = self.control;
  control.advertise = self.advertise_control;
  control.cluster = cluster_;
  control.machine.agent = agent_options(config, self, address_, registry_.incarnation().value);
  config_print_ = print_of(config, plugin_files(config));
  control.config = config_print_;
  if (config.names_voters) control.voters = config.voters;
  control.page = page_;
  control.log = options.log;
  for (const NodeConfig& node : config.nodes) control.peers.emplace_back(node.id, node.control_address());
  control.seeds = config.seeds;
  if (auto opened = open_data_dir(config, self); !opened) return opened;
  if (config.etcd) control.etcd = etcd::options_of(config);
  if (store_) control.machine.voter = store_->record();
  control.machine.agent.previous = data_dir_->previous_incarnation();
  auto bound = MembershipThread::bind(std::move(control), registry_, store_.get());
  if (!bound) return tl::make_unexpected(std::move(bound.error()));
  membership_thread_ = std::move(*bound);
  return {};
}

/// Every node has a register: that of one that is no voter is empty, so that people can make it one while it runs.
Result<void> Node::Impl::open_data_dir(const Config& config, const NodeConfig& self) {
  auto dir = DataDir::open(data_dir_of(config, self), cluster_, id_);
  if (!dir) return tl::make_unexpected(std::move(dir).error());
  data_dir_ = std::make_unique<DataDir>(std::move(*dir));
  if (config.etcd) return {};
  auto store = VoterStore::open(*data_dir_, random_number());
  if (!store) return tl::make_unexpected(std::move(store).error());
  for (const auto& [text, cut_short] : store->damage()) {
    if (!log_) break;
    log_(cut_short ? LogLevel::info : LogLevel::warn, "register_damaged",
         "text=\"in '" + data_dir_->path() + "/register' " + text + "; it has been repaired\"");
  }
  store_ = std::make_unique<VoterStore>(std::move(*store));
  return {};
}

std::string Node::Impl::why_not_ready() const {
  if (registry_.ready()) return {};
  if (!membership_thread_) return "the node is stopped";
  const ControlStatus status = membership_thread_->status();
  if (!status.not_let_in.empty()) return "it is not let in: " + status.not_let_in;
  const auto now = registry_.view();
  // Others may still name this node, whose register is lost.
  const bool headless = status.coordinator.value.empty() || (status.coordinator == id_ && !status.is_coordinator);
  if (!now && headless) {
    return "no coordinator answers; is a majority of the voters running with their registers (or the etcd of the config), and "
           "has the cluster been made (reki init)?";
  }
  if (status.phase == Phase::joining) {
    return "coordinator '" + status.coordinator.value +
           "' has not let it in yet; if an earlier incarnation of this node is "
           "still in the view, that takes until its lease is over. If it takes longer than ten seconds: is that coordinator running, "
           "and a majority of the voters with their registers (reki voters, reki voters rescue)?";
  }
  return "the node leaves";
}

}  // namespace reki
