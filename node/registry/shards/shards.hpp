#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "reki/node/registry/shards/reclaimer.hpp"
#include "reki/node/registry/shards/shard.hpp"

namespace reki {

/// All shards of a registry. Takes their locks, one at a time, and does outside of them what was decided. Any thread.
class Shards {
 public:
  Shards(CellHost& host, RegistryTypes& types, const ClusterHooks* hooks);

  [[nodiscard]] Shard& of(std::uint64_t hash) { return all_[hash % slot_count % Shard::count]; }
  [[nodiscard]] Shard& of(SlotId slot) { return all_[slot.value % Shard::count]; }
  auto begin() { return all_.begin(); }
  auto end() { return all_.end(); }

  /// Decides with the lock of a key's shard held, and then sees to the effects: `decide(shard, effects)`.
  template <class Decide>
  auto with(std::uint64_t hash, Decide decide) {
    Effects effects;
    if constexpr (std::is_void_v<decltype(decide(of(hash), effects))>) {
      decide_locked(of(hash), effects, decide);
      effects.run(*this);
    } else {
      auto out = decide_locked(of(hash), effects, decide);
      effects.run(*this);
      return out;
    }
  }
  /// The same with each of them, one after the other.
  template <class Decide>
  void each(Decide decide) {
    for (Shard& shard : all_) {
      Effects effects;
      decide_locked(shard, effects, decide);
      effects.run(*this);
    }
  }

  /// Makes room under a type's cap.
  void passivate_oldest(TypeEntry& type);
  void reroute(const KeyName& key, EnvelopePtr request) const;
  /// Of keys with an entry, in all shards.
  [[nodiscard]] std::size_t size();
  /// Look-ups that took a lock.
  [[nodiscard]] std::uint64_t lookups();

  [[nodiscard]] CellHost& host() const { return context_.host; }
  [[nodiscard]] RegistryTypes& types() const { return context_.types; }
  [[nodiscard]] const ClusterHooks* hooks() const { return context_.hooks; }
  [[nodiscard]] Reclaimer& reclaimer() { return reclaimer_; }

 private:
  // Not looked into by the check, as clang 14 takes `decide` itself for its first argument: what is handed over says which lock it wants.
  template <class Decide>
  static auto decide_locked(Shard& shard, Effects& effects, Decide& decide) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const MutexLock lock(shard.mutex());
    return decide(shard, effects);
  }

  template <std::size_t... Number>
  static std::array<Shard, Shard::count> make(ShardContext& context, std::index_sequence<Number...>) {
    return {{Shard(context, Number)...}};
  }

  ShardContext context_;
  Reclaimer reclaimer_;
  std::array<Shard, Shard::count> all_;  ///< In place: a pointer more would be one more to follow in each look-up.
};

}  // namespace reki
