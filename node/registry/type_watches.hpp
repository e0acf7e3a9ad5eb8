#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "reki/actor/answer.hpp"
#include "reki/core/watch/watch_desk.hpp"

namespace reki {

class Followups;

/// The watchers of one type on this node: its WatchDesk behind a lock, and where the answers go.
///
/// Any thread; its lock comes after a shard's. Answers are left to `followups`, since they run callers' code.
class TypeWatches {
 public:
  struct Question final : WatchQuestion {
    Completion done;
  };

  explicit TypeWatches(Incarnation incarnation) : desk_(incarnation, {}) {}

  /// Whether publish() is of any use: all that a type costs that nobody watches. Who has the lock of a key's shard sees
  /// what a question about the key, or a list after a question about the type, has set.
  [[nodiscard]] bool wanted() const { return wanted_.load(std::memory_order_relaxed); }
  void publish(WatchEvent event, Followups& followups);
  void ask(std::unique_ptr<Question> question, const WatchDesk::Present& present, Instant now, Followups& followups);
  void tick(Instant now, Followups& followups);
  void release(const std::function<bool(std::uint64_t hash)>& chosen, Followups& followups);
  void gain(const SlotSet& slots, Followups& followups);
  void abandon(Followups& followups);
  void hold_back(Followups& followups);
  void close(WatchEvent ended, Followups& followups);

 private:
  /// Runs `decide(desk, answers)` under the lock.
  template <class Decide>
  void decide(Followups& followups, Decide decide);

  std::atomic<bool> wanted_{false};  // desk_.recording()
  std::mutex mutex_;
  WatchDesk desk_;  // guarded by mutex_
};

}  // namespace reki
