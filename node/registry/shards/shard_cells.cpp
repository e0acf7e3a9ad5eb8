// What becomes of an entry when its cell starts and ends, and with time.
#include <utility>

#include "reki/core/activation/activation_events.hpp"
#include "reki/node/registry/shards/shard.hpp"

namespace reki {

using State = Activation::State;
using For = Waiter::For;

namespace {

EnvelopePtr owned(Waiter* waiter) { return EnvelopePtr{static_cast<Envelope*>(waiter)}; }

/// The arguments of whoever the start is made for.
void keep_args_of_start(ActorCell& cell, const WaiterList& waiters) {
  const Waiter* const beginner = waiters.first([](const Waiter& w) { return w.begins; });
  cell.keep_args(beginner != nullptr ? static_cast<const Envelope&>(*beginner).args : Bytes{});
}

}  // namespace

// Starts

Result<StartPermit> Shard::permit_start(ActorCell& cell) {
  Activation& a = cell.activation();
  Gate& gate = context_.host.gate;
  const Clock clock = context_.host.clock;
  if (a.state != State::starting) return StartPermit::not_wanted;
  const bool moves = stop_reason(a.slot()) == StopReason::moved;
  const bool here = gate.is_open(clock.now()) && !moves;
  const bool told_to_end = a.stop_requested || moves || gate.is_closing();
  if (!here && !told_to_end && gate.suspend(cell, clock.now())) return StartPermit::suspended;
  if (gate.is_closing()) return fail(ErrorCode::shutting_down);
  if (!here) return fail(ErrorCode::unavailable, "the key moves to another node");
  if (!table_->begin_start(a, clock.now())) return fail(ErrorCode::deadline_exceeded, "the start was not begun in time");
  if (!cell.has_args()) keep_args_of_start(cell, a.waiters);
  return StartPermit::begin;
}

void Shard::started(ActorCell& cell, bool stop_wanted, Effects& effects) {
  Activation& a = cell.activation();
  TypeEntry& type = context_.types.of(a);
  auto& counters = context_.host.counters;
  cell.set_born(counters.starts.fetch_add(1, std::memory_order_relaxed) + 1);
  const bool again = a.restart;
  if (again) counters.restarts.fetch_add(1, std::memory_order_relaxed);
  const auto live = type.live.fetch_add(1, std::memory_order_relaxed) + 1;
  auto waiters = table_->started(a, context_.host.clock.now());
  tell_start(a, again, effects);
  welcome(a, std::move(waiters), effects);
  if (a.state == State::stopping || stop_wanted) {
    close(cell);
    const auto reason = stop_wanted ? StopReason::stopped_self : stop_reason(a.slot());
    (void)cell.push_stop(reason, drain_until(cell, reason));  // its turn goes on anyway
  }
  // Not before those who waited have put in their messages: who comes later stays behind them.
  if (a.state == State::live) cell.open_mailbox();
  const auto cap = static_cast<std::int64_t>(type.type.options.cap);
  if (cap > 0 && live > cap) effects.over_cap(type);
}

bool Shard::start_failed(ActorCell& cell, const Error& error, Effects& effects) {
  Activation& a = cell.activation();
  const bool supervised = a.restart && !a.stop_requested;
  if (error.code == ErrorCode::start_failed) {
    context_.host.counters.start_failures.fetch_add(1, std::memory_order_relaxed);
    context_.host.log("start_failed", a, error.text);
  }
  const bool known = a.restart;  // to watchers, as crashed; a first start that fails is its callers' affair
  auto after = table_->start_failed(a, error.text, context_.host.clock.now());
  if (known) {
    const auto told_to = watch_reason(stop_reason(a.slot()));
    tell_end(a, supervised ? WatchReason::start_failed : told_to, error.text, effects);
  }
  if (!supervised) {
    // Nothing was supervised yet: it is the callers' failure, unless it was the node's; then others are decided over again. Who
    // only looked it up, or wanted it stopped, finds none.
    const bool is_nodes = error.code == ErrorCode::unavailable;
    WaiterList failed = after.released.take_if([&](const Waiter& w) { return !is_nodes || w.waits_for == For::stop; });
    while (Waiter* w = failed.pop()) {
      auto envelope = owned(w);
      const bool wanted_start = w->waits_for == For::start && w->starts;
      effects.answer(std::move(envelope->done), Answer{wanted_start ? error : Error{ErrorCode::not_running}});
    }
  }
  return ended(cell, std::move(after), effects);
}

// Ends

bool Shard::crashed(ActorCell& cell, EnvelopePtr envelope, const std::string& text, Effects& effects) {
  Activation& a = cell.activation();
  Answer out{Error{ErrorCode::actor_crashed, text}};
  out.fence = a.fence;
  effects.answer(std::move(envelope->done), std::move(out));
  auto after = table_->ended(a, ExitKind::crashed, text, context_.host.clock.now());
  tell_end(a, WatchReason::crashed, text, effects);
  return ended(cell, std::move(after), effects);
}

void Shard::close(ActorCell& cell) {
  Activation& a = cell.activation();
  if (a.state == State::live) table_->close(a);
}

bool Shard::stopped(ActorCell& cell, StopReason reason, Effects& effects) {
  Activation& a = cell.activation();
  const bool by_itself = reason == StopReason::stopped_self;
  auto after = by_itself ? table_->ended(a, ExitKind::stopped_itself, {}, context_.host.clock.now()) : table_->stopped(a);
  tell_end(a, watch_reason(reason), {}, effects);
  // Those who waited for a restart that does not come, and start none of their own.
  WaiterList disappointed = after.released.take_if([](const Waiter& w) { return w.waits_for == For::start && !w.starts; });
  while (Waiter* w = disappointed.pop()) effects.answer(std::move(owned(w)->done), Answer{Error{ErrorCode::not_running}});
  return ended(cell, std::move(after), effects);
}

bool Shard::ended(ActorCell& cell, ActivationTable::After after, Effects& effects) {
  Activation& a = cell.activation();
  WaiterList again = cell.close_mailbox();  // these first: who waits in the entry has come later
  while (Waiter* w = after.released.pop()) {
    if (w->waits_for != For::stop) again.push(w);
    else effects.answer(std::move(owned(w)->done), answer_of(a.fence, context_.host.node));
  }
  if (after.next == ActivationTable::Next::start && stop_reason(a.slot()) == StopReason::moved) {
    // Nothing starts in a slot that is lost. Who waits for that goes the way of the mailbox and behind it: left to the end of a
    // start that gets no permit, it would come before the mailbox, should the slot be on its way back.
    WaiterList next = table_->abandon(a);
    while (Waiter* w = next.pop()) again.push(w);
    after.next = ActivationTable::Next::erase;
  }
  if (!a.restart) cell.forget_args();  // the next start is another request's
  // The entry may be erased here, and its cell with it; what is decided over again may make a new one.
  const KeyName name = name_of(a);
  const bool gone = follow(a, after.next, effects);
  // Those that stay in the entry have come later than those in the mailbox, and so have those that wait for its slot, if
  // that is on its way back already.
  const std::size_t later = gone ? 0 : a.waiters.size();
  const std::size_t parked = slots_.parked();
  while (Waiter* w = again.pop()) readmit(name, owned(w), context_.host.clock.now(), effects);
  if (later > 0) a.waiters.rotate(later);
  slots_.put_first(slots_.parked() - parked);
  return gone;
}

bool Shard::follow(Activation& a, ActivationTable::Next next, Effects& effects) {
  if (next == ActivationTable::Next::start) return false;
  if (next == ActivationTable::Next::nothing && a.state == State::restarting) {
    effects.restart_at(name_of(a), a.due());
    return false;
  }
  if (a.cell != nullptr) effects.destroy(std::unique_ptr<ActorCell>{&cell_of(a)});
  a.cell = nullptr;
  if (next != ActivationTable::Next::erase) return true;
  const SlotId slot = a.slot();
  table_->erase(a);
  if (!holds(slot) && table_->first_in(slot) == nullptr) effects.slot_emptied();
  return true;
}

StopReason Shard::stop_reason(SlotId slot) const {
  if (context_.host.gate.is_closing()) return StopReason::closing;
  return holds(slot) ? StopReason::stopped : StopReason::moved;
}

Instant Shard::drain_until(const ActorCell& cell, StopReason reason) const {
  // What waits for an actor that moves is for its next owner.
  const Duration grace = reason == StopReason::moved ? Duration{0} : cell.type().options.stop_grace;
  return context_.host.clock.now() + grace;
}

// Watchers

void Shard::tell_start(const Activation& a, bool again, Effects& effects) {
  TypeWatches& watches = context_.types.of(a).watches;
  if (!watches.wanted()) return;
  WatchEvent event = event_of_start(a, again);
  event.time_ms = context_.host.clock.wall_ms();
  watches.publish(std::move(event), effects);
}

void Shard::tell_end(const Activation& a, WatchReason reason, std::string_view text, Effects& effects) {
  TypeWatches& watches = context_.types.of(a).watches;
  if (!watches.wanted()) return;
  WatchEvent event = event_of_end(a, reason, text, context_.host.clock.now());
  event.time_ms = context_.host.clock.wall_ms();
  watches.publish(std::move(event), effects);
}

// Time

void Shard::restart_due(const KeyName& key, Instant now, Effects& effects) {
  Activation* const a = find(key.hash, key.type, key.key);
  if (a == nullptr || !table_->restart_due(*a, now)) return;
  if (cell_of(*a).push_wake()) effects.schedule(cell_of(*a));
}

bool Shard::tick(Instant now, Effects& effects) {
  const bool anybody_waits = table_->has_waiters() || slots_.has_parked();
  if (anybody_waits) expire(now, ErrorCode::deadline_exceeded, effects);
  table_->forget_crash_loops(now);
  passivate_idle(now, effects);
  return anybody_waits;
}

void Shard::expire(Instant now, ErrorCode code, Effects& effects) {
  WaiterList late = table_->expire(now);
  while (Waiter* w = late.pop()) {
    context_.host.counters.expired.fetch_add(1, std::memory_order_relaxed);
    effects.answer(std::move(owned(w)->done), Answer{Error{code}});
  }
  expire_parked(now, code, effects);
}

void Shard::expire_parked(Instant now, ErrorCode code, Effects& effects) {
  for (KeyedRequest& late : slots_.take_late(now)) {
    effects.answer(std::move(late.request->done), Answer{Error{code, "the key's slot was moving here"}});
  }
}

void Shard::passivate_idle(Instant now, Effects& effects) {
  constexpr int at_once = 64;  // bounds how long the lock is held
  for (const TypeEntry& type : context_.types) {
    const Duration idle = type.type.options.idle;
    if (idle <= Duration{0}) continue;
    // What is listed as used lately need not be looked at; so an actor is touched at most once in its idle time.
    for (int i = 0; i < at_once && now.ns - table_->oldest_listed_use(type.index) >= idle.count(); ++i) {
      Activation* const a = table_->least_recently_used(type.index);
      if (now - Instant{a->used.load(std::memory_order_relaxed)} >= idle) (void)passivate(*a, now, effects);
    }
  }
}

bool Shard::passivate(Activation& a, Instant now, Effects& effects) {
  ActorCell& cell = cell_of(a);
  // Idle: no message waits and no turn runs. One that comes without the lock before the mailbox closes is handled first.
  if (!cell.is_idle()) {
    a.used.store(now.ns, std::memory_order_relaxed);
    return false;
  }
  table_->close(a);
  if (cell.push_stop(StopReason::passivated, Instant::never())) effects.schedule(cell);
  return true;
}

}  // namespace reki
