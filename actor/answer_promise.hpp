#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "reki/actor/answer.hpp"

namespace reki {

/// Where a blocked caller and its answer meet. Shared, because either may give up or arrive last.
class AnswerPromise {
 public:
  /// Whoever brings the answer; once.
  static Completion completion(std::shared_ptr<AnswerPromise> promise) {
    return Completion::of([promise = std::move(promise)](Answer&& answer) { promise->arrive(std::move(answer)); });
  }
  [[nodiscard]] bool has_arrived() const { return has_arrived_.load(std::memory_order_acquire); }
  /// The caller. False: nothing came within `patience`.
  [[nodiscard]] bool wait(Duration patience) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, patience, [this] { return has_arrived(); });
  }
  /// REQUIRES: it has arrived.
  Answer take() { return std::move(answer_); }

 private:
  void arrive(Answer&& answer) {
    {
      const std::lock_guard lock(mutex_);
      answer_ = std::move(answer);
      has_arrived_.store(true, std::memory_order_release);
    }
    arrived_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::atomic<bool> has_arrived_ = false;
  Answer answer_;  // constant once it has arrived
};

}  // namespace reki
