#include "world.hpp"

#include <algorithm>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/core/membership/acceptor.hpp"
#include "reki/node/actors/outputs.hpp"

namespace reki::cluster {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t client_count = 3;
constexpr int depth_max = 10;
constexpr int waiting_depth_max = 3;

Config make_config(std::uint64_t seed, bool has_etcd) {
  SplitMix random(seed ^ 0xc0f19);
  const std::size_t nodes = 3 + random.below(3);
  std::string text = "[cluster]\nname = \"simulated\"\n";
  if (has_etcd) text += "engine = \"etcd\"\n[etcd]\nendpoints = [\"http://10.9.9.9:2379\"]\n";
  for (std::size_t i = 0; i < nodes; ++i) {
    const auto node = static_cast<Endpoint>(i);
    text += "[[node]]\nid = \"n" + std::to_string(i + 1) + "\"\nlisten = \"" + Network::listen_of(node) + "\"\ncontrol = \"" +
            Network::control_of(node) + "\"\nweight = " + std::to_string(1 + random.below(3)) + "\n";
  }
  auto config = parse_config(text, "simulated.toml");
  REKI_ASSERT(config.has_value());
  return std::move(*config);
}

}  // namespace

World::World(const Options& options)
    : prints(options.prints),
      is_confirmed(SplitMix(options.seed ^ 0x1ea5e).below(3) == 0),
      is_blocking(!is_confirmed && SplitMix(options.seed ^ 0xb10c).below(3) == 0),
      has_etcd(SplitMix(options.seed ^ 0xe7cd).below(4) == 0),
      config(make_config(options.seed, has_etcd)),
      random_(options.seed),
      keys_(4 + static_cast<std::uint32_t>(random_.below(8))),
      schedule(options.seed),
      oracle(schedule.clock(), keys_, prints),
      network(*this, config.nodes.size() + client_count) {
  for (Endpoint i = 0; i < nodes(); ++i) {
    machines_.push_back(std::make_unique<Machine>(*this, i));
    machines_.back()->id = config.nodes[i].id;
  }
}

World::~World() {
  clients_.clear();
  for (auto& m : machines_) m->crash(false);
  for (auto& m : machines_) m->reap();
}

TypeOptions World::type_options() const {
  TypeOptions out;
  out.restart.backoff_initial = 5ms;
  if (is_confirmed) out.lease = TypeLease::confirmed;
  out.blocking = is_blocking;
  return out;
}

SlotId World::slot_of_key(std::uint32_t key) const {
  return slot_of(hash_key(name_of_key(key), hash_type(Cell::type, hash_seed())));
}

/// Epoch 1 as `reki init` makes it: voters with their stores, and no member yet.
void World::make_cluster() {
  ViewHead head;
  head.cluster_id = config.cluster;
  head.epoch = Epoch{1};
  head.hash_seed = hash_seed();
  head.settings = settings_of(config);
  if (has_etcd) head.term = Term{1};
  for (std::size_t i = 0; i < config.voters.size(); ++i) {
    const NodeConfig* const node = config.find_node(config.voters[i].value);
    head.voters.push_back({static_cast<std::uint16_t>(i + 1), random_number(), node->id, node->control});
  }
  auto made = View::make(std::move(head), {}, SlotTable{});
  REKI_ASSERT(made.has_value());
  const auto first = std::make_shared<const View>(std::move(*made));
  if (has_etcd) etcd.emplace(ports_of_etcd(), first);
  for (const Voter& voter : first->voters()) {
    membership::Acceptor acceptor(timing_of(config), voter.node, membership::VoterRecord{{}, voter.store, {}, {}, nullptr});
    membership::Outbox out;
    acceptor.on(voter.node, membership::Init{voter.store, first}, out);
    for (auto& m : machines_) {
      if (m->id == voter.node) m->disk = acceptor.record();
    }
  }
}

sim::Etcd::Ports World::ports_of_etcd() {
  return {.now = [this] { return now().ns; },
          .below = [this](sim::Time bound) { return static_cast<sim::Time>(below(static_cast<std::uint64_t>(bound))); }};
}

/// What is cut off, or comes while it is down, is lost: it may have taken effect or not.
void World::ask_etcd(Process& process, const membership::EtcdTxn& txn, Duration timeout) {
  Machine* const from = &process.machine();
  auto answer = [weak = process.weak_from_this(), once = std::make_shared<bool>(false)](membership::EtcdReply reply) {
    const auto again = weak.lock();
    if (again && again->alive() && !std::exchange(*once, true)) again->etcd_answered(std::move(reply));
  };
  membership::EtcdReply unknown;
  unknown.number = txn.number;
  after(timeout, [answer, unknown] { answer(unknown); });
  const auto way = [this] { return std::chrono::microseconds(50 + below(1000)); };
  const Instant arrives = std::max(now() + way(), Instant{etcd->paused_until});
  if (from->etcd_cuts > 0) return;
  at(arrives + std::chrono::nanoseconds(etcd->service_time()), [this, from, txn, answer, way] {
    if (etcd->down > 0) return;
    const auto reply = etcd->carry_out(txn);
    if (from->etcd_cuts == 0) after(way(), [answer, reply] { answer(reply); });
  });
}

void World::begin() {
  make_cluster();
  for (auto& m : machines_) after(std::chrono::microseconds(below(200'000)), [&m] { m->start(); });
  for (std::size_t i = 0; i < client_count; ++i) {
    clients_.push_back(std::make_shared<ClientProcess>(*this, nodes() + static_cast<Endpoint>(i)));
    clients_.back()->begin();
  }
}

bool World::step(Instant until) {
  ++steps_;
  const std::uint64_t before = schedule.trace();
  const bool happened = events_.run_one(now());
  if (!happened && !schedule.step(std::min(until, events_.next())) && now() >= until) return false;
  if (!happened && schedule.trace() == before) return true;  // time has gone on, and nothing else
  oracle.look_at_leases();
  poll_all();
  return true;
}

void World::poll_all() {
  for (auto& m : machines_) {
    if (m->process) m->process->poll();
    if (!m->dead.empty() && depth_ == 0) m->reap();
  }
  for (auto& client : clients_) client->poll();
}

void World::run_for(Duration time) {
  const Instant until = now() + time;
  while (now() < until && goes_on()) step(until);
}

void World::meanwhile(Duration time, const Host& host) {
  if (depth_ == depth_max) return schedule.pass(std::min<Duration>(time, 100us));
  const Outputs::Blocking others;  // what is done meanwhile is not the function's that runs
  ++depth_;
  const Instant until = now() + time;
  while ((now() < until || (host.paused && host.alive)) && goes_on()) step(std::max(until, now() + 1ms));
  --depth_;
}

bool World::may_wait() const { return is_blocking && depth_ < waiting_depth_max; }

bool World::wait_until(const std::function<bool()>& done, Instant until, const Host& host) {
  const Outputs::Blocking others;
  ++depth_;
  while (host.alive && goes_on() && (host.paused || (!done() && now() < until))) step(std::max(until, now() + 1ms));
  --depth_;
  return done();
}

std::uint32_t World::draw_length() {
  if (below(1000) < long_handlers_permille) return static_cast<std::uint32_t>(100'000 + below(2'000'000));
  if (below(1000) < busy_handlers_permille) return static_cast<std::uint32_t>(5'000 + below(120'000));
  const std::uint64_t dice = below(10);
  return dice < 6 ? 0 : static_cast<std::uint32_t>(below(dice < 9 ? 500 : 20'000));
}

std::string World::trouble() {
  std::uint64_t weights = 0;
  for (const NodeConfig& node : config.nodes) weights += node.weight;
  std::shared_ptr<const View> view;
  for (auto& m : machines_) {
    if (!m->process) return m->id.value + " does not run";
    ClusterRegistry& registry = m->process->registry();
    if (!registry.ready()) return m->id.value + " is not ready";
    const auto its = registry.view();
    if (view && view->epoch() != its->epoch()) return m->id.value + " goes by another view";
    view = its;
    if (m->process->plane().router().view() != its) return m->id.value + " serves by another view than it has installed";
    if (m->process->plane().router().outstanding() > 0) return m->id.value + " has requests under way";
    const std::uint64_t slots = view->slots_of(view->index_of(m->id.value));
    const std::uint64_t share = slot_count * std::uint64_t{config.nodes[m->endpoint].weight} / weights;
    if (slots + nodes() < share || slots > share + nodes()) {
      return m->id.value + " has " + std::to_string(slots) + " slots; its share is " + std::to_string(share);
    }
  }
  return {};
}

}  // namespace reki::cluster
