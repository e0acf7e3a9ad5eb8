#include "reki/core/activation/activation_table.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "reki/core/base/assert.hpp"

namespace reki {

using State = Activation::State;
using Verdict = ActivationTable::Verdict;
using What = Verdict::What;
using For = Waiter::For;
using wire::Op;

namespace {

Verdict refuse(ErrorCode code, Activation* a = nullptr, Duration retry_after = Duration{0}) {
  return {What::refuse, a, code, retry_after, false, For::start};
}

}  // namespace

ActivationTable::ActivationTable(Options options)
    : options_(options), slots_(slot_count / options.shards), types_(options.policies.size()) {
  REKI_ASSERT(slot_count % options.shards == 0);
}

ActivationTable::~ActivationTable() {
  for (Slot& slot : slots_) {
    while (Activation* const a = slot.entries.first()) {
      leave_slot(*a);
      leave_listed(*a);
      destroy_activation(a);
    }
  }
}

void ActivationTable::acquire(SlotId slot, Epoch epoch) {
  Slot& s = slots_[slot.value / options_.shards];
  REKI_ASSERT(epoch >= s.acquired);
  if (epoch > s.acquired) s.starts = 0;
  s.acquired = epoch;
}

// Requests

Verdict ActivationTable::request(std::uint64_t hash, TypeIndex type, std::string_view key, const Demand& demand,
                                 Instant now) {
  const bool is_repeatable = demand.op == Op::start || demand.op == Op::lookup_or_start || demand.op == Op::stop;
  if (const Fence known = is_repeatable ? ended_requests_.find(demand.origin) : Fence{}; known.value != 0) {
    return {What::repeated, nullptr, ErrorCode::ok, Duration{0}, demand.op != Op::stop, For::start, known};
  }
  Activation* a = find(hash, type, key);
  if (a != nullptr && a->state == State::down && now >= a->due()) {
    erase(*a);
    a = nullptr;
  }
  if (a != nullptr) return request_known(*a, demand, now);
  if (demand.pin.value != 0) return refuse(ErrorCode::gone);
  if (!demand.starts) return refuse(ErrorCode::not_running);
  return {What::start, &insert(hash, type, key), ErrorCode::ok, Duration{0}, false, For::start};
}

Verdict ActivationTable::request_known(Activation& a, const Demand& demand, Instant now) {
  const bool is_that_start = demand.pin == a.fence && (a.state != State::starting || a.begun);
  const bool pinned_elsewhere = demand.pin.value != 0 && !is_that_start;
  if (pinned_elsewhere) return refuse(ErrorCode::gone, &a);
  switch (a.state) {
    case State::starting:
      return while_starting(a, demand);
    case State::live:
      return while_live(a, demand);
    case State::restarting:
      return while_restarting(a, demand, now);
    case State::stopping:
      return while_stopping(a, demand);
    case State::down:
      if (demand.op == Op::stop) {
        enter(a, State::stopping);
        return {What::stop, &a, ErrorCode::ok, Duration{0}, false, For::stop};
      }
      return refuse(ErrorCode::crash_loop, &a, a.due() - now);
  }
  return refuse(ErrorCode::internal);
}

Verdict ActivationTable::while_starting(Activation& a, const Demand& demand) const {
  if (demand.op == Op::stop) {
    const Verdict verdict = bounded_wait(a, For::stop);
    if (verdict.what == What::wait) a.stop_requested = true;
    return verdict;
  }
  const bool retry = demand.origin && demand.origin == a.starter;
  // A repeat of the request that has begun this start waits for this one, and not for another behind its end.
  if (!a.stop_requested || retry) return bounded_wait(a, For::start);
  return demand.starts ? bounded_wait(a, For::next) : refuse(ErrorCode::not_running, &a);
}

Verdict ActivationTable::while_live(Activation& a, const Demand& demand) {
  if (wire::is_message(demand.op)) return {What::deliver, &a, ErrorCode::ok, Duration{0}, false, For::start};
  if (demand.op == Op::stop) {
    close(a);
    return {What::stop, &a, ErrorCode::ok, Duration{0}, false, For::stop};
  }
  const bool retry = demand.origin && demand.origin == a.starter;
  if (demand.op == Op::start && !retry) return refuse(ErrorCode::already_started, &a);
  return {What::found, &a, ErrorCode::ok, Duration{0}, retry && demand.starts, For::start};
}

Verdict ActivationTable::while_restarting(Activation& a, const Demand& demand, Instant now) {
  if (demand.pin.value != 0) return refuse(ErrorCode::gone, &a);
  if (demand.op == Op::stop) {
    // Nothing runs. Those who may start an actor get one of their own after the stop; the others have none to find, and a
    // repeat of the request that had started it finds that it has done so.
    WaiterList waiters = std::move(a.waiters);
    while (Waiter* w = waiters.pop()) {
      const bool retry = w->origin && w->origin == a.starter;
      if (w->starts && !retry) w->waits_for = For::next;
      a.waiters.push(w);
    }
    enter(a, State::stopping);
    return {What::stop, &a, ErrorCode::ok, Duration{0}, false, For::stop};
  }
  if (demand.fail_if_restarting || a.due() >= demand.deadline) return refuse(ErrorCode::restarting, &a, a.due() - now);
  return bounded_wait(a, For::start);
}

Verdict ActivationTable::while_stopping(Activation& a, const Demand& demand) {
  if (demand.op == Op::stop) return {What::wait, &a, ErrorCode::ok, Duration{0}, false, For::stop};
  // Here already, since one that waited for the end would start another one then.
  const bool retry = demand.origin && demand.origin == a.starter;
  if (retry && !wire::is_message(demand.op)) return {What::repeated, &a, ErrorCode::ok, Duration{0}, true, For::start, a.fence};
  if (demand.pin.value != 0) return refuse(ErrorCode::gone, &a);
  if (!demand.starts) return refuse(ErrorCode::not_running, &a);
  return {What::wait, &a, ErrorCode::ok, Duration{0}, false, For::next};
}

Verdict ActivationTable::bounded_wait(Activation& a, For waits_for) const {
  if (a.waiters.size() >= options_.waiters_max) return refuse(ErrorCode::overloaded, &a);
  return {What::wait, &a, ErrorCode::ok, Duration{0}, false, waits_for};
}

void ActivationTable::wait(const Verdict& verdict, Waiter* waiter) {
  Activation& a = *verdict.activation;
  waiter->waits_for = verdict.waits_for;
  waiter->begins = verdict.what == What::start;
  if (waiter->begins) a.starter = waiter->origin;
  if (a.waiters.empty()) list_waiting(a);
  a.waiters.push(waiter);
}

// Events of an actor

bool ActivationTable::begin_start(Activation& a, Instant now) {
  REKI_ASSERT(a.state == State::starting);
  Slot& slot = slot_of_entry(a);
  if (!(a.restart || find_beginner(a, now)) || slot.starts == std::numeric_limits<std::uint32_t>::max()) return false;
  a.begun = true;
  a.fence.store(Fence::make(slot.acquired, StartNumber{++slot.starts}), std::memory_order_release);
  return true;
}

bool ActivationTable::find_beginner(Activation& a, Instant now) {
  const auto waits = [&](const Waiter& w) { return w.waits_for == For::start && w.starts && w.deadline > now; };
  Waiter* const last = a.waiters.first([](const Waiter& w) { return w.begins; });
  if (last != nullptr && waits(*last)) return true;
  if (last != nullptr) last->begins = false;
  Waiter* const next = a.waiters.first(waits);
  if (next == nullptr) return false;
  next->begins = true;
  a.starter = next->origin;
  if (!a.starter) return true;
  // Repeats of its request wait for this start as well, and not for one of their own behind it.
  WaiterList waiters = std::move(a.waiters);
  while (Waiter* w = waiters.pop()) {
    if (w->waits_for == For::next && w->origin == a.starter) w->waits_for = For::start;
    a.waiters.push(w);
  }
  return true;
}

WaiterList ActivationTable::started(Activation& a, Instant now) {
  REKI_ASSERT(a.state == State::starting);
  if (a.restart) ++crashes_of(a).restarts;
  a.used.store(now.ns, std::memory_order_relaxed);
  WaiterList out = release(a, [](const Waiter& w) { return w.waits_for == For::start; });
  // One that is to stop is at no moment live to those who look without the lock.
  enter(a, std::exchange(a.stop_requested, false) ? State::stopping : State::live);
  a.restart = false;
  return out;
}

ActivationTable::After ActivationTable::start_failed(Activation& a, std::string text, Instant now) {
  REKI_ASSERT(a.state == State::starting);
  const bool supervised = a.restart && !a.stop_requested;
  After out;
  out.released = release(a, [](const Waiter& w) { return w.waits_for != For::next; });
  a.stop_requested = false;
  if (!a.restart) a.starter = {};  // it has started nothing, and may be repeated
  out.next = supervised ? decide_restart(a, ExitKind::crashed, std::move(text), now) : start_again_or_erase(a);
  return out;
}

ActivationTable::After ActivationTable::ended(Activation& a, ExitKind kind, std::string text, Instant now) {
  REKI_ASSERT(a.state == State::live || a.state == State::stopping);
  const bool stop_wanted = a.waiters.any([](const Waiter& w) { return w.waits_for == For::stop; });
  if (stop_wanted) return stopped(a);
  After out;
  out.next = decide_restart(a, kind, std::move(text), now);
  out.released = release(a, [](const Waiter& w) { return w.waits_for == For::next; });
  return out;
}

ActivationTable::Next ActivationTable::decide_restart(Activation& a, ExitKind kind, std::string text, Instant now) {
  Activation::CrashRecord& crashes = crashes_of(a);
  if (!text.empty()) crashes.last_error = std::move(text);
  const auto decision = decide(options_.policies[a.type.value], crashes.history, now, kind);
  crashes.due = decision.until;
  switch (decision.what) {
    case RestartDecision::What::restart:
      a.restart = true;
      if (decision.wait > Duration{0}) {
        enter(a, State::restarting);
        return Next::nothing;
      }
      enter(a, State::starting);
      return Next::start;
    case RestartDecision::What::give_up:
      a.restart = false;
      enter(a, State::down);
      return Next::nothing;
    case RestartDecision::What::drop:
      break;
  }
  return start_again_or_erase(a);
}

void ActivationTable::stop_when_started(Activation& a) {
  REKI_ASSERT(a.state == State::starting);
  a.stop_requested = true;
}

void ActivationTable::close(Activation& a) {
  REKI_ASSERT(a.state == State::live);
  enter(a, State::stopping);
}

ActivationTable::After ActivationTable::stopped(Activation& a) {
  REKI_ASSERT(a.state == State::stopping);
  After out;
  out.released = release(a, [&](const Waiter& w) {
    if (w.waits_for == For::stop) ended_requests_.note(w.origin, a.fence);
    return w.waits_for != For::next;
  });
  out.next = start_again_or_erase(a);
  return out;
}

ActivationTable::Next ActivationTable::start_again_or_erase(Activation& a) {
  a.restart = false;
  ended_requests_.note(std::exchange(a.starter, {}), a.fence);
  if (a.crashes) a.crashes->history = {};
  if (a.waiters.empty()) return Next::erase;
  WaiterList waiters = std::move(a.waiters);
  bool first = true;
  while (Waiter* w = waiters.pop()) {
    REKI_ASSERT(w->waits_for == For::next);
    w->waits_for = For::start;
    w->begins = std::exchange(first, false);
    if (w->begins) a.starter = w->origin;
    a.waiters.push(w);
  }
  enter(a, State::starting);
  return Next::start;
}

bool ActivationTable::restart_due(Activation& a, Instant now) {
  if (a.state != State::restarting || now < a.due()) return false;
  enter(a, State::starting);
  return true;
}

WaiterList ActivationTable::abandon(Activation& a) {
  if (a.state == State::starting && !a.restart) a.starter = {};  // as in start_failed
  return release(a, [](const Waiter&) { return true; });
}

void ActivationTable::erase(Activation& a) {
  REKI_ASSERT(a.waiters.empty());
  REKI_ASSERT(a.cell == nullptr);
  unlist(a);
  leave_slot(a);
  if (is_running(a)) --types_[a.type.value].count;
  if (a.state == State::down) down_.erase(&a);
  ended_requests_.note(a.starter, a.fence);
  index_.erase(a, retired_);
}

RetiredActivations ActivationTable::take_retired() { return std::exchange(retired_, {}); }

template <class Predicate>
WaiterList ActivationTable::release(Activation& a, Predicate chosen) {
  if (a.waiters.empty()) return {};
  WaiterList out = a.waiters.take_if(chosen);
  if (a.waiters.empty()) leave_listed(a);
  return out;
}

Activation& ActivationTable::insert(std::uint64_t hash, TypeIndex type, std::string_view key) {
  Activation* const a = make_activation(hash, type, key);
  slot_of_entry(*a).entries.push_front(*a);
  index_.insert(*a, retired_);
  ++types_[type.value].count;
  return *a;
}

Activation::CrashRecord& ActivationTable::crashes_of(Activation& a) {
  if (!a.crashes) a.crashes = std::make_unique<Activation::CrashRecord>();
  return *a.crashes;
}

void ActivationTable::enter(Activation& a, State state) {
  unlist(a);
  if (a.state == State::down) down_.erase(&a);
  types_[a.type.value].count -= is_running(a) ? 1 : 0;
  a.begun = false;
  a.state.store(state, std::memory_order_release);
  types_[a.type.value].count += is_running(a) ? 1 : 0;
  REKI_ASSERT(state != State::live || a.waiters.empty());
  if (state == State::down) down_.insert(&a);
  if (state == State::live) {
    list_by_use(a);
    ++types_[a.type.value].live;
  }
}

// Time

WaiterList ActivationTable::expire(Instant now) {
  WaiterList out;
  for (Activation* next = waiting_.first(); next != nullptr;) {
    Activation& a = *std::exchange(next, waiting_.after(*next));
    WaiterList late = release(a, [&](const Waiter& w) { return w.deadline <= now; });
    while (Waiter* w = late.pop()) out.push(w);
  }
  return out;
}

std::size_t ActivationTable::forget_crash_loops(Instant now) {
  std::vector<Activation*> over;
  for (Activation* a : down_) {
    if (now >= a->due()) over.push_back(a);
  }
  for (Activation* a : over) erase(*a);
  return over.size();
}

// Use

void ActivationTable::list_by_use(Activation& a) {
  // The list is in order of `listed_use`, which is never later than `used`; so an oldest one whose use is as listed is
  // the least recently used. The walk to its place is short, since what is listed was mostly used just now, and bounded
  // for when it is not: then the order is off by a little.
  constexpr int steps_max = 32;
  ListedActivations& by_use = types_[a.type.value].by_use;
  a.listed_use = a.used.load(std::memory_order_relaxed);
  Activation* older = by_use.empty() ? nullptr : &by_use.back();
  for (int i = 0; i < steps_max && older != nullptr && older->listed_use > a.listed_use; ++i) older = by_use.before(*older);
  if (older != nullptr) {
    by_use.insert_after(*older, a);
  } else {
    by_use.push_front(a);
  }
}

void ActivationTable::unlist(Activation& a) {
  if (a.state != State::live) return;
  leave_listed(a);
  --types_[a.type.value].live;
}

void ActivationTable::list_waiting(Activation& a) {
  REKI_ASSERT(a.state != State::live);
  waiting_.push_front(a);
}

Activation* ActivationTable::least_recently_used(TypeIndex type) {
  Type& t = types_[type.value];
  constexpr std::size_t steps_max = 64;  // its caller holds a lock
  for (std::size_t steps = std::min(t.live, steps_max); steps > 0; --steps) {
    Activation* const oldest = t.by_use.first();
    if (oldest == nullptr || oldest->used.load(std::memory_order_relaxed) == oldest->listed_use) return oldest;
    unlist(*oldest);
    list_by_use(*oldest);
    ++t.live;
  }
  return t.by_use.first();
}

}  // namespace reki
