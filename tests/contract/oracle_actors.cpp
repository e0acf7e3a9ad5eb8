// What the oracle is told by actors.
#include <algorithm>
#include <utility>

#include "oracle.hpp"

namespace reki::contract {

std::uint32_t Oracle::made(std::uint32_t key, std::uint64_t request) {
  const auto number = static_cast<std::uint32_t>(lives_.size());
  Life& life = lives_.emplace_back();
  life.key = key;
  life.request = request;
  life.made = next();
  note("made", key, request);
  Key& k = keys_[key];
  ++existing_;
  ++seen_.starts;
  life.again = ++starts_of_[request] > 1;
  if (life.again) ++seen_.restarts;
  if (k.life != 0) break_rule(Rule::one_actor, name(life) + " is made while " + name(lives_[k.life]) + " exists");
  if (!has_lease()) break_rule(Rule::only_with_the_lease, name(life) + " is made without the lease");
  if (k.place != Place::held) break_rule(Rule::only_with_the_lease, name(life) + " is made in a slot that is not held");
  k.life = number;
  return number;
}

std::uint32_t Oracle::starts_of(std::uint64_t request) const {
  const auto found = starts_of_.find(request);
  return found == starts_of_.end() ? 0 : found->second;
}

void Oracle::destroyed(std::uint32_t number) {
  Life& life = lives_[number];
  Key& k = key_of(life);
  note("destroyed", life.key, life.fence.value);
  --existing_;
  life.over = next();
  if (life.running) break_rule(Rule::life_cycle, name(life) + " is destroyed while it runs");
  if (!life.goodbye && !life.crashed) ++k.ends;  // a start that failed, or one that left without the lease
  const bool may_say_goodbye = life.live != 0 && !life.crashed && !life.revoked && !life.abandoned && has_lease();
  if (may_say_goodbye && !life.goodbye) break_rule(Rule::life_cycle, name(life) + " ends without on_stop");
  closes(life, life.over);
  const TypeOptions& options = story_.types[type_of_key(life.key)];
  const bool maybe_passivated = !life.goodbye && !life.crashed && (options.idle > Duration{0} || options.cap > 0);
  if (maybe_passivated) life.closing = std::min(life.closing, life.proof);
  settle_doubts(life);
  k.over = life.over;
  k.last = std::exchange(k.life, 0);
  k.wanted = std::max(k.wanted, now());
  // What was answered by now is no cause of what comes.
  std::erase_if(k.stops, [this](std::uint32_t stop) { return asks_[stop].answered != 0; });
  just_over_.push_back(number);
}

void Oracle::check_may_begin(const Life& life, Function function) {
  // What belongs to a start has begun with its construction, which may have taken its time.
  const bool goes_on = function == Function::restore || function == Function::on_start || function == Function::save;
  if (life.running) break_rule(Rule::life_cycle, name(life) + " runs two functions at a time");
  if (life.crashed) break_rule(Rule::life_cycle, name(life) + " runs on after a crash");
  if (life.abandoned) break_rule(Rule::only_with_the_lease, name(life) + " runs on after its incarnation was dropped");
  if (!goes_on && !has_lease())
    break_rule(Rule::only_with_the_lease, name(life) + " begins a function without the lease");
  if (keys_[life.key].place == Place::emptied && !life.revoked)
    break_rule(Rule::only_with_the_lease, name(life) + " runs in a slot that is emptied");
  const bool is_message = function == Function::handler || function == Function::timer;
  if (is_message && (life.live == 0 || life.goodbye))
    break_rule(Rule::life_cycle, name(life) + " handles a message before on_start or after on_stop");
  if (is_message && life.leaves)
    break_rule(Rule::life_cycle, name(life) + " handles a message after it has stopped itself");
}

std::uint32_t Oracle::begin(std::uint32_t number, Function function, Fence fence, std::uint32_t ask) {
  Life& life = lives_[number];
  Key& k = key_of(life);
  const auto run_number = static_cast<std::uint32_t>(runs_.size());
  runs_.push_back({number, function, End::running, ask, 0});
  check_may_begin(life, function);
  note("begin", static_cast<std::uint64_t>(function) << 32 | life.key, ask);
  if (function == Function::on_start) {
    if (fence <= k.latest)
      break_rule(Rule::growing_fences,
                 name(life) + " has fence " + std::to_string(fence.value) + " after " + std::to_string(k.latest.value));
    if (life.fence.value != 0) break_rule(Rule::life_cycle, name(life) + " runs on_start twice");
    life.fence = fence;
    k.latest = fence;
    k.lives.push_back(number);
  } else if (function != Function::construct && function != Function::restore && life.fence != fence) {
    break_rule(Rule::growing_fences, name(life) + " has another fence: " + std::to_string(fence.value));
  }
  if (function == Function::handler || function == Function::timer) life.proof = next();
  if (function == Function::handler) begin_handling(asks_[ask], life, run_number);
  life.running = true;
  return run_number;
}

void Oracle::end(std::uint32_t number, bool ok) {
  Run& run = runs_[number];
  Life& life = lives_[run.life];
  life.running = false;
  const bool takes_effect = has_lease() && !life.revoked && !life.abandoned;
  run.end = !ok ? End::failed : takes_effect ? End::ok : End::withheld;
  run.reopened = reopened_;
  note("end", life.key, static_cast<std::uint64_t>(run.end));
  if (run.end == End::withheld) ++seen_.withheld;
  if (run.function == Function::on_start) return end_start(life, run);
  const bool is_message = run.function == Function::handler || run.function == Function::timer;
  if (is_message && life.leaving) life.leaves = true;
  if (!ok && is_message) {
    life.crashed = true;
    life.ended_for_good = story_.types[type_of_key(life.key)].restart.mode == RestartMode::temporary;
    ++seen_.crashes;
    ++key_of(life).ends;
    closes(life, next());
  }
}

void Oracle::end_start(Life& life, Run& run) {
  if (run.end == End::failed) return;
  // Without the lease it does not become live, and what it has sent is dropped for good.
  if (run.end == End::withheld) return void(run.end = End::failed);
  life.live = next();
  life.proof = life.live;
  Key& k = key_of(life);
  k.live.push_back(run.life);
  const bool may_be_stopping = is_stop_pending_since(k, k.over) || k.lost > k.over || life.leaves;
  if (may_be_stopping) closes(life, life.live);
}

bool Oracle::is_stop_pending_since(const Key& k, Moment since) const {
  return std::ranges::any_of(k.stops, [&](std::uint32_t number) {
    const Ask& stop = asks_[number];
    return stop.issued >= since || stop.answered == 0;
  });
}

void Oracle::closes(Life& life, Moment at) {
  if (life.closing == 0) life.closing = at;
}

void Oracle::leaves(std::uint32_t number) {
  Life& life = lives_[number];
  closes(life, next());
  if (life.live != 0) life.leaving = true;  // in on_start: what waits for the start is handled before
}

/// The function that runs blocks: what it has sent so far leaves now.
void Oracle::blocks(std::uint32_t run) {
  for (auto i = asks_.size(); i > 0 && asks_[i - 1].sent_in == run; --i) asks_[i - 1].left_early = true;
}

void Oracle::stops(std::uint32_t number, StopReason reason) {
  Life& life = lives_[number];
  Key& k = key_of(life);
  if (life.goodbye) break_rule(Rule::life_cycle, name(life) + " runs on_stop twice");
  if (life.live == 0) break_rule(Rule::life_cycle, name(life) + " runs on_stop, but was not live");
  if (life.revoked) break_rule(Rule::only_with_the_lease, name(life) + " runs on_stop after its slot was revoked");
  life.goodbye = true;
  life.said = reason;
  const bool by_itself = reason == StopReason::stopped_self;
  life.ended_for_good = !by_itself || story_.types[type_of_key(life.key)].restart.mode != RestartMode::permanent;
  k.ends_most = std::max(k.ends_most, k.ends);
  k.ends = by_itself ? k.ends + 1 : 0;
  if (reason == StopReason::stopped) check_cause_of_stop(life);
  if (reason == StopReason::passivated) {
    // Nobody outside knows when it was closed.
    closes(life, life.proof);
    life.closing = std::min(life.closing, life.proof);
    ++seen_.passivations;
  } else {
    closes(life, next());
    ++seen_.stops;
  }
  if (reason == StopReason::moved) ++seen_.moves;
}

/// Somebody must have asked for it: not only one whose request has stopped an earlier start.
void Oracle::check_cause_of_stop(const Life& life) {
  const Key& k = key_of(life);
  if (k.lost > k.over) return;  // it was the slot's
  const bool has_cause = std::ranges::any_of(k.stops, [&](std::uint32_t number) {
    const Ask& stop = asks_[number];
    const Ask& first = asks_[stop.first];
    const bool was_done = first.ok && first.answered < life.made;
    const bool is_of_its_time = stop.issued > k.over || stop.answered == 0 || stop.answered > life.made;
    return (stop.pin.value == 0 || stop.pin == life.fence) && is_of_its_time && !was_done;
  });
  if (!has_cause)
    break_rule(Rule::stopped_when_told, name(life) + " is stopped, and nobody has asked for that but a repeat");
}

/// An answer of `not_running` or `gone`, while it may have been live all the time.
void Oracle::settle_doubts(Life& life) {
  for (const Life::Doubt& doubt : life.doubts) {
    const Ask& ask = asks_[doubt.ask];
    if (ask.issued > life.live && doubt.answered < life.closing) {
      break_rule(ask.pin.value != 0 ? Rule::pinned : Rule::found_what_was_there,
                 name(ask) + " did not find " + name(life) + ", which was live all the time");
    }
  }
  life.doubts.clear();
}

// Timers

Tick Oracle::timer_set(std::uint32_t number, Duration after, std::uint32_t does) {
  const auto timer = static_cast<std::uint32_t>(timers_.size());
  Timer& t = timers_.emplace_back();
  t.life = number;
  t.due = now() + after;
  lives_[number].timers.push_back(timer);
  return Tick{timer, does, TimerToken(t.messages)};
}

void Oracle::timer_cancelled(std::uint32_t timer) {
  // One that is due may be in the mailbox already.
  if (now() < timers_[timer].due) timers_[timer].cancelled = true;
}

void Oracle::timer_handled(std::uint32_t number, std::uint32_t timer) {
  Timer& t = timers_[timer];
  const Life& life = lives_[number];
  ++seen_.timers;
  if (t.life != number) break_rule(Rule::own_timers, name(life) + " handles a timer of " + name(lives_[t.life]));
  if (now() < t.due) break_rule(Rule::own_timers, name(life) + " handles a timer early");
  if (t.cancelled) break_rule(Rule::own_timers, name(life) + " handles a timer that was cancelled");
  if (std::exchange(t.handled, true)) break_rule(Rule::own_timers, name(life) + " handles a timer twice");
}

// States

std::uint64_t Oracle::state_saved(std::uint32_t number) {
  states_.push_back({lives_[number].key, number});
  return states_.size() - 1;
}

void Oracle::state_handed_over(std::uint64_t state) {
  const Life& life = lives_[states_[state].life];
  if (!has_lease()) break_rule(Rule::only_with_the_lease, name(life) + " hands over its state without the lease");
  if (life.revoked) break_rule(Rule::only_with_the_lease, name(life) + " hands over its state after it was revoked");
}

void Oracle::state_restored(std::uint32_t number, std::uint64_t state) {
  Life& life = lives_[number];
  life.restored = true;
  ++seen_.restored;
  if (states_[state].key != life.key) break_rule(Rule::state_once, name(life) + " gets the state of another key");
  if (std::exchange(states_[state].restored, true))
    break_rule(Rule::state_once, name(life) + " gets a state that was restored before");
}

}  // namespace reki::contract
