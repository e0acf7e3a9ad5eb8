// What becomes of an entry when its cell starts and ends (CellHost).
#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {

using State = Activation::State;
using For = Waiter::For;

namespace {

EnvelopePtr owned(Waiter* waiter) { return EnvelopePtr{static_cast<Envelope*>(waiter)}; }

/// The arguments of whoever the start is made for; of another one who may start it, if that one has given up meanwhile.
void keep_args_of_start(ActorCell& cell, const WaiterList& waiters) {
  const auto keep = [&](bool beginner) {
    return waiters.any([&](const Waiter& w) {
      const bool chosen = w.waits_for == For::start && w.starts && (w.begins || !beginner);
      if (chosen) cell.keep_args(static_cast<const Envelope&>(w).args);
      return chosen;
    });
  };
  if (keep(true) || keep(false)) return;
  cell.keep_args({});
}

}  // namespace

Result<StartPermit> Runtime::permit_start(ActorCell& cell) {
  Activation& a = cell.activation();
  Shard& shard = shard_of(a.hash);
  const std::lock_guard lock(shard.mutex);
  if (a.state != State::starting) return StartPermit::not_wanted;
  const bool here = gate.is_open(clock.now()) && stop_reason_locked(shard, a.slot()) != StopReason::moved;
  const bool told_to_end = a.stop_requested || gate.is_closing();
  if (!here && !told_to_end && gate.suspend(cell, clock.now())) return StartPermit::suspended;
  if (gate.is_closing()) return fail(ErrorCode::shutting_down);
  if (!here) return fail(ErrorCode::unavailable, "the key moves to another node");
  if (!shard.table->begin_start(a, clock.now())) return fail(ErrorCode::deadline_exceeded, "the start was not begun in time");
  if (!cell.has_args()) keep_args_of_start(cell, a.waiters);
  return StartPermit::begin;
}

void Runtime::started(ActorCell& cell, bool stop_wanted) {
  Activation& a = cell.activation();
  TypeEntry& type = types_[a.type.value];
  Shard& shard = shard_of(a.hash);
  Effects effects;
  {
    const std::lock_guard lock(shard.mutex);
    cell.set_born(counters.starts.fetch_add(1, std::memory_order_relaxed) + 1);
    const bool again = a.restart;
    if (again) counters.restarts.fetch_add(1, std::memory_order_relaxed);
    const auto live = type.live.fetch_add(1, std::memory_order_relaxed) + 1;
    auto waiters = shard.table->started(a, clock.now());
    tell_start_locked(a, again, effects);
    welcome_locked(a, std::move(waiters), effects);
    if (a.state == State::stopping || stop_wanted) {
      if (a.state == State::live) shard.table->close(a);
      const auto reason = stop_wanted ? StopReason::stopped_self : stop_reason_locked(shard, a.slot());
      (void)cell.push_stop(reason, clock.now() + stop_grace(cell, reason));  // its turn goes on anyway
    }
    // Not before those who waited have put in their messages: who comes later stays behind them.
    if (a.state == State::live) cell.open_mailbox();
    const auto cap = static_cast<std::int64_t>(type.type.options.cap);
    if (cap > 0 && live > cap) effects.over_cap(type);
  }
  effects.run(*this);
}

bool Runtime::start_failed(ActorCell& cell, const Error& error) {
  Activation& a = cell.activation();
  Shard& shard = shard_of(a.hash);
  Effects effects;
  bool gone = false;
  {
    const std::lock_guard lock(shard.mutex);
    const bool supervised = a.restart && !a.stop_requested;
    if (error.code == ErrorCode::start_failed) {
      counters.start_failures.fetch_add(1, std::memory_order_relaxed);
      log("start_failed", a, error.text);
    }
    const bool known = a.restart;  // to watchers, as crashed; a first start that fails is its callers' affair
    auto after = shard.table->start_failed(a, error.text, clock.now());
    if (known) {
      const auto told_to = watch_reason(stop_reason_locked(shard, a.slot()));
      tell_end_locked(a, supervised ? WatchReason::start_failed : told_to, error.text, effects);
    }
    if (!supervised && error.code != ErrorCode::unavailable) {
      // Nothing was supervised yet: it is the callers' failure. Who only looked it up, or wanted it stopped, finds none.
      WaiterList failed = after.released.take_if([](const Waiter&) { return true; });
      while (Waiter* w = failed.pop()) {
        auto envelope = owned(w);
        const bool wanted_start = w->waits_for == For::start && w->starts;
        effects.answer(std::move(envelope->done), Answer{wanted_start ? error : Error{ErrorCode::not_running}});
      }
    }
    gone = ended_locked(shard, cell, std::move(after), effects);
  }
  effects.run(*this);
  return gone;
}

bool Runtime::crashed(ActorCell& cell, EnvelopePtr envelope, const std::string& text) {
  Activation& a = cell.activation();
  Shard& shard = shard_of(a.hash);
  Effects effects;
  bool gone = false;
  {
    const std::lock_guard lock(shard.mutex);
    Answer out{Error{ErrorCode::actor_crashed, text}};
    out.fence = a.fence;
    effects.answer(std::move(envelope->done), std::move(out));
    auto after = shard.table->ended(a, ExitKind::crashed, text, clock.now());
    tell_end_locked(a, WatchReason::crashed, text, effects);
    gone = ended_locked(shard, cell, std::move(after), effects);
  }
  effects.run(*this);
  return gone;
}

void Runtime::close(ActorCell& cell) {
  Activation& a = cell.activation();
  Shard& shard = shard_of(a.hash);
  const std::lock_guard lock(shard.mutex);
  if (a.state == State::live) shard.table->close(a);
}

bool Runtime::stopped(ActorCell& cell, StopReason reason) {
  Activation& a = cell.activation();
  Shard& shard = shard_of(a.hash);
  Effects effects;
  bool gone = false;
  {
    const std::lock_guard lock(shard.mutex);
    const bool by_itself = reason == StopReason::stopped_self;
    auto after = by_itself ? shard.table->ended(a, ExitKind::stopped_itself, {}, clock.now()) : shard.table->stopped(a);
    tell_end_locked(a, watch_reason(reason), {}, effects);
    gone = ended_locked(shard, cell, std::move(after), effects);
  }
  effects.run(*this);
  return gone;
}

bool Runtime::ended_locked(Shard& shard, ActorCell& cell, ActivationTable::After after, Effects& effects) {
  Activation& a = cell.activation();
  WaiterList again = cell.close_mailbox();  // these first: who waits in the entry has come later
  while (Waiter* w = after.released.pop()) {
    if (w->waits_for != For::stop) {
      again.push(w);
      continue;
    }
    Answer stopped;
    stopped.fence = a.fence;
    stopped.node = node;
    effects.answer(std::move(owned(w)->done), std::move(stopped));
  }
  if (!a.restart) cell.forget_args();  // the next start is another request's
  // The entry may be erased here, and its cell with it; what is decided over again may make a new one.
  const KeyName name = name_of(a);
  const bool gone = follow_locked(shard, a, after.next, clock.now(), effects);
  while (Waiter* w = again.pop()) readmit_locked(shard, name, owned(w), clock.now(), effects);
  return gone;
}

void Runtime::readmit(ActorCell& cell, EnvelopePtr envelope, Instant now) {
  const Activation& a = cell.activation();
  Shard& shard = shard_of(a.hash);
  Effects effects;
  {
    const std::lock_guard lock(shard.mutex);
    readmit_locked(shard, name_of(a), std::move(envelope), now, effects);
  }
  effects.run(*this);
}

Duration Runtime::stop_grace(const ActorCell& cell, StopReason reason) {
  // What waits for an actor that moves is for its next owner.
  return reason == StopReason::moved ? Duration{0} : cell.type().options.stop_grace;
}

void Runtime::hand_over(const Activation& a, Bytes args, Bytes state) {
  if (state.size() > limits::state_bytes_max || !options_.cluster_hooks) {
    return log("state_too_large", a, "its saved state has " + std::to_string(state.size()) + " bytes, and was dropped");
  }
  options_.cluster_hooks->hand_over({types_[a.type.value].type.name, std::string{a.key()}, std::move(args), std::move(state)});
}

void Runtime::log(std::string_view event, const Activation& a, std::string_view text) const {
  if (options_.log) options_.log(event, types_[a.type.value].type.name, a.key(), text);
}

}  // namespace reki
