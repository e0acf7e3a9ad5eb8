#include "reki/node/actors/timers.hpp"

#include <vector>

namespace reki {

struct Timers::MessageTimer final : Entry {
  Timers& timers;
  std::uint64_t id;
  KeyName key;
  Fence start;
  EnvelopePtr message;

  MessageTimer(Timers& t, std::uint64_t i, KeyName k, Fence s, EnvelopePtr m)
      : timers(t), id(i), key(std::move(k)), start(s), message(std::move(m)) {}
  void fire(Instant) override {
    const auto self = timers.release(id);
    if (self) timers.callbacks_.message_due(key, start, std::move(message));
  }
};

struct Timers::RestartTimer final : Entry {
  Timers& timers;
  std::uint64_t id;
  KeyName key;

  RestartTimer(Timers& t, std::uint64_t i, KeyName k) : timers(t), id(i), key(std::move(k)) {}
  void fire(Instant) override {
    const auto self = timers.release(id);
    if (self) timers.callbacks_.restart_due(key);
  }
};

Duration Timers::step(Instant at) {
  {
    const MutexLock lock(mutex_);
    if (quiet_ticks_ >= quiet_ticks_min) resting_.store(true);
  }
  fire_due(at);
  const bool anything_goes_on = callbacks_.each_tick(at);
  const MutexLock lock(mutex_);
  const bool quiet = !anything_goes_on && wheel_.next() > at + resting_tick_;
  quiet_ticks_ = quiet ? quiet_ticks_ + 1 : 0;
  if (!quiet) resting_.store(false);
  return resting_.load() ? resting_tick_ : tick;
}

void Timers::wake() {
  const MutexLock lock(mutex_);
  wake_locked();
}

void Timers::wake_locked() {
  if (!resting_.exchange(false)) return;
  // To be woken costs as much as several ticks, so it does not rest between two requests.
  quiet_ticks_ = 0;
  executor_.hurry();
}

void Timers::fire_due(Instant at) {
  std::vector<Entry*> due;
  {
    const MutexLock lock(mutex_);
    wheel_.advance(at, [&](TimerHook& hook) { due.push_back(&static_cast<Entry&>(hook)); });
    // What is due can be cancelled no more, except those owned here, whose ids decide.
  }
  for (Entry* entry : due) entry->fire(at);
}

void Timers::add(Entry& entry, Instant due) {
  const MutexLock lock(mutex_);
  wheel_.add(entry, due);
  wake_locked();
}

bool Timers::remove(Entry& entry) {
  const MutexLock lock(mutex_);
  if (!entry.linked()) return false;
  wheel_.remove(entry);
  return true;
}

TimerId Timers::add_message(KeyName key, Fence start, EnvelopePtr message, Instant due) {
  const MutexLock lock(mutex_);
  const auto id = ++last_id_;
  auto timer = std::make_unique<MessageTimer>(*this, id, std::move(key), start, std::move(message));
  wheel_.add(*timer, due);
  owned_.emplace(id, std::move(timer));
  wake_locked();
  return TimerId{id};
}

void Timers::add_restart(KeyName key, Instant due) {
  const MutexLock lock(mutex_);
  const auto id = ++last_id_;
  auto timer = std::make_unique<RestartTimer>(*this, id, std::move(key));
  wheel_.add(*timer, due);
  owned_.emplace(id, std::move(timer));
  wake_locked();
}

std::unique_ptr<Timers::Entry> Timers::release(std::uint64_t id) {
  const MutexLock lock(mutex_);
  auto node = owned_.extract(id);
  return node.empty() ? nullptr : std::move(node.mapped());
}

bool Timers::cancel_message(TimerId id) {
  // A timer that is due already is unlinked and about to fire on its thread, which owns it then.
  std::unique_ptr<Entry> cancelled;
  const MutexLock lock(mutex_);
  const auto found = owned_.find(id.value);
  if (found == owned_.end() || !found->second->linked()) return false;
  wheel_.remove(*found->second);
  cancelled = std::move(found->second);
  owned_.erase(found);
  return true;
}

bool Timers::is_pending(TimerId id) {
  const MutexLock lock(mutex_);
  return owned_.contains(id.value);
}

}  // namespace reki
