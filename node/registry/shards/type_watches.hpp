#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "reki/actor/answer.hpp"
#include "reki/core/base/mutex.hpp"
#include "reki/core/watch/watch_hub.hpp"
#include "reki/node/actors/actor.hpp"

namespace reki {

class Effects;

/// What watchers are told of an actor's end.
[[nodiscard]] WatchReason watch_reason(StopReason reason);

/// The watchers of one type on this node: its WatchHub behind a lock, and where the answers go.
///
/// Any thread; its lock comes after a shard's. Answers are left to `effects`, since they run callers' code.
class TypeWatches {
 public:
  struct Question final : WatchQuestion {
    Completion done;
  };

  explicit TypeWatches(Incarnation incarnation) : hub_(incarnation, {}) {}

  /// False: publish() has no effect; this load is all that an unwatched type costs. With the lock of a key's shard it is
  /// seen as set after a question about the key, or after a list that followed a question about the type.
  [[nodiscard]] bool wanted() const { return wanted_.load(std::memory_order_relaxed); }
  void publish(WatchEvent event, Effects& effects);
  void ask(std::unique_ptr<Question> question, const WatchHub::Present& present, Instant now, Effects& effects);
  void tick(Instant now, Effects& effects);
  void release(const std::function<bool(std::uint64_t hash)>& chosen, Effects& effects);
  void gain(const SlotSet& slots, Effects& effects);
  void abandon(Effects& effects);
  void hold_back(Effects& effects);
  void close(WatchEvent ended, Effects& effects);

 private:
  /// Runs `decide(hub, answers)` under the lock.
  template <class Decide>
  void decide(Effects& effects, Decide decide);

  std::atomic<bool> wanted_{false};  // hub_.recording()
  Mutex mutex_;
  WatchHub hub_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace reki
