#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "reki/actor/watch.hpp"

namespace test {

/// What a watch has told, as lines like "stopped(passivated) k @n1", for one thread that waits for them.
class WatchTale {
 public:
  /// The callback. The Watch must go before this.
  reki::WatchCallback callback() {
    return [this](const reki::WatchEvent& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    };
  }
  /// The lines since the last call, once there are that many; fewer after a long time.
  std::vector<std::string> take(std::size_t count) {
    std::vector<std::string> out;
    for (const auto& event : take_events(count)) out.push_back(line(event));
    return out;
  }
  std::vector<reki::WatchEvent> take_events(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return events_.size() >= count; });
    return std::exchange(events_, {});
  }
  /// The events since the last call up to the first of that kind, once it is there; all of them after a long time.
  std::vector<reki::WatchEvent> take_until(reki::WatchKind kind) {
    std::unique_lock lock(mutex_);
    const auto found = [&] { return std::ranges::find(events_, kind, &reki::WatchEvent::kind); };
    changed_.wait_for(lock, patience, [&] { return found() != events_.end(); });
    const auto end = found() == events_.end() ? found() : std::next(found());
    std::vector<reki::WatchEvent> out(events_.begin(), end);
    events_.erase(events_.begin(), end);
    return out;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return events_.size();
  }

  static std::string line(const reki::WatchEvent& event) {
    std::string out{name_of(event.kind)};
    if (event.reason != reki::WatchReason::none) out += "(" + std::string{name_of(event.reason)} + ")";
    if (!event.key.empty()) out += " " + event.key;
    if (!event.node.value.empty()) out += " @" + event.node.value;
    if (!event.other.value.empty()) out += " <>" + event.other.value;
    return out;
  }

 private:
  static constexpr std::chrono::seconds patience{30};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<reki::WatchEvent> events_;
};

}  // namespace test
