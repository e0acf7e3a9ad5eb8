#include "reki/node/actors/thread_executor.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace reki {

namespace {

/// As many as the cores that the process may use, which can be fewer than there are.
int worker_count(int wanted) {
  if (wanted > 0) return wanted;
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof usable, &usable) == 0) return std::max(1, CPU_COUNT(&usable));
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

Workers::Options worker_options(const ThreadExecutor::Options& options) {
  const int threads = worker_count(options.workers);
  return {.threads = threads, .threads_max = threads + options.blocking_threads_max};
}

}  // namespace

ThreadExecutor::ThreadExecutor(Options options)
    : Executor(Clock{}),
      workers_(worker_options(options)),
      blocking_({.threads = 0, .threads_max = std::max(1, options.blocking_threads_max)}) {}

void ThreadExecutor::start(Upkeep upkeep, std::weak_ptr<void> keep_alive) {
  upkeep_ = std::move(upkeep);
  workers_.start(keep_alive);
  blocking_.start(std::move(keep_alive));
  const MutexLock lock(joining_);
  upkeep_thread_ = std::thread([this] { keep_up(); });
}

void ThreadExecutor::hurry() {
  {
    const MutexLock lock(mutex_);
    hurried_ = true;
  }
  changed_.notify_one();
}

bool ThreadExecutor::watch(Instant now) {
  const bool workers_work = workers_.watch(now);
  const bool blocking_work = blocking_.watch(now);
  return workers_work || blocking_work;
}

void ThreadExecutor::keep_up() {
  const MutexLock lock(mutex_);
  while (!stopping_) {
    mutex_.unlock();
    const Duration pause = upkeep_(boot_time());
    mutex_.lock();
    changed_.wait_for(mutex_, pause, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || hurried_; });
    hurried_ = false;
  }
}

bool ThreadExecutor::stop(Instant deadline) {
  // The upkeep last: it has others stand in for turns that block.
  const bool workers_ended = workers_.stop(deadline);
  const bool blocking_ended = blocking_.stop(deadline);
  stop_upkeep();
  return workers_ended && blocking_ended;
}

void ThreadExecutor::stop_upkeep() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  const MutexLock lock(joining_);
  if (upkeep_thread_.joinable()) upkeep_thread_.join();
}

bool ThreadExecutor::wait_until(const std::function<bool()>& done, Instant until) {
  constexpr auto look_again = std::chrono::milliseconds(5);
  while (!done()) {
    if (boot_time() >= until) return false;
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

}  // namespace reki
