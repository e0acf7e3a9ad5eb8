#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/registry/shards/shards.hpp"

namespace reki {

/// A watcher's question about a key or a type.
struct WatchRequest {
  std::string_view type;
  std::string_view key;  ///< Empty: all of the type.
  WatchPosition position;
  Duration wait{0};  ///< How long it may stay open.
  std::optional<HostedRegistry::OtherOwner> other{};
};

/// The watchers of all types of a registry. What happens to keys the shards tell each type's watches themselves. Any thread.
class RegistryWatches {
 public:
  RegistryWatches(Shards& shards, Incarnation incarnation) : shards_(shards), incarnation_(incarnation) {}

  void ask(const WatchRequest& request, Completion done);
  void tick(Instant now);
  /// Those about chosen keys have to ask again.
  void release(const std::function<bool(std::uint64_t hash)>& chosen);
  /// These slots are about to be held.
  void gain(const SlotSet& slots);
  /// Of an incarnation that a view has dropped: all questions are refused.
  void abandon();
  /// The registry is about to close: what happens from now on is told together with the end.
  void hold_back();
  /// Nothing happens here any more.
  void close();
  /// The same, if no slot is here and no actor.
  void close_if_vacated();

 private:
  std::optional<Error> why_unknown(const Shard& shard, SlotId slot, const WatchRequest& request, const Activation* a, Instant now) const;
  [[nodiscard]] WatchHub::Present present_of(const WatchRequest& request, const Activation* a, Instant now) const;
  template <class Tell>
  void tell_wanted(Tell tell);

  Shards& shards_;
  const Incarnation incarnation_;
};

}  // namespace reki
