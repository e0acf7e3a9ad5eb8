#include "node.hpp"

#include <algorithm>
#include <cstdio>

#include "../core/membership/describe.hpp"

namespace reki::sim {

using namespace membership;

namespace {

/// A machine that asks to be woken at once is woken this much later; it must not ask for ever.
constexpr Time nap = 10 * microsecond;

}  // namespace

Node::Node(World& world, std::uint16_t index, NodeClock clock_at_start)
    : clock(clock_at_start), profile(world.timing.lease == cloud().lease ? Profile::cloud : Profile::lan),
      world_(world), index_(index), random_(index), actors_(world, index) {}

// --- the process

void Node::begin(std::uint64_t seed) {
  Member self;
  self.node_id = id();
  self.addr = "tcp://10.20.30.40:7101";
  self.control = "tcp://10.20.30.40:7102";
  // The earlier program refuses to start with a register of a later level, and a person starts the later one.
  const bool is_later = store && (store->level > first_level || (store->view != nullptr && store->view->level() > first_level));
  if (is_later) levels = later_program;
  self.levels = supports_ = levels;
  started_with_ = profile;
  const Timing timing = profile == Profile::cloud ? cloud() : lan();
  const Settings settings = with_stage(world_.settings(), stage_of(profile));
  Membership::Options options{{self, timing, world_.names, seed, {}, settings}, store, world_.etcd.has_value()};
  if (world_.names.size() > 16) options.agent.seeds.resize(5);
  machine_.emplace(std::move(options));
  ++process_;
  leaving_ = ending_ = false;
  timer_at_ = never;
  asked_etcd_ = 0;
  actors_.begin(*machine_, process_);
  world_.invariants.process_begins(index_, store ? &*store : nullptr);
  machine_->tick(step());
  effects(world_.now);
}

void Node::crash() {
  if (!up()) return;
  ++world_.stats.ends;
  // A write that was under way is on the disk or it is not; a torn one counts as not.
  if (writing_ && world_.chance(500)) {
    store = std::move(writing_->record);
    recorded();
  }
  writing_.reset();
  waiting_.reset();
  actors_.drop_all();
  machine_.reset();
  leaving_ = false;
  ++process_;
  backlog.clear();
  world_.invariants.process_ends(index_);
}

/// I14: a record is of a later form only once a view of that level was chosen.
void Node::recorded() {
  world_.invariants.recorded(*store);
  const Level level = world_.invariants.latest()->level();
  if (store->level > level) world_.invariants.fail("I14", id().value + " writes a record of level " + std::to_string(store->level) + " in a cluster of " + std::to_string(level));
}

void Node::leave(Time stay_away) {
  if (!up() || leaving_) return;
  leaving_ = true;
  away = stay_away;
  machine_->leave(step());
  effects(world_.now);
}

bool Node::gate_open() const { return up() && machine_->agent().gate(now().boot); }

// --- events

void Node::on_letter(const Letter& letter) {
  if (world_.traffic) world_.traffic->heard(index_, index_of(letter.message.from), letter.message.body);
  machine_->on(letter.message, step());
  // A coordinator grants its own member a lease when it has heard from its voters: at once if it is the only one.
  const bool granted = std::holds_alternative<Grant>(letter.message.body) && machine_->coordinator() == nullptr;
  effects(granted ? letter.left : world_.now);
}

void Node::on_timer(std::uint32_t number) {
  if (number != timer_number_) return;
  timer_at_ = never;
  const Clocks clocks = step();
  if (clocks.boot >= machine_->next_wake()) machine_->tick(clocks);
  effects(world_.now);
}

bool Node::on_disk() {
  if (disk.fails) return false;
  store = std::move(writing_->record);
  const std::uint64_t version = writing_->version;
  writing_.reset();
  recorded();
  if (waiting_) write_next();
  machine_->persisted(version, step());
  effects(world_.now);
  if (machine_->is_over()) end_for_good();
  return true;
}

/// Its register goes on without it. People come and remove its directory.
void Node::end_for_good() {
  actors_.drop_all();
  away = second;
  world_.schedule(world_.now, Event::Kind::end, index_, process_);
}

void Node::on_etcd(const EtcdReply& reply) {
  if (reply.number != asked_etcd_) return;  // the time-out was first
  asked_etcd_ = 0;
  machine_->etcd_answered(reply, step());
  effects(world_.now);
}

void Node::on_etcd_timeout(std::uint32_t number) {
  if (number != asked_etcd_) return;
  EtcdReply unknown;
  unknown.number = number;
  on_etcd(unknown);
}

void Node::on_actor(std::uint32_t payload) {
  actors_.set_now(now().boot);
  actors_.event(payload);
  effects(world_.now);
}

void Node::on_packet(Packet&& packet) {
  actors_.set_now(now().boot);
  serve(std::move(packet));
  effects(world_.now);
}

/// The rules of section 6, as far as they are the node's and not its actors'.
void Node::serve(Packet&& packet) {
  const ViewPtr& view = machine_->agent().view();
  const bool from_node = packet.from < world_.names.size();
  const Epoch known = view ? view->epoch() : Epoch{};
  if (packet.epoch > known) {
    const NodeId& who = from_node ? world_.names[packet.from] : machine_->agent().coordinator();
    if (!who.value.empty() && who != id()) machine_->heard_epoch(who, packet.epoch, step());
    return;  // its caller tries again
  }
  if (packet.target != Incarnation{} && packet.target != machine_->agent().incarnation()) return actors_.redirect(packet);
  if (from_node) {
    if (view == nullptr || view->find(world_.names[packet.from], packet.incarnation) == nullptr) return;
    world_.invariants.accepted(*view, packet.from, packet.incarnation);
    if (packet.superseded) world_.invariants.superseded_accepted(index_, *view, packet.from);
  }
  actors_.serve(std::move(packet));
}

// --- effects

/// Carries out what the machine has decided, in the order that its header asks for.
void Node::effects(Time left) {
  bool slots_changed = false;
  const Clocks clocks = step();
  actors_.set_now(clocks.boot);
  for (bool more = true; more;) {
    more = false;
    if (auto write = machine_->take_write()) {
      waiting_ = std::move(*write);
      if (!writing_) write_next();
    }
    for (const AgentEvent& event : machine_->take_events()) {
      act(event);
      if (const auto* extended = std::get_if<LeaseExtended>(&event)) {
        world_.invariants.extended(index_, machine_->agent().term(), extended->from, left);
      } else {
        slots_changed = true;
      }
    }
    ask_etcd();
    actors_.release_granted();
    machine_->take_messages(outbox_);
    slots_changed = slots_changed || actors_.is_stopping();
    world_.invariants.stepped(observed(slots_changed));
    check_levels();
    for (auto& item : outbox_) {
      world_.invariants.sent(index_, item.body);
      world_.post(index_, item.to, std::move(item.body), machine_->lineage());
    }
    while (const auto stopped = actors_.take_stopped()) {
      machine_->slots_stopped(stopped->slots, stopped->of, clocks);
      more = slots_changed = true;
    }
    if (const std::uint64_t renewal = actors_.take_wanted()) {
      machine_->want_granted(renewal, clocks);
      more = true;
    }
  }
  if (leaving_ && machine_->agent().phase() == MemberAgent::Phase::gone) {
    leaving_ = false;
    machine_->resign(clocks);
    world_.schedule(world_.now + 5 * millisecond, Event::Kind::end, index_, process_);
    return effects(left);
  }
  schedule();
}

/// I14: nobody takes a view of a level that its program does not support.
void Node::check_levels() {
  const Acceptor* const acceptor = machine_->acceptor();
  for (const View* const view : {machine_->agent().view().get(), acceptor != nullptr ? acceptor->record().view.get() : nullptr}) {
    if (view == nullptr || supports_.has(view->level())) continue;
    world_.invariants.fail("I14", id().value + " has a view of level " + std::to_string(view->level()) + " and supports " + text_of(supports_));
  }
}

void Node::act(const AgentEvent& event) {
  if (world_.verbose && !std::holds_alternative<LeaseExtended>(event)) world_.note(index_, test::describe(event));
  if (const auto* gained = std::get_if<Gained>(&event)) {
    world_.invariants.gained(observed(true), *gained);
    actors_.gained(*gained);
  } else if (const auto* lost = std::get_if<Lost>(&event)) {
    actors_.lost(*lost);
  } else if (std::holds_alternative<Fenced>(event)) {
    ++world_.stats.fenced;
    actors_.drop_all();
  } else if (const auto* installed = std::get_if<Installed>(&event)) {
    if (world_.traffic) world_.traffic->installed(index_, installed->view);
    actors_.installed();
  } else if (std::holds_alternative<NotLetIn>(event)) {
    refused();
  } else if (const auto* lease = std::get_if<LeaseExtended>(&event)) {
    actors_.extended(lease->end);
  }
}

/// If it is for its config or its program, a person puts that right.
void Node::refused() {
  const View& latest = *world_.invariants.latest();
  const Stage now = stage_of(latest.settings());
  const bool other_profile = now != Stage::mix && now != stage_of(started_with_);
  const bool too_early = !supports_.has(latest.level());
  if (ending_ || (!other_profile && !too_early)) return;
  ending_ = true;
  if (other_profile) profile = now == Stage::cloud ? Profile::cloud : Profile::lan;
  if (too_early) levels = later_program;
  away = 10 * millisecond;
  world_.schedule(world_.now + 50 * millisecond, Event::Kind::end, index_, process_);
}

Observed Node::observed(bool slots_changed) const {
  const MemberAgent& agent = machine_->agent();
  const Acceptor* const acceptor = machine_->acceptor();
  return {index_, agent.incarnation(), agent.installed(), agent.cleared(), agent.term(),
          acceptor != nullptr ? acceptor->record().promised : Term{}, agent.lease_end(), &agent.view(), &agent.held(),
          &actors_.stopping(), slots_changed, acceptor != nullptr ? acceptor->record().store : 0, machine_->lineage()};
}

void Node::write_next() {
  writing_ = std::exchange(waiting_, std::nullopt);
  const auto dice = world_.random.below(1000);
  const Time takes = dice < disk.very_slow_permille ? 500 * millisecond
                     : dice < 100                   ? 100 * microsecond + world_.below(disk.slow)
                                                    : 100 * microsecond + world_.below(disk.usual);
  world_.schedule(world_.now + takes, Event::Kind::disk, index_, process_);
}

/// As the shell does: each transaction has an answer, or is given up after half a lease.
void Node::ask_etcd() {
  auto txn = machine_->take_etcd();
  if (!txn) return;
  asked_etcd_ = txn->number;
  const Time end = clock.when(now().boot + machine_->agent().timing().lease / 2);
  world_.schedule(end, Event::Kind::etcd_timeout, index_, process_, static_cast<std::uint32_t>(txn->number));
  world_.ask_etcd(index_, process_, std::move(*txn));
}

void Node::schedule() {
  const Time wake = std::max(clock.when(machine_->next_wake()), world_.now + nap);
  if (wake >= timer_at_) return;
  timer_at_ = wake;
  world_.schedule(wake, Event::Kind::timer, index_, process_, ++timer_number_);
}

}  // namespace reki::sim
