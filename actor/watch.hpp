#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "reki/core/base/mutex.hpp"
#include "reki/core/watch/watch.hpp"

namespace reki {

/// Gets the events of a watch, one at a time, in order. Must not block. What it throws is counted and logged (reki/registry.hpp).
using WatchCallback = std::function<void(const WatchEvent&)>;

/// Where the events of one watch go until it is cancelled. Shared by the watch's owner and by whoever has events.
class WatchSink {
 public:
  explicit WatchSink(WatchCallback callback) : callback_(std::move(callback)) {}

  /// One thread at a time.
  void deliver(const WatchEvent& event);
  /// Any thread. The callback does not run after it, unless it is what runs this.
  void cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> cancelled_{false};
  std::atomic<std::thread::id> delivering_{};
  Mutex mutex_;  // held while the callback runs
  WatchCallback callback_ ABSL_GUARDED_BY(mutex_);
};

/// A watch that goes on until this is destroyed: after that the callback is not called any more, and what it holds is
/// released.
///
/// To be destroyed anywhere, in the callback too; elsewhere it waits for a callback that runs. May outlive its registry.
class [[nodiscard]] Watch {
 public:
  Watch() = default;
  explicit Watch(std::shared_ptr<WatchSink> sink) : sink_(std::move(sink)) {}
  Watch(Watch&& other) noexcept = default;
  Watch& operator=(Watch&& other) noexcept {
    auto taken = std::exchange(other.sink_, nullptr);
    cancel();
    sink_ = std::move(taken);
    return *this;
  }
  ~Watch() { cancel(); }

  void cancel() {
    if (sink_) std::exchange(sink_, nullptr)->cancel();
  }

 private:
  std::shared_ptr<WatchSink> sink_;
};

}  // namespace reki
