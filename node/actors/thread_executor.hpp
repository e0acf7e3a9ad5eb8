#pragma once

#include <thread>

#include "reki/core/base/cond_var.hpp"
#include "reki/node/actors/executor.hpp"
#include "reki/node/actors/workers.hpp"

namespace reki {

/// Actors on threads, as in production: a pool of workers, a pool for what blocks, and a thread for the upkeep.
class ThreadExecutor final : public Executor {
 public:
  struct Options {
    int workers = 0;                 ///< 0: one a core that the process may use.
    int blocking_threads_max = 256;  ///< More for what blocks: that pool's, and those that stand in for workers.
  };
  explicit ThreadExecutor(Options options);
  ~ThreadExecutor() override { stop_upkeep(); }

  void start(Upkeep upkeep, std::weak_ptr<void> keep_alive) override;
  void schedule(std::span<Turn* const> turns, Pool pool) override { pool_of(pool).schedule(turns); }
  void schedule_last(Turn* turn, Pool pool) override { pool_of(pool).schedule_last(turn); }
  void hurry() override;
  bool watch(Instant now) override;
  bool stop(Instant deadline) override;
  bool wait_until(const std::function<bool()>& done, Instant until) override;

 private:
  Workers& pool_of(Pool pool) { return pool == Pool::workers ? workers_ : blocking_; }
  void keep_up();
  void stop_upkeep();

  Workers workers_;
  Workers blocking_;
  Upkeep upkeep_;
  Mutex joining_;  ///< Several may stop it at once, and a thread is joined once.
  std::thread upkeep_thread_ ABSL_GUARDED_BY(joining_);
  Mutex mutex_;
  CondVar changed_;
  bool hurried_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace reki
