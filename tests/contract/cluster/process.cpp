#include "process.hpp"

#include <algorithm>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/node/membership/agent_options.hpp"
#include "subject.hpp"
#include "world.hpp"

namespace reki::cluster {

using namespace std::chrono_literals;

namespace {

/// Counts what is on the stack.
class Busy {
 public:
  explicit Busy(Process& process) : process_(process.shared_from_this()) { ++process_->busy; }
  ~Busy() { --process_->busy; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  const std::shared_ptr<Process> process_;
};

HostPtr make_host(World& world, const Machine& machine, std::uint32_t number) {
  auto out = std::make_shared<Host>();
  out->name = machine.id.value + "/" + std::to_string(number);
  out->runs_since = world.now();
  world.oracle.add(out);
  return out;
}

}  // namespace

Process::Process(World& world, Machine& machine, std::uint32_t number)
    : host(make_host(world, machine, number)),
      world_(world),
      machine_(machine),
      registry_(factories(), registry_options(),
                {.look_again = [this] { look_again(); },
                 .keep_incarnation =
                     [this](Incarnation incarnation) {
                       machine_.kept = incarnation;
                       return Result<void>{};
                     },
                 .why_not_ready = [] { return std::string{"it has not joined"}; },
                 .want_granted =
                     [this](std::uint64_t renewal) {
                       tasks_.emplace_back(MembershipDriver::WantGranted{renewal});
                       poll();
                     }}),
      events_({}),
      plane_(plane_options(), registry_.local(), *this, events_),
      links_(world.network, machine.endpoint, plane_.router()),
      driver_(driver_options(), driver_ports()),
      guard_(LeaseWatch::Options{}) {
  registry_.attach(plane_);
  plane_.connect(links_);
}

Process::~Process() { REKI_ASSERT(busy == 0); }

Factories Process::factories() {
  Factories out;
  out.add<Subject>(world_.type_options(), [this](const Args& args) { return std::make_unique<Subject>(world_, *this, args); });
  return out;
}

ClusterRegistry::Options Process::registry_options() {
  ClusterRegistry::Options out;
  out.id = machine_.id;
  out.incarnation = Incarnation{world_.random_number()};
  out.workers_stuck = 10s;
  out.hosted.executor = world_.schedule.executors(
      &stands_still_, [this](const auto& done, Instant until) { return world_.wait_until(done, until, *host); });
  out.hosted.hash_seed = world_.hash_seed();
  out.page = &host->page;
  out.clock = world_.schedule.clock();
  if (world_.prints) {
    out.log = [this](LogLevel, std::string_view event, std::string_view fields) {
      world_.oracle.note(host->name + " " + std::string(event) + " " + std::string(fields));
    };
  }
  return out;
}

DataPlane::Options Process::plane_options() {
  DataPlane::Options out;
  out.node = machine_.id;
  out.cluster = world_.config.cluster;
  out.incarnation = registry_.incarnation();
  out.heard_epoch = [this](NodeId from, Epoch epoch) {
    tasks_.emplace_back(MembershipDriver::HeardEpoch{std::move(from), epoch});
  };
  out.clock = world_.schedule.clock();
  return out;
}

MembershipDriver::Options Process::driver_options() {
  const NodeConfig& self = world_.config.nodes[machine_.endpoint];
  MembershipDriver::Options out;
  out.cluster = world_.config.cluster;
  out.machine.agent = agent_options(world_.config, self, self.listen, registry_.incarnation().value);
  out.machine.agent.self.control = self.control;
  out.machine.agent.previous = machine_.kept;
  out.machine.voter = machine_.disk;
  out.machine.etcd = world_.has_etcd;
  out.page = &host->page;
  if (world_.prints) {
    out.log = [this](LogLevel, std::string_view event, std::string_view fields) {
      world_.oracle.note(host->name + " " + std::string(event) + " " + std::string(fields));
    };
  }
  return out;
}

MembershipDriver::Ports Process::driver_ports() {
  return {static_cast<ControlLinks&>(*this), static_cast<MembershipObserver&>(*this),
          [this] { return membership::Clocks{world_.now(), world_.now()}; },
          [this](membership::Membership::Write write) { machine_.write(std::move(write)); }, 
          [this](const membership::EtcdTxn& txn, Duration timeout) { world_.ask_etcd(*this, txn, timeout); }};
}

void Process::begin() {
  const Busy busy_here(*this);
  for (const NodeConfig& node : world_.config.nodes) learn(node.id, node.control);
  driver_.begin();
  poll();
  look_as_guard();
}

void Process::die() {
  if (!host->alive) return;
  world_.oracle.note(host->name + " dies");
  host->alive = false;
  host->page.set_lease_end(Instant{});
  stands_still_ = true;
  links_.close_all();
}

void Process::leave() {
  registry_.begin_leaving();
  tasks_.emplace_back(MembershipDriver::Leave{});
  poll();
}

void Process::pause(bool guard_too) {
  host->paused = true;
  stands_still_ = true;
  guard_paused_ = guard_too;
}

void Process::resume() {
  if (!host->alive || !host->paused) return;
  host->paused = false;
  host->runs_since = world_.now();
  stands_still_ = workers_stall_;
  for (TurnSlot* const slot : {&control_slot_, &data_slot_}) *slot = {Instant::never(), slot->ticket + 1};
  poll();
  if (std::exchange(guard_paused_, false)) look_as_guard();
}

bool Process::start_begins() {
  if (const auto fault = std::exchange(machine_.at_next_start, nullptr)) fault();
  return host->paused;
}

void Process::stall_workers(bool stall) {
  workers_stall_ = stall;
  if (host->alive && !host->paused) stands_still_ = stall;
}

// Turns

void Process::look_again() {
  looks_again_ = true;
  poll();
}

void Process::poll() {
  if (!host->alive || host->paused) return;
  const Instant now = world_.now();
  if (control_slot_.due > now) {
    const bool waits = looks_again_ || !control_inbox_.empty() || !tasks_.empty();
    arrange(control_slot_, waits ? now : driver_.next_wake(), machine_.control_latency, &Process::control_turn);
  }
  if (data_slot_.due > now) {
    const bool waits = !inbox_.empty() || links_.has_input() || plane_.has_work();
    arrange(data_slot_, waits ? now : plane_.next_wake(), machine_.data_latency, &Process::data_turn);
  }
}

void Process::arrange(TurnSlot& slot, Instant due, Duration latency, void (Process::*turn)()) {
  due = std::max(due, world_.now());
  if (due == Instant::never() || slot.due <= due) return;
  slot.due = due;
  Duration wait = std::chrono::nanoseconds(1000 + world_.below(40'000));
  if (world_.below(300) == 0) wait += std::chrono::microseconds(world_.below(6'000));
  if (latency > Duration{0}) wait += std::chrono::nanoseconds(world_.below(static_cast<std::uint64_t>(latency.count())));
  world_.at(due + wait, [weak = weak_from_this(), &slot, ticket = ++slot.ticket, turn] {
    const auto self = weak.lock();
    if (!self || !self->host->alive || self->host->paused || slot.ticket != ticket) return;
    slot.due = Instant::never();
    (self.get()->*turn)();
  });
}

void Process::control_turn() {
  const Busy busy_here(*this);
  looks_again_ = false;
  for (const Bytes& frame : std::exchange(control_inbox_, {})) driver_.read("stranger", frame);
  for (auto& task : std::exchange(tasks_, {})) driver_.take(task);
  driver_.turn();
  check_lost();
  world_.oracle.look_at_leases();
  if (machine_.leaves && driver_.status().phase == membership::MemberAgent::Phase::gone && alive()) {
    machine_.leaves = false;
    world_.after(1ms, [weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && self->alive()) self->machine_.crash(true);
    });
  }
}

void Process::data_turn() {
  const Busy busy_here(*this);
  const Instant now = world_.now();
  links_.process(now);
  for (const Came& each : std::exchange(inbox_, {})) give(each.connection, each.route, each.frame);
  plane_.turn(world_.now());
  links_.flush(world_.now());
}

void Process::look_as_guard() {
  const auto verdict = guard_.look(host->page.lease_to_enforce(), world_.now());
  if (verdict.kill) {
    world_.oracle.note(host->name + " is killed by its guard");
    world_.after(50ms + std::chrono::microseconds(world_.below(500'000)), [&machine = machine_] { machine.start(); });
    return machine_.crash(true);
  }
  look_as_guard_at(verdict.look_again);
}

void Process::look_as_guard_at(Instant when) {
  world_.at(when + std::chrono::microseconds(world_.below(500)), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->host->alive && !self->guard_paused_) self->look_as_guard();
  });
}

// Frames

void Process::came(const ConnectionPtr& connection, Bytes frame) {
  inbox_.push_back({connection, connection->route, std::move(frame)});
}

void Process::came_control(Bytes frame) {
  constexpr std::size_t most = 1000;  // more does not fit into the buffers on the way to it
  if (host->alive && control_inbox_.size() < most) control_inbox_.push_back(std::move(frame));
}

void Process::give(const ConnectionPtr& connection, const std::string& route, const Bytes& frame) {
  if (const auto hello = wire::decode_hello(frame); hello && hello->role == wire::Role::node) {
    connection->greeted = hello->incarnation;
    connection->greeted_as = hello->name;
  }
  plane_.catch_up(world_.now());
  note_zombie(connection, route, frame);
  plane_.requests().frame(route, frame, world_.now());
}

void Process::note_zombie(const ConnectionPtr& connection, const std::string& route, const Bytes& frame) {
  const auto view = registry_.view();  // that the membership has installed
  if (connection->greeted.value == 0 || !view) return;
  if (view->find(NodeId{connection->greeted_as}, connection->greeted) != nullptr) return;
  auto reader = wire::RequestReader::open(frame);
  if (!reader) return;
  for (wire::Request request; reader->next(request) == wire::Next::good;) {
    zombies_[route].insert(request.id.value);
    ++world_.oracle.seen.zombies;
  }
}

void Process::check_replies(const std::string& route, BytesView frame) {
  const Endpoint sender = world_.network.sender_on(route);
  const auto zombie = zombies_.find(route);
  if (sender < world_.nodes() && zombie == zombies_.end()) return;
  auto reader = wire::ReplyReader::open(frame);
  if (!reader) return;
  for (wire::Reply reply; reader->next(reply) == wire::Next::good;) {
    if (sender >= world_.nodes()) world_.oracle.replied(host, {sender, reply.id.value}, reply);
    if (zombie == zombies_.end()) continue;
    const bool refused = reply.code == ErrorCode::unavailable || reply.code == ErrorCode::shutting_down;
    if (zombie->second.erase(reply.id.value) != 0 && !refused) {
      world_.oracle.break_rule(Rule::dropped_senders, host->name + " has accepted a request of an incarnation that its view has dropped: " + std::string(name_of(reply.code)));
    }
  }
}

FrameSink::Sent Process::send(std::string_view route, BytesView frame) {
  const std::string to{route};
  check_replies(to, frame);
  if (!host->alive) return Sent::gone;
  return world_.network.to_client(to, *this, frame) ? Sent::ok : Sent::gone;
}

void Process::learn(const NodeId& node, const std::string& control) {
  if (!control.empty() && node != machine_.id) control_addresses_[node] = control;
}

void Process::learn(const View& view) {
  for (const Member& m : view.members()) learn(m.node_id, m.control);
  for (const Voter& v : view.voters()) learn(v.node, v.control);
}

void Process::send(const NodeId& to, BytesView frame) {
  const auto at = control_addresses_.find(to);
  if (at != control_addresses_.end() && host->alive) world_.network.datagram(machine_.endpoint, at->second, frame);
}

bool Process::is_at(const NodeId& node, const std::string& control) const {
  const auto at = control_addresses_.find(node);
  return at != control_addresses_.end() && at->second == control;
}

void Process::send_to_stranger(const std::string& control, BytesView frame) {
  if (host->alive) world_.network.datagram(machine_.endpoint, control, frame);
}

std::vector<std::string> Process::addresses() const {
  std::vector<std::string> out{world_.config.nodes[machine_.endpoint].control};
  for (const auto& [node, address] : control_addresses_) out.push_back(address);
  return out;
}

// What the membership decides

void Process::installed(const std::shared_ptr<const View>& view, Incarnation incarnation) {
  world_.oracle.note(host->name + " installs " + std::to_string(view->epoch().value));
  host->incarnation = incarnation;
  registry_.installed(view, incarnation);
  check_elsewhere(*view);
}

void Process::lost(const SlotSet& slots) {
  lost_.push_back({slots, world_.now()});
  registry_.lost(slots);
}

bool Process::is_done_with(const SlotSet& slots) {
  const bool done = registry_.is_done_with(slots);
  if (done) std::erase_if(lost_, [&](const LostSlots& each) { return each.slots == slots; });
  return done;
}

void Process::revoke(const SlotSet& slots) {
  world_.oracle.note(host->name + " revokes");
  world_.oracle.revoked(host, [&](std::uint32_t key) { return slots.contains(world_.slot_of_key(key)); });
  std::erase_if(lost_, [&](const LostSlots& each) {
    const bool is_early = each.slots == slots && world_.now() - each.at < limits::move_grace - 50ms;
    if (is_early) world_.oracle.break_rule(Rule::gets_empty, host->name + " revokes slots that it has just lost");
    return each.slots == slots;
  });
  registry_.revoke(slots);
}

void Process::fenced(Incarnation now) {
  world_.oracle.note(host->name + " is fenced");
  world_.oracle.dropped(host);
  host->incarnation = now.value != 0 ? now : Incarnation{host->incarnation.value + 1};
  lost_.clear();
  stall_workers(false);  // what it drops ends with its turns, and there is no other thread that could wait for them
  registry_.fenced(now);
}

void Process::resumed() {
  ++host->resumes;
  registry_.resumed();
}

void Process::check_elsewhere(const View& view) {
  for (std::uint32_t key = 0; key < world_.keys(); ++key) {
    const Member* const owner = view.owner(world_.slot_of_key(key));
    if (owner != nullptr && owner->node_id == machine_.id && owner->incarnation == host->incarnation) continue;
    if (!registry_.local().arrive({std::string(Cell::type), name_of_key(key), {}, {}})) continue;
    world_.oracle.break_rule(Rule::state_once, host->name + " takes a state of " + name_of_key(key) + ", which is elsewhere");
  }
}

void Process::check_lost() {
  const Instant now = world_.now();
  for (const LostSlots& each : lost_) {
    if (now - std::max(each.at, host->runs_since) <= limits::move_grace + 500ms) continue;
    world_.oracle.break_rule(Rule::gets_empty, host->name + " still has slots that it lost long ago");
  }
}

// Machine

void Machine::start() {
  if (process) return;
  process = std::make_shared<Process>(world, *this, ++processes);
  world.oracle.note(process->host->name + " starts");
  process->begin();
}

void Machine::crash(bool guarded) {
  if (!process) return;
  const auto gone = std::exchange(process, nullptr);
  dead.push_back(gone);
  gone->die();
  leaves = false;
  if (writing && world.below(2) == 0) disk = std::move(writing->record);
  writing.reset();
  waiting.reset();
  if (!guarded) {
    kept = {};
    return;
  }
  world.network.reset(endpoint);
  const auto notice = gone->host->page.death_notice();
  if (!notice) return;
  world.after(1ms + std::chrono::microseconds(world.below(4000)), [this, notice] {
    for (const auto& at : notice->endpoints) world.network.datagram(endpoint, at, notice->frame);
  });
}

void Machine::write(membership::Membership::Write next) {
  waiting = std::move(next);
  if (!writing) write_next();
}

void Machine::write_next() {
  writing = std::exchange(waiting, std::nullopt);
  if (!writing) return;
  const auto longest = static_cast<std::uint64_t>(disk_usual.count());
  world.after(100us + std::chrono::nanoseconds(world.below(longest)), [this, weak = std::weak_ptr(process)] {
    const auto writer = weak.lock();
    if (!writer || writer != process || !writing) return;
    disk = writing->record;
    process->written(writing->version);
    write_next();
  });
}

/// Processes that are gone, once nothing of theirs is on the stack.
void Machine::reap() {
  for (auto& each : std::exchange(dead, {})) {
    if (each->may_be_destroyed()) each->unfreeze();
    else dead.push_back(std::move(each));
  }
}

}  // namespace reki::cluster
