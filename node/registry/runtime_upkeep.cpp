// The runtime's upkeep: what happens with time, with caps, and at the end.
#include <algorithm>
#include <iterator>
#include <utility>

#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {

using State = Activation::State;

// Time

bool Runtime::tick(Instant at) {
  coarse_now_.store(at.ns, std::memory_order_relaxed);
  const bool turns_run = executor->watch(at);
  bool anybody_waits = false;
  for (Shard& shard : shards_) {
    Effects effects;
    {
      const std::lock_guard lock(shard.mutex);
      anybody_waits = anybody_waits || shard.table->has_waiters() || !shard.parked.empty();
      if (shard.table->has_waiters()) expire_locked(shard, at, ErrorCode::deadline_exceeded, effects);
      expire_parked_locked(shard, at, ErrorCode::deadline_exceeded, effects);
      shard.table->forget_crash_loops(at);
      sweep_idle(shard, at, effects);
      retired_.entries.append(shard.table->take_retired());
    }
    effects.run(*this);
  }
  reclaim();
  tick_watches(at);
  return turns_run || anybody_waits;
}

void Runtime::retire(std::vector<std::unique_ptr<ActorCell>> cells) {
  const std::lock_guard lock(retired_mutex_);
  std::ranges::move(cells, std::back_inserter(retired_cells_));
}

void Runtime::reclaim() {
  {
    const std::lock_guard lock(retired_mutex_);
    std::ranges::move(retired_cells_, std::back_inserter(retired_.cells));
    retired_cells_.clear();
  }
  if (!retired_earlier_.empty() && retired_until_.is_over()) retired_earlier_ = {};
  if (!retired_earlier_.empty() || retired_.empty()) return;
  retired_earlier_ = std::exchange(retired_, {});
  retired_until_ = RcuGracePeriod::begin();
}

void Runtime::expire_locked(Shard& shard, Instant at, ErrorCode code, Effects& effects) {
  WaiterList late = shard.table->expire(at);
  while (Waiter* w = late.pop()) {
    EnvelopePtr envelope{static_cast<Envelope*>(w)};
    counters.expired.fetch_add(1, std::memory_order_relaxed);
    effects.answer(std::move(envelope->done), Answer{Error{code}});
  }
}

void Runtime::sweep_idle(Shard& shard, Instant at, Effects& effects) {
  constexpr int at_once = 64;  // bounds how long a shard's lock is held
  for (TypeEntry& type : types_) {
    const Duration idle = type.type.options.idle;
    if (idle <= Duration{0}) continue;
    // What is listed as used lately need not be looked at; so an actor is touched at most once in its idle time.
    for (int i = 0; i < at_once && at.ns - shard.table->oldest_listed_use(type.index) >= idle.count(); ++i) {
      Activation* a = shard.table->least_recently_used(type.index);
      if (at - Instant{a->used.load(std::memory_order_relaxed)} < idle) continue;
      if (!try_passivate_locked(shard, *a, at, effects)) a->used.store(at.ns, std::memory_order_relaxed);
    }
  }
}

bool Runtime::try_passivate_locked(Shard& shard, Activation& a, Instant, Effects& effects) {
  // Idle: no message waits and no turn runs. One that comes without the lock before the mailbox closes is handled first.
  if (!cell_of(a).is_idle()) return false;
  shard.table->close(a);
  if (cell_of(a).push_stop(StopReason::passivated, Instant::never())) effects.schedule(&cell_of(a));
  return true;
}

// Caps

void Runtime::passivate_oldest(TypeEntry& type) {
  // The oldest of each shard's oldest. Between looking and taking another may have become the oldest; that is as good.
  for (int tries = 0; tries < 4; ++tries) {
    Shard* oldest_shard = nullptr;
    std::int64_t oldest_use = INT64_MAX;
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      const Activation* a = shard.table->least_recently_used(type.index);
      if (a != nullptr && a->listed_use < oldest_use) {
        oldest_use = a->listed_use;
        oldest_shard = &shard;
      }
    }
    if (oldest_shard == nullptr) return;
    Effects effects;
    bool done = false;
    {
      const std::lock_guard lock(oldest_shard->mutex);
      Activation* a = oldest_shard->table->least_recently_used(type.index);
      if (a != nullptr) {
        done = try_passivate_locked(*oldest_shard, *a, clock.now(), effects);
        if (!done) a->used.store(clock.now().ns, std::memory_order_relaxed);  // busy, so in use
      }
    }
    effects.run(*this);
    if (done) return;
  }
}

// The end

bool Runtime::close(Duration grace) {
  const Instant deadline = clock.now() + grace;
  if (gate.close()) {
    hold_back_watches();
    stop_everything();
  }
  resume();  // what stands still at the gate has to be told
  executor->wait_until([this] { return actors() == 0; }, deadline);
  const Instant last = std::max(deadline, clock.now() + std::chrono::milliseconds(100));
  const bool all = executor->stop(last);
  timers.finish();
  for (Shard& shard : shards_) {
    Effects effects;
    {
      const std::lock_guard lock(shard.mutex);
      expire_locked(shard, Instant::never(), ErrorCode::shutting_down, effects);
      expire_parked_locked(shard, Instant::never(), ErrorCode::shutting_down, effects);
    }
    effects.run(*this);
  }
  close_watches();
  return all;
}

void Runtime::stop_everything() {
  struct Found {
    std::uint64_t born;
    KeyName key;
  };
  std::vector<Found> all;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (std::uint32_t slot = 0; slot < slot_count; ++slot) {
      if (&shard_of(slot) != &shard) continue;
      for (Activation* a = shard.table->first_in(SlotId{static_cast<std::uint16_t>(slot)}); a != nullptr; a = shard.table->next_in_slot(*a)) {
        all.push_back({a->cell != nullptr ? cell_of(*a).born() : 0, name_of(*a)});
      }
    }
  }
  // The youngest first: what was started later may lean on what was there before.
  std::ranges::sort(all, std::greater{}, &Found::born);
  for (const auto& found : all) {
    Shard& shard = shard_of(found.key.hash);
    Effects effects;
    {
      const std::lock_guard lock(shard.mutex);
      EnvelopePtr stop{new LookupEnvelope};
      stop->op = wire::Op::stop;
      readmit_locked(shard, found.key, std::move(stop), clock.now(), effects);
    }
    effects.run(*this);
  }
}

std::size_t Runtime::actors() const {
  std::size_t out = 0;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const TypeEntry& type : types_) out += shard.table->count(type.index);
  }
  return out;
}

RuntimeStats Runtime::stats() const {
  RuntimeStats out;
  out.actors = actors();
  out.lookups = lookups_.total();
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    out.lookups += shard.lookups;
  }
  const auto read = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
  out.starts = read(counters.starts);
  out.start_failures = read(counters.start_failures);
  for (const Tally& tally : tallies) out.messages += read(tally.messages);
  out.crashes = read(counters.crashes);
  out.restarts = read(counters.restarts);
  out.stops = read(counters.stops);
  out.passivations = read(counters.passivations);
  out.expired = read(counters.expired);
  out.overloaded = read(counters.overloaded);
  return out;
}

}  // namespace reki
