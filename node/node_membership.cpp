// The node as its membership sees it: how it joins, and what views, slots and leases do to it.
#include <algorithm>
#include <filesystem>

#include "reki/core/membership/timing.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/random_number.hpp"
#include "reki/node/disk/data_dir.hpp"
#include "reki/node/disk/voter_store.hpp"
#include "reki/node/membership/membership_thread.hpp"
#include "reki/node/node_impl.hpp"
#include "reki/node/server/server.hpp"
#include "reki/node/support/listen.hpp"

namespace reki {
namespace {

using Phase = membership::MemberAgent::Phase;

membership::MemberAgent::Options agent_options(const Config& config, const NodeConfig& self, const std::string& address,
                                               std::uint64_t seed) {
  membership::MemberAgent::Options out;
  out.self.node_id = self.id;
  out.self.addr = advertised(self.listen, address);
  out.self.weight = self.weight;
  out.self.zone = self.zone;
  out.timing = timing_of(config);
  for (const NodeConfig& node : config.nodes) out.seeds.push_back(node.id);
  out.seed = seed;
  return out;
}

SlotSet owned_by(const View& view, const NodeId& node, Incarnation incarnation) {
  SlotSet out;
  if (view.find(node, incarnation) == nullptr) return out;
  const MemberIndex self = view.index_of(node.value);
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    if (view.table().owner(SlotId{s}) == self) out.insert(SlotId{s});
  }
  return out;
}

}  // namespace

Result<void> Node::Impl::join(const Config& config, const NodeConfig& self, const NodeOptions& options) {
  MembershipThread::Options control;
  control.listen = self.control;
  control.cluster = cluster_;
  control.machine.agent = agent_options(config, self, address_, incarnation().value);
  control.page = page_;
  control.log = options.log;
  for (const NodeConfig& node : config.nodes) control.peers.emplace_back(node.id, node.control);
  if (auto opened = open_data_dir(config, self); !opened) return opened;
  if (config.etcd) control.etcd = etcd::options_of(config);
  if (store_) control.machine.voter = store_->record();
  control.machine.agent.previous = data_dir_->previous_incarnation();
  auto bound = MembershipThread::bind(std::move(control), *this, store_.get());
  if (!bound) return tl::make_unexpected(std::move(bound.error()));
  membership_thread_ = std::move(*bound);
  return {};
}

/// A node that is no voter has no register, unless it was one: what it has promised binds it as long as it is asked.
Result<void> Node::Impl::open_data_dir(const Config& config, const NodeConfig& self) {
  const auto path = std::filesystem::path(config.file).parent_path() / self.data_dir;
  auto dir = DataDir::open(path.string(), cluster_, id_);
  if (!dir) return tl::make_unexpected(std::move(dir).error());
  data_dir_ = std::make_unique<DataDir>(std::move(*dir));
  const bool votes = std::ranges::find(config.voters, id_) != config.voters.end();
  if (config.etcd || (!votes && !VoterStore::is_in(*data_dir_))) return {};
  auto store = VoterStore::open(*data_dir_, random_number());
  if (!store) return tl::make_unexpected(std::move(store).error());
  if (store->was_damaged() && log_) {
    log_(LogLevel::info, "register_damaged",
         "text=\"a record in " + data_dir_->path() + " cannot be read, as after a crash while it was written\"");
  }
  store_number_ = store->record().store;
  store_ = std::make_unique<VoterStore>(std::move(*store));
  return {};
}

bool Node::Impl::wait_until_ready(Duration timeout) {
  const MutexLock lock(view_mutex_);
  return ready_changed_.wait_for(view_mutex_, timeout, [this] { return ready_.load(); });
}

void Node::Impl::set_ready(bool ready) {
  {
    const MutexLock lock(view_mutex_);
    if (ready_.exchange(ready) == ready) return;
  }
  ready_changed_.notify_all();
}

std::string Node::Impl::why_not_ready() const {
  if (ready_) return {};
  if (!membership_thread_) return "the node is stopped";
  const ControlStatus status = membership_thread_->status();
  const auto now = view();
  // Others may still name this node, whose register is lost.
  const bool headless = status.coordinator.value.empty() || (status.coordinator == id_ && !status.is_coordinator);
  if (!now && headless) {
    return "no coordinator answers; is a majority of the voters running with their registers (or the etcd of the config), and "
           "has the cluster been made (reki init)?";
  }
  if (status.phase == Phase::joining) {
    return "coordinator '" + status.coordinator.value +
           "' has not let it in yet; if an earlier incarnation of this node is "
           "still in the view, that takes until its lease is over";
  }
  return "the node leaves";
}

// ---- membership thread

void Node::Impl::installed(const std::shared_ptr<const View>& view, Incarnation incarnation) {
  // What is new here has to be known as arriving before anybody is sent here, and what is not here any more only after
  // the way to its owner is known: so that a request always finds one or the other.
  const SlotSet owned = owned_by(*view, id_, incarnation);
  local_.expect(owned);
  incarnation_ = incarnation.value;
  publish(view, incarnation);
  local_.expect_only(owned);
}

bool Node::Impl::is_done_with(const SlotSet& slots) {
  if (handing_over_.load() != 0 || !local_.is_empty(slots)) return false;
  // Before the cluster hears of it: then watchers are told that this was the end, and not that they have missed it.
  if (leaving_) local_.end_watches_if_vacated();
  return true;
}

void Node::Impl::resumed() {
  if (!ready_) {
    if (auto kept = data_dir_->set_incarnation(incarnation()); !kept && log_)
      log_(LogLevel::warn, "incarnation", kept.error().text);
  }
  local_.resume();
  set_ready(!leaving_);
}

void Node::Impl::fenced(Incarnation now) {
  set_ready(false);
  const bool was_leaving = now == Incarnation{};
  // Then too watchers have to see that what they are told next is another incarnation's.
  local_.start_over(was_leaving ? Incarnation{incarnation().value + 1} : now);
  if (was_leaving) return;
  incarnation_ = now.value;
  publish(view(), now);
}

std::string Node::Impl::stuck(Instant now, Duration step_max) {
  if (leaving_) return {};
  const auto text = [](std::string_view who, Duration since) {
    return std::string(who) + " has taken nothing up for " + to_text(since);
  };
  const Duration data = server_->delay(now, step_max);
  if (data > limits::data_thread_stuck) return text("the data thread", data);
  const Duration workers = local_.delay(now, step_max);
  return workers > workers_stuck_ ? text("the pool of workers", workers) : std::string{};
}

void Node::Impl::publish(std::shared_ptr<const View> view, Incarnation incarnation) {
  {
    const MutexLock lock(view_mutex_);
    view_ = view;
  }
  server_->set_view(std::move(view), incarnation);
}

// ---- any thread

void Node::Impl::rerouted(std::string_view type, std::string_view key, EnvelopePtr request) {
  const auto now = view();
  const Place place = place_of(*now, type, key);
  if (place.here) return local_.readmit(type, key, std::move(request));
  auto out = std::make_unique<Forwarded>(body_of(*request, type, key, request->args));
  if (!request->name().empty()) {
    if (auto error = encode(*request, *out)) return request->done(Answer{std::move(*error)});
  }
  out->deadline = std::min(request->deadline, boot_time() + limits::timeout_max);
  out->done = std::move(request->done);
  server_->forward(std::move(out));
}

void Node::Impl::hand_over(HandedOver state) {
  auto out = std::make_unique<Forwarded>(wire::RequestBody{
      .op = wire::Op::hand_over, .type = state.type, .key = state.key, .args = std::move(state.args)});
  out->payload = std::move(state.state);
  out->deadline = boot_time() + limits::move_grace;
  handing_over_.fetch_add(1);
  out->done = Completion::of([this](Answer&& answer) {
    if (!answer.ok() && log_) log_(LogLevel::warn, "state_lost", "text=\"" + answer.text + '"');
    handing_over_.fetch_sub(1);
    membership_thread_->look_again();
  });
  server_->forward(std::move(out));
}

}  // namespace reki
