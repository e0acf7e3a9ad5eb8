#include "actors.hpp"

#include <algorithm>

#include "reki/core/membership/mutation.hpp"

namespace reki::sim {

using membership::Mutation;
using membership::mutated;
using Verdict = ActivationTable::Verdict;
using Next = ActivationTable::Next;
using State = Activation::State;

namespace {

/// How long the function of an actor whose slot is lost may go on before its outputs are revoked.
constexpr Time grace = second;
constexpr std::size_t parked_max = 64;
/// Turns of an actor whose effects may wait for a grant.
constexpr std::size_t held_max = 4;
constexpr Duration expire_interval = std::chrono::milliseconds(50);
const TypeIndex the_type{0};

const std::array<RestartPolicy, 1> policies{RestartPolicy{.backoff_max = std::chrono::milliseconds(200)}};

bool may_start(wire::Op op) { return op == wire::Op::lookup_or_start || op == wire::Op::call; }

/// Mostly short, sometimes long, and now and then very long.
Time duration(World& world, Time usual, Time rare, Time longest) {
  const auto dice = world.random.below(100);
  return dice < 85 ? world.below(usual) : dice < 98 ? world.below(rare) : world.below(longest);
}

}  // namespace

void Actors::begin(const membership::Membership& machine, std::uint32_t process) {
  drop_all();
  machine_ = &machine;
  process_ = process;
  table_.emplace(ActivationTable::Options{.shard = 0, .shards = shards, .policies = policies});
  expire_at_ = Instant{0};
  gate_flag_ = false;
}

void Actors::drop_all() {
  for (std::uint8_t key = 0; key < key_count(); ++key) {
    if (actors_[key].activation != nullptr) drop(key, std::nullopt);
  }
  parked_.clear();
  batches_.clear();
  stopping_.clear();
}

bool Actors::gate() const { return mutated(Mutation::stale_gate) ? gate_flag_ : machine_->agent().gate(now_); }

bool Actors::held(std::uint8_t key) const { return machine_->agent().held().contains(world_.keys[key].slot); }

bool Actors::owned(std::uint8_t key) const {
  const auto& agent = machine_->agent();
  if (agent.view() == nullptr) return false;
  const Member* const owner = agent.view()->owner(world_.keys[key].slot);
  return owner != nullptr && owner->incarnation == agent.incarnation();
}

void Actors::later(std::uint8_t key, What what, Time after) {
  const std::uint32_t payload = key | static_cast<std::uint32_t>(what) << 5 | actors_[key].turn << 8;
  world_.schedule(world_.now + after, Event::Kind::actor, node_, process_, payload);
}

// --- slots

void Actors::installed() {
  std::erase_if(parked_, [&](const Parked& p) {
    if (owned(p.packet.key)) return false;
    redirect(p.packet);
    return true;
  });
}

void Actors::gained(const membership::Gained& gained) {
  for (std::uint32_t s = 0; s < slot_count; s += shards) {
    const SlotId slot{static_cast<std::uint16_t>(s)};
    if (gained.slots.contains(slot)) table_->acquire(slot, gained.epoch);
  }
  std::vector<Parked> parked = std::exchange(parked_, {});
  for (Parked& p : parked) {
    if (p.deadline <= now_) continue;
    if (!held(p.packet.key)) parked_.push_back(std::move(p));
    else if (!gate()) reply(p.packet, ErrorCode::unavailable);
    else request(std::move(p.packet), p.deadline);
  }
}

void Actors::lost(const membership::Lost& lost) {
  batches_.push_back({lost.slots, lost.of});
  stopping_ |= lost.slots;
  for (std::uint8_t key = 0; key < key_count(); ++key) {
    Actor& actor = actors_[key];
    if (actor.activation == nullptr || !lost.slots.contains(world_.keys[key].slot)) continue;
    empty_mailbox(key, ErrorCode::wrong_node);
    if (actor.busy == Busy::no && actor.held.empty()) {
      drop(key, ErrorCode::wrong_node);
    } else {
      actor.lost = true;
      later(key, What::grace_over, grace);
    }
  }
}

std::optional<Actors::Stopped> Actors::take_stopped() {
  for (auto batch = batches_.begin(); batch != batches_.end(); ++batch) {
    bool runs = false;
    for (std::uint8_t key = 0; key < key_count(); ++key) {
      const bool is_over = mutated(Mutation::late_outputs) && actors_[key].busy == Busy::no;
      runs = runs || (actors_[key].lost && !is_over && batch->slots.contains(world_.keys[key].slot));
    }
    if (runs) continue;
    Stopped out = *batch;
    batches_.erase(batch);
    stopping_ -= out.slots;
    return out;
  }
  return std::nullopt;
}

void Actors::extended(Instant end) {
  if (!mutated(Mutation::stale_gate)) return;
  gate_flag_ = true;
  later(0, What::lease_over, (end - now_).count());
}

// --- requests

void Actors::serve(Packet&& packet) {
  expire();
  const std::uint8_t key = packet.key;
  if (!held(key) && !owned(key)) return redirect(packet);
  if (!gate()) return reply(packet, ErrorCode::unavailable);
  const Instant deadline = now_ + packet.remaining;
  if (held(key)) return request(std::move(packet), deadline);
  if (parked_.size() >= parked_max) return reply(packet, ErrorCode::overloaded);
  parked_.push_back({std::move(packet), deadline});
}

void Actors::request(Packet&& packet, Instant deadline) {
  const std::uint8_t key = packet.key;
  Actor& actor = actors_[key];
  Demand demand;
  demand.op = packet.op;
  demand.starts = may_start(packet.op);
  demand.deadline = deadline;
  if (packet.call != 0) demand.origin = {Incarnation{packet.from + 1U}, RequestId{packet.call}};
  const Verdict verdict = table_->request(world_.keys[key].hash, the_type, world_.keys[key].name, demand, now_);
  if (verdict.what != Verdict::What::repeated) actor.activation = verdict.activation;  // that one is over
  switch (verdict.what) {
    case Verdict::What::found:
      return reply(packet, ErrorCode::ok, verdict.activation->fence);
    case Verdict::What::repeated:
      return reply(packet, ErrorCode::ok, verdict.fence);
    case Verdict::What::deliver:
      actor.mailbox.push_back(std::move(packet));
      return run_next(key);
    case Verdict::What::refuse:
      return reply(packet, verdict.code);
    case Verdict::What::wait:
    case Verdict::What::start:
    case Verdict::What::stop:
      table_->wait(verdict, new Waiting(demand, std::move(packet)));
      if (verdict.what == Verdict::What::start) begin_start(key);
      if (verdict.what == Verdict::What::stop && actor.busy == Busy::no && actor.held.empty()) begin_stop(key);
      return;
  }
}

void Actors::reply(const Packet& to, ErrorCode code, Fence fence) {
  if (to.call == 0) return;
  if (code == ErrorCode::ok) world_.invariants.output_leaves(node_, to.key);
  const auto& agent = machine_->agent();
  Packet out;
  out.from = node_;
  out.to = to.from;
  out.key = to.key;
  out.reply = true;
  out.op = to.op;
  out.code = code;
  out.call = to.call;
  out.epoch = agent.installed();
  out.incarnation = agent.incarnation();
  out.fence = fence;
  if (code == ErrorCode::wrong_node || to.epoch < agent.installed()) out.view = agent.view();
  world_.send(std::move(out));
}

/// To all of them, who wait no more.
void Actors::release(WaiterList list, ErrorCode code) {
  while (Waiter* waiter = list.pop()) {
    auto* const waiting = static_cast<Waiting*>(waiter);
    const bool stopped = waiting->waits_for == Waiter::For::stop && code != ErrorCode::wrong_node && gate();
    reply(waiting->packet, stopped ? ErrorCode::ok : code);
    delete waiting;
  }
}

void Actors::expire() {
  if (now_ < expire_at_) return;
  expire_at_ = now_ + expire_interval;
  if (table_->has_waiters()) release(table_->expire(now_), ErrorCode::deadline_exceeded);
  std::erase_if(parked_, [&](const Parked& p) { return p.deadline <= now_; });
}

// --- how an actor begins and ends

void Actors::begin_start(std::uint8_t key) {
  Actor& actor = actors_[key];
  Activation& a = *actor.activation;
  if (!gate() || !table_->begin_start(a, now_)) {
    return follow(key, table_->start_failed(a, {}, now_), ErrorCode::unavailable);
  }
  ++world_.stats.starts;
  world_.invariants.start_begins(node_, key, a.fence);
  world_.invariants.handler_begins(node_, key, a.slot());
  world_.invariants.actor_lives(node_, key, a.slot());
  a.cell = &actor;
  actor.busy = Busy::starting;
  ++actor.turn;
  later(key, What::turn_over, duration(world_, 2 * millisecond, 50 * millisecond, 500 * millisecond));
}

void Actors::run_next(std::uint8_t key) {
  Actor& actor = actors_[key];
  if (actor.busy != Busy::no || actor.mailbox.empty() || actor.activation->state != State::live) return;
  if (actor.lost || actor.held.size() >= held_max) return;
  if (!gate()) return empty_mailbox(key, ErrorCode::unavailable);
  ++world_.stats.handlers;
  world_.invariants.handler_begins(node_, key, actor.activation->slot());
  actor.handled = std::move(actor.mailbox.front());
  actor.mailbox.erase(actor.mailbox.begin());
  actor.busy = Busy::handling;
  actor.renewal = machine_->agent().sent() + 1;
  ++actor.turn;
  later(key, What::turn_over, duration(world_, millisecond, 30 * millisecond, 3 * second));
}

void Actors::begin_stop(std::uint8_t key) {
  Actor& actor = actors_[key];
  empty_mailbox(key, ErrorCode::not_running);
  actor.busy = Busy::stopping;
  ++actor.turn;
  const bool runs = actor.activation->cell != nullptr && gate();
  if (runs) world_.invariants.handler_begins(node_, key, actor.activation->slot());
  later(key, What::turn_over, runs ? world_.below(2 * millisecond) : 0);
}

void Actors::event(std::uint32_t payload) {
  const auto key = static_cast<std::uint8_t>(payload & 31);
  const auto what = static_cast<What>(payload >> 5 & 7);
  if (what == What::lease_over) {
    gate_flag_ = machine_->agent().gate(now_);
    return;
  }
  Actor& actor = actors_[key];
  if (actor.activation == nullptr || actor.turn != payload >> 8) return;
  switch (what) {
    case What::turn_over:
      turn_over(key);
      return after_turn(key);
    case What::grace_over:
      return drop(key, ErrorCode::wrong_node);
    case What::restart_due:
      if (table_->restart_due(*actor.activation, now_)) begin_start(key);
      return;
    case What::lease_over:
      return;
  }
}

void Actors::turn_over(std::uint8_t key) {
  Actor& actor = actors_[key];
  switch (std::exchange(actor.busy, Busy::no)) {
    case Busy::starting:
      return start_over(key);
    case Busy::handling:
      return handler_over(key);
    case Busy::stopping:
      return follow(key, table_->stopped(*actor.activation), ErrorCode::not_running);
    case Busy::no:
      return;
  }
}

void Actors::start_over(std::uint8_t key) {
  Activation& a = *actors_[key].activation;
  if (world_.chance(20)) return follow(key, table_->start_failed(a, "no", now_), ErrorCode::start_failed);
  WaiterList released = table_->started(a, now_);
  while (Waiter* waiter = released.pop()) {
    auto* const waiting = static_cast<Waiting*>(waiter);
    if (!gate()) reply(waiting->packet, ErrorCode::unavailable);
    else if (waiting->op == wire::Op::call || waiting->op == wire::Op::send) {
      actors_[key].mailbox.push_back(std::move(waiting->packet));
    } else {
      reply(waiting->packet, ErrorCode::ok, a.fence);
    }
    delete waiting;
  }
}

void Actors::handler_over(std::uint8_t key) {
  Actor& actor = actors_[key];
  Activation& a = *actor.activation;
  if (world_.chance(10)) return follow(key, table_->ended(a, ExitKind::crashed, "no", now_), ErrorCode::unavailable);
  if (!gate() && !mutated(Mutation::loud_zombie)) return reply(actor.handled, ErrorCode::unavailable);
  if (!world_.keys[key].confirmed || mutated(Mutation::not_awaited)) return turn_leaves(key, actor.handled);
  actor.held.push_back({actor.handled, actor.renewal});
  wanted_ = std::max(wanted_, actor.renewal);
}

void Actors::turn_leaves(std::uint8_t key, const Packet& handled) {
  reply(handled, ErrorCode::ok, actors_[key].activation->fence);
  if (world_.chance(300)) tell(key);
}

void Actors::release_granted() {
  const std::uint64_t granted = machine_->agent().granted();
  for (std::uint8_t key = 0; key < key_count(); ++key) {
    auto& held = actors_[key].held;
    if (held.empty() || !gate()) continue;
    bool any = false;
    while (!held.empty() && held.front().renewal <= granted) {
      const Packet handled = std::move(held.front().handled);
      held.erase(held.begin());
      turn_leaves(key, handled);
      any = true;
    }
    if (any) after_turn(key);
  }
}

/// A message from the actor to another.
void Actors::tell(std::uint8_t from) {
  const auto key = static_cast<std::uint8_t>(world_.below(static_cast<Time>(world_.keys.size())));
  const auto& agent = machine_->agent();
  const Member* const owner = agent.view()->owner(world_.keys[key].slot);
  if (owner == nullptr || owner->incarnation == agent.incarnation()) return;
  world_.invariants.output_leaves(node_, from);
  Packet out;
  out.from = node_;
  out.to = index_of(owner->node_id);
  out.key = key;
  out.op = wire::Op::send;
  out.epoch = agent.installed();
  out.incarnation = agent.incarnation();
  out.target = owner->incarnation;
  out.remaining = std::chrono::seconds(1);
  out.superseded = world_.keys[from].confirmed && actors_[from].activation->fence < world_.invariants.newest_start(from);
  world_.send(std::move(out));
}

/// What comes of the table's decision after an end or a failed start.
void Actors::follow(std::uint8_t key, ActivationTable::After after, ErrorCode code) {
  Actor& actor = actors_[key];
  Activation& a = *actor.activation;
  if (a.cell != nullptr) world_.invariants.actor_gone(node_, key);
  a.cell = nullptr;
  drop_held(key, ErrorCode::unavailable);
  release(std::move(after.released), code);
  empty_mailbox(key, code);
  if (after.next == Next::erase) {
    table_->erase(a);
    actor.activation = nullptr;
  } else if (actor.lost) {
    drop(key, ErrorCode::wrong_node);
  } else if (after.next == Next::start) {
    begin_start(key);
  } else if (a.state == State::restarting) {
    ++actor.turn;
    later(key, What::restart_due, std::max<Time>((a.due() - now_).count() * 12 / 10, 1));
  }
}

void Actors::after_turn(std::uint8_t key) {
  Actor& actor = actors_[key];
  if (actor.activation == nullptr) actor.lost = false;
  if (actor.busy != Busy::no || actor.activation == nullptr) return;
  if (!actor.held.empty()) return run_next(key);
  if (actor.lost) return drop(key, ErrorCode::wrong_node);
  if (actor.activation->state == State::stopping) return begin_stop(key);
  run_next(key);
}

/// It never leaves. Who waits for an answer gets `code`, or nothing.
void Actors::drop_held(std::uint8_t key, std::optional<ErrorCode> code) {
  for (const Held& held : std::exchange(actors_[key].held, {})) {
    if (code) reply(held.handled, *code);
  }
}

void Actors::empty_mailbox(std::uint8_t key, ErrorCode code) {
  for (const Packet& packet : actors_[key].mailbox) reply(packet, code);
  actors_[key].mailbox.clear();
}

/// Ends an actor, or whatever the key has, in the middle. Who waits gets `code`, or nothing.
void Actors::drop(std::uint8_t key, std::optional<ErrorCode> code) {
  Actor& actor = actors_[key];
  Activation& a = *actor.activation;
  WaiterList waiters = table_->abandon(a);
  while (Waiter* waiter = waiters.pop()) {
    auto* const waiting = static_cast<Waiting*>(waiter);
    if (code) reply(waiting->packet, *code);
    delete waiting;
  }
  if (code) empty_mailbox(key, *code);
  actor.mailbox.clear();
  drop_held(key, code);
  if (a.cell != nullptr) world_.invariants.actor_gone(node_, key);
  a.cell = nullptr;
  table_->erase(a);
  actor.activation = nullptr;
  actor.busy = Busy::no;
  actor.lost = false;
  ++actor.turn;
}

}  // namespace reki::sim
