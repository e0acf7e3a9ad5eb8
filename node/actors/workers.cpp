#include "reki/node/actors/workers.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "reki/actor/registry.hpp"
#include "reki/net/clock.hpp"

namespace reki {

namespace {

/// So many turns a thread takes one after the other that it has made itself, before it looks what else there is.
constexpr int own_turns_max = 4;

/// What it takes to wake a thread, about.
constexpr Duration look_out_time = std::chrono::microseconds(10);

/// Lets another hardware thread of the core have it for some nanoseconds.
void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

}  // namespace

constinit thread_local Workers::Here Workers::here{};

void Workers::start(std::weak_ptr<void> keep_alive) {
  const MutexLock lock(mutex_);
  keep_alive_ = std::move(keep_alive);
  wanted_ = options_.threads;
  while (alive_ < wanted_) spawn_locked();
}

void Workers::spawn_locked() {
  auto seat = std::make_shared<Seat>();
  seats_.push_back(seat);
  ++alive_;
  seat->thread = std::thread([this, seat, keep = keep_alive_.lock()] { work(seat); });
}

void Workers::schedule(std::span<Turn* const> turns) {
  if (turns.size() != 1 || !keep_for_itself(turns.front())) enqueue(turns);
}

void Workers::schedule_last(Turn* turn) {
  const bool others_wait = queue_.size() != 0;
  if (others_wait || !keep_for_itself(turn)) enqueue(std::span(&turn, 1));
}

/// True if the present thread is the pool's and takes the turn next.
bool Workers::keep_for_itself(Turn* turn) {
  if (here.pool != this || options_.threads == 0) return false;
  Turn* none = nullptr;
  return here.seat->own.compare_exchange_strong(none, turn, std::memory_order_acq_rel);
}

void Workers::enqueue(std::span<Turn* const> turns) {
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    for (Turn* const turn : turns) {
      queue_.push(turn);
      // A pool without threads of its own makes one for each turn that finds nobody waiting for it.
      const bool on_demand = options_.threads == 0 && queue_.size() > static_cast<std::size_t>(sleepers_.count);
      if (on_demand && alive_ < options_.threads_max && !stopping_) spawn_locked();
    }
    wake = claim_wake_locked();
  }
  if (wake) work_.notify_one();
}

bool Workers::claim_wake_locked() {
  if (queue_.empty() || sleepers_.count == 0 || sleepers_.waking || sleepers_.looking_out) return false;
  sleepers_.waking = true;
  sleepers_.comes_soon = boot_time() - sleepers_.since < look_out_time;
  return true;
}

/// True if there is a turn now.
bool Workers::look_out() {
  if (!sleepers_.comes_soon || sleepers_.looking_out || stopping_ || options_.threads == 0) return false;
  sleepers_.looking_out = true;
  mutex_.unlock();
  const Instant until = boot_time() + look_out_time;
  while (queue_.size() == 0 && boot_time() < until) {
    for (int i = 0; i < 8; ++i) pause_briefly();
  }
  mutex_.lock();
  sleepers_.looking_out = false;
  sleepers_.comes_soon = !queue_.empty();
  return sleepers_.comes_soon;
}

/// False: nobody has woken it for as long as a thread too many stays.
bool Workers::sleep() {
  sleepers_.since = boot_time();
  ++sleepers_.count;
  const bool woken = work_.wait_for(mutex_, options_.idle_exit);
  --sleepers_.count;
  sleepers_.waking = false;
  return woken;
}

Turn* Workers::next(DeferredWakeups& wakeups) {
  while (true) {
    const bool surplus = alive_ > std::max(wanted_, options_.threads);
    if (!queue_.empty() && !(surplus && options_.threads > 0)) return queue_.pop();
    if (wakeups.any()) {
      mutex_.unlock();
      wakeups.flush();
      mutex_.lock();
      continue;
    }
    if (stopping_ && queue_.empty()) return nullptr;
    if (surplus && options_.threads > 0) return nullptr;
    if (look_out()) continue;
    const bool woken = sleep();
    if (!woken && surplus && queue_.empty()) return nullptr;
  }
}

void Workers::work(const std::shared_ptr<Seat>& seat) {
  // A pool for what blocks may block; a pool of workers must not wait for its own actors.
  detail::on_worker_thread = options_.threads > 0;
  here = {this, seat.get()};
  // Where turns are long, or wait for others, nobody is kept waiting for more of them.
  std::optional<DeferredWakeups::Here> defers;
  if (options_.threads > 0) defers.emplace(seat->wakeups);
  const MutexLock lock(mutex_);
  while (Turn* turn = next(seat->wakeups)) {
    const bool more = claim_wake_locked();
    mutex_.unlock();
    if (more) work_.notify_one();
    for (int i = 0; turn != nullptr; ++i) {
      const std::uint64_t turns = seat->turns.load(std::memory_order_relaxed);
      seat->turns.store(turns + 1, std::memory_order_relaxed);
      turn->run();
      seat->turns.store(turns + 2, std::memory_order_relaxed);
      turn = i < own_turns_max ? seat->take_own() : nullptr;
    }
    mutex_.lock();
    if (Turn* const own = seat->take_own()) queue_.push(own);
  }
  if (std::erase(seats_, seat) > 0) left_.push_back(seat);
  --alive_;
  // It may have been woken for work that it leaves to the others, who must hear of it then.
  if (!queue_.empty()) work_.notify_one();
  ended_.notify_all();
}

bool Workers::watch(Instant at) {
  Seats left;
  bool wake = false;
  bool busy = false;
  {
    const MutexLock lock(mutex_);
    left.swap(left_);
    for (const auto& seat : seats_) seat->wakeups.flush_for_it();
    const auto blocked = std::ranges::count_if(seats_, [&](const auto& seat) {
      const std::uint64_t turns = seat->turns.load(std::memory_order_relaxed);
      const bool runs = turns % 2 != 0;
      const bool same = turns == std::exchange(seat->seen, turns);
      if (!same) seat->seen_since = at;
      busy = busy || runs;
      if (!runs || !same) return false;
      if (Turn* const own = seat->take_own()) queue_.push(own);
      return at - seat->seen_since >= options_.blocked_after;
    });
    // Two for each blocked one: where some block others are about to, and a queue of slow starts is through in a few
    // looks instead of two at a time.
    if (options_.threads > 0) wanted_ = std::min(options_.threads + 2 * static_cast<int>(blocked), options_.threads_max);
    while (alive_ < wanted_ && !queue_.empty() && !stopping_) spawn_locked();
    wake = claim_wake_locked();
    busy = busy || !queue_.empty();
  }
  if (wake) work_.notify_one();
  join(left);
  return busy;
}

bool Workers::stop(Instant deadline) {
  Seats left;
  bool all = false;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    all = ended_.wait_for(mutex_, std::max(Duration{0}, deadline - boot_time()), [&] { return alive_ == 0; });
    left.swap(left_);
    for (const auto& seat : seats_) seat->thread.detach();
    seats_.clear();
  }
  join(left);
  return all;
}

void Workers::join(const Seats& left) {
  for (const auto& seat : left) seat->thread.join();
}

}  // namespace reki
