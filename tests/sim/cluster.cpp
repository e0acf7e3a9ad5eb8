#include "cluster.hpp"

#include <algorithm>
#include <cstdio>

#include "reki/core/base/assert.hpp"

namespace reki::sim {

using namespace membership;

namespace {

/// What a frozen process finds when it goes on: more does not fit into the buffers on the way to it.
constexpr std::size_t backlog_max = 1000;

/// Machines have been up for a while.
constexpr Time hour_of_start = 3600 * second;

std::vector<NodeId> names_of(std::size_t nodes) {
  const std::size_t digits = std::to_string(nodes - 1).size();
  std::vector<NodeId> out;
  for (std::size_t i = 0; i < nodes; ++i) {
    const std::string number = std::to_string(i);
    out.emplace_back("n" + std::string(digits - number.size(), '0') + number);
  }
  return out;
}

/// Epoch 1 as `reki init` makes it: voters with their empty stores, or a first term in etcd; and no member yet.
ViewPtr first_view(World& world, std::size_t voters) {
  ViewHead head;
  head.cluster_id = "simulated";
  head.epoch = Epoch{1};
  head.hash_seed = 1;
  head.settings = world.settings();
  if (voters == 0) {
    head.term = Term{1};
    head.settings.engine = EngineKind::etcd;
  }
  for (std::size_t i = 0; i < voters; ++i) {
    head.voters.push_back({static_cast<std::uint16_t>(i + 1), world.random.next() | 1, world.names[i], "tcp://10.20.30.40:7102"});
  }
  auto made = View::make(std::move(head), {}, SlotTable{});
  REKI_ASSERT(made.has_value());
  return std::make_shared<const View>(std::move(*made));
}

Etcd::Ports ports_of_etcd(World& world) {
  return {.now = [&world] { return world.now; },
          .below = [&world](Time bound) { return world.below(bound); },
          .confirmed = [&world](Term term) { world.invariants.confirmed_by_etcd(term); },
          .put_view = [&world](const ViewPtr& view, Term term) { world.invariants.put_in_etcd(view, term); }};
}

/// What the store of a voter has after `reki init`, by the voter's own rules.
VoterRecord initial(const World& world, const Voter& voter, const ViewPtr& view) {
  Acceptor acceptor(world.timing, voter.node, VoterRecord{{}, voter.store, {}, {}, nullptr});
  Outbox out;
  acceptor.on(voter.node, Init{voter.store, view}, out);
  return acceptor.record();
}

}  // namespace

Cluster::Cluster(const Options& options)
    : options_(options),
      world_(names_of(options.nodes), options.clients, options.etcd, options.timing, options.weather, options.seed, *this),
      clients_(world_, options.clients, options.think) {
  world_.verbose = options.verbose;
  for (std::uint16_t i = 0; i < options.nodes; ++i) {
    const NodeClock clock(hour_of_start + world_.below(1000 * second));
    nodes_.push_back(std::make_unique<Node>(world_, i, clock));
  }
  const std::size_t voters = options.etcd ? 0 : options.voters;
  const ViewPtr first = first_view(world_, voters);
  world_.invariants.begin(first);
  if (options.etcd) world_.etcd.emplace(ports_of_etcd(world_), first);
  for (std::size_t i = 0; i < voters; ++i) nodes_[i]->store = initial(world_, first->voters()[i], first);
  // Of every other node too, so that people can make it a voter; drawn apart from what else a seed decides.
  SplitMix stores(options.seed ^ 0x73746f726573);
  for (std::size_t i = voters; i < nodes_.size() && !options.etcd; ++i) {
    nodes_[i]->store = VoterRecord{{}, stores.next() | 1, {}, {}, nullptr};
  }
}

void Cluster::begin() {
  for (std::uint16_t i = 0; i < size(); ++i) boot_at(i, world_.below(second));
  clients_.begin();
}

// --- time

std::optional<Event> Cluster::run_until(Time end) {
  while (!world_.queue.empty() && !world_.invariants.violation()) {
    if (world_.queue.top().at > end) break;
    const Event event = world_.queue.pop();
    world_.now = event.at;
    world_.invariants.set_now(event.at);
    if (++world_.stats.events > options_.events_max) world_.invariants.fail("storm", "far too many events");
    if (event.kind == Event::Kind::fault || event.kind == Event::Kind::relief) return event;
    dispatch(event);
  }
  if (!world_.invariants.violation()) world_.now = end;
  return std::nullopt;
}

void Cluster::dispatch(const Event& event) {
  world_.mark(static_cast<std::uint64_t>(event.at) ^ std::uint64_t{event.node} << 48 ^
              static_cast<std::uint64_t>(event.kind) << 58);
  switch (event.kind) {
    case Event::Kind::client:
      return clients_.on_timer(event.node, event.at);
    case Event::Kind::resume:
      return thaw(event.node);
    case Event::Kind::boot:
      if (!nodes_[event.node]->up()) boot(*nodes_[event.node]);
      return;
    case Event::Kind::guard:
      return say_stopped(event);
    case Event::Kind::etcd_request:
      return world_.etcd_asked(event.payload);
    case Event::Kind::packet:
      if (event.node >= nodes_.size()) {
        return clients_.on_packet(static_cast<std::uint16_t>(event.node - nodes_.size()), world_.packets.take(event.payload));
      }
      return to_node(event);
    default:
      return to_node(event);
  }
}

/// People have removed the directory of one that has stopped for good.
void Cluster::boot(Node& node) {
  if (node.store && node.store->is_over()) node.store = VoterRecord{{}, world_.random.next() | 1, {}, {}, nullptr};
  node.begin(world_.random.next());
}

void Cluster::to_node(const Event& event) {
  Node& node = *nodes_[event.node];
  const bool message = event.kind == Event::Kind::letter || event.kind == Event::Kind::packet;
  if (!node.up() || (!message && event.process != node.process())) return drop(event);
  if (node.frozen_until > world_.now) {
    if (message && node.backlog.size() >= backlog_max) return drop(event);
    if (event.kind == Event::Kind::letter && node.deaf) return drop(event);
    node.backlog.push_back(event);
    return;
  }
  ++world_.stats.steps;
  switch (event.kind) {
    case Event::Kind::letter:
      return node.on_letter(world_.letters.take(event.payload));
    case Event::Kind::packet:
      return node.on_packet(world_.packets.take(event.payload));
    case Event::Kind::timer:
      return node.on_timer(event.payload);
    case Event::Kind::disk:
      if (node.on_disk()) return;
      crash(event.node, world_.chance(500));
      return boot_at(event.node, world_.now + 500 * millisecond);
    case Event::Kind::etcd_reply:
      return node.on_etcd(world_.etcd_replies.take(event.payload));
    case Event::Kind::etcd_timeout:
      return node.on_etcd_timeout(event.payload);
    case Event::Kind::actor:
      return node.on_actor(event.payload);
    case Event::Kind::end:
      boot_at(event.node, world_.now + node.away);
      return crash(event.node, false);
    default:
      return;
  }
}

void Cluster::drop(const Event& event) {
  if (event.kind == Event::Kind::letter) world_.letters.drop(event.payload);
  if (event.kind == Event::Kind::etcd_reply) world_.etcd_replies.drop(event.payload);
  if (event.kind == Event::Kind::packet) world_.packets.drop(event.payload);
}

// --- faults

void Cluster::freeze(std::uint16_t node, Time lasts, bool suspended) {
  Node& n = *nodes_[node];
  if (!n.up()) return;
  n.frozen_until = std::max(n.frozen_until, world_.now + lasts);
  if (suspended && n.clock.rates().raw != 0) n.clock.bend(world_.now, {n.clock.rates().boot, 0});
  world_.schedule(n.frozen_until, Event::Kind::resume, node);
}

void Cluster::stop_machine(std::uint16_t node, Time lasts, bool deaf) {
  Node& n = *nodes_[node];
  if (!n.up()) return;
  n.deaf = deaf;
  if (n.clock.rates().boot != 0) n.clock.bend(world_.now, {0, 0});
  freeze(node, lasts, true);
}

/// What has come meanwhile comes now: what its threads were doing first, then what waits in its sockets and timers, or
/// the other way round.
void Cluster::thaw(std::uint16_t node) {
  Node& n = *nodes_[node];
  if (n.frozen_until > world_.now) return;
  n.deaf = false;
  if (n.clock.rates().raw == 0) n.clock.bend(world_.now, n.rates);
  std::vector<Event> backlog = std::exchange(n.backlog, {});
  const auto is_actor = [](const Event& e) { return e.kind == Event::Kind::actor; };
  const auto is_timer = [](const Event& e) { return e.kind == Event::Kind::timer; };
  if (world_.chance(500)) std::stable_partition(backlog.begin(), backlog.end(), is_actor);
  if (world_.chance(500)) std::stable_partition(backlog.begin(), backlog.end(), std::not_fn(is_timer));
  for (Event e : backlog) {
    e.at = world_.now;
    world_.queue.push(e);
  }
}

void Cluster::boot_at(std::uint16_t node, Time at) { world_.schedule(at, Event::Kind::boot, node); }

void Cluster::crash(std::uint16_t node, bool guarded) {
  Node& n = *nodes_[node];
  if (!n.up()) return;
  if (guarded) {
    deaths_.push_back({{n.id(), n.machine()->agent().incarnation()}, n.machine()->lineage()});
    const auto place = static_cast<std::uint32_t>(deaths_.size() - 1);
    for (int again = 0; again < 3; ++again) {
      world_.schedule(world_.now + millisecond + world_.below(50 * millisecond), Event::Kind::guard, node, 0, place);
    }
  }
  n.frozen_until = 0;
  n.deaf = false;
  if (n.clock.rates().raw == 0) n.clock.bend(world_.now, n.rates);  // whoever starts the next one has woken it up
  for (const Event& event : n.backlog) drop(event);
  n.crash();
}

void Cluster::say_stopped(const Event& event) {
  const auto& [death, lineage] = deaths_[event.payload];
  world_.invariants.sent(event.node, death);
  for (const NodeId& to : world_.names) world_.post(event.node, to, Body{death}, lineage);
}

void Cluster::leave(std::uint16_t node, Time away) {
  if (nodes_[node]->frozen_until <= world_.now) nodes_[node]->leave(away);
}

void Cluster::heal() {
  world_.network.heal();
  give_up_rescue(*this);
  if (world_.etcd) world_.etcd->heal();
  const bool is_cloud = stage_of(world_.invariants.latest()->settings()) == Stage::cloud;
  for (std::uint16_t i = 0; i < size(); ++i) {
    Node& n = *nodes_[i];
    n.disk = DiskHabits{};
    n.profile = is_cloud ? Profile::cloud : Profile::lan;
    if (n.frozen_until > world_.now) {
      n.frozen_until = 0;
      thaw(i);
    }
    n.away = 10 * millisecond;
    if (!n.up()) boot_at(i, world_.now + 10 * millisecond);
  }
}

// --- questions

bool Cluster::gate_open(std::uint16_t node) const { return nodes_[node]->gate_open(); }
Time Cluster::when_was(std::uint16_t node, Instant boot) const { return nodes_[node]->clock.when_was(boot); }

std::optional<std::uint16_t> Cluster::coordinator() const {
  std::optional<std::uint16_t> out;
  Term best;
  for (std::uint16_t i = 0; i < size(); ++i) {
    const Membership* const m = nodes_[i]->machine();
    const auto leads = m == nullptr ? std::nullopt : m->leads();
    if (!leads || *leads < best) continue;
    best = *leads;
    out = i;
  }
  return out;
}

std::string Cluster::trouble() {
  if (!coordinator()) return "there is no coordinator";
  const ViewPtr& view = world_.invariants.latest();
  for (std::uint16_t i = 0; i < size(); ++i) {
    const std::string& name = world_.names[i].value;
    const Membership* const m = nodes_[i]->machine();
    if (m == nullptr) return name + " is down";
    const MemberAgent& agent = m->agent();
    if (view->find(world_.names[i], agent.incarnation()) == nullptr) return name + " is no member";
    if (agent.installed() != view->epoch()) return name + " has not installed the newest view";
    if (!agent.gate(nodes_[i]->clock.read(world_.now).boot)) return name + " has no lease";
    if (!world_.invariants.owns_exactly(i, agent.held())) return name + " does not hold what it owns";
  }
  if (!view->old_voters().empty()) return "a change of voters has not ended";
  if (stage_of(view->settings()) == Stage::mix) return "a change of the profile has not ended";
  for (const Voter& v : view->voters()) {
    const auto& store = nodes_[index_of(v.node)]->store;
    if (!store || store->store != v.store) continue;  // there was no voter to spare when it was found again
    if (store->view != view) return "the voter on " + v.node.value + " has not accepted the newest view";
  }
  return "";
}

std::size_t Cluster::stores_missing() const {
  const ViewPtr& view = world_.invariants.latest();
  return static_cast<std::size_t>(std::ranges::count_if(view->voters(), [&](const Voter& v) {
    const auto& store = nodes_[index_of(v.node)]->store;
    return !store || store->store != v.store || store->view == nullptr;
  }));
}

}  // namespace reki::sim
