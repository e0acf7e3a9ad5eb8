#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "reki/actor/registry.hpp"
#include "reki/node/actors/factories.hpp"

namespace reki {

class Executor;
class Runtime;

struct RuntimeOptions {
  int workers = 0;                ///< Threads that run actors; 0: one a core.
  int blocking_threads_max = 256;  ///< More for what blocks: types with `blocking`, and functions that do it unannounced.
  /// Called for what nobody waits for: crashes, on_stop that throws, messages dropped. On any thread; must not block.
  std::function<void(std::string_view event, std::string_view type, std::string_view key, std::string_view text)> log{};
  /// What its actors run on; null: threads, as many as said above. Called once; by a node's registry once an incarnation.
  std::function<std::unique_ptr<Executor>()> executor{};
};

/// What a registry has done since it was made, and holds now.
struct RuntimeStats {
  std::uint64_t actors = 0;  ///< Keys with an actor, now.
  std::uint64_t lookups = 0;
  std::uint64_t starts = 0;
  std::uint64_t start_failures = 0;
  std::uint64_t messages = 0;  ///< Handled.
  std::uint64_t crashes = 0;
  std::uint64_t restarts = 0;
  std::uint64_t stops = 0;
  std::uint64_t passivations = 0;
  std::uint64_t expired = 0;     ///< Messages and look-ups whose deadline passed before they were begun.
  std::uint64_t overloaded = 0;  ///< Refused at a bound.
};

/// A registry inside one process: actors, their supervisor and their threads, without a network.
///
///     reki::LocalRegistry registry{std::move(factories)};
///     auto counter = registry.lookup_or_start<Counter>("user_123").get();
///     counter->call(Increment{2}).get();
///
/// Every key has at most one actor. Two registries share nothing. Thread-safe.
class LocalRegistry final : public Registry {
 public:
  explicit LocalRegistry(Factories factories, const RuntimeOptions& options = {});
  /// close(limits::stop_grace_default).
  ~LocalRegistry() override;

  /// Refuses new requests with `shutting_down`, stops all actors, the youngest first, and waits for them; at the latest
  /// after `grace` it returns. False if functions of actors were still running then: their threads are left to end by
  /// themselves, and what they use stays until they do. May be called by several threads at once, and again.
  bool close(Duration grace);

  void submit(Submission submission, Completion done) override;
  Answer exchange(Submission& submission) override;
  Live find_live(std::string_view type, std::string_view key) override;
  Result<NodeId> owner(std::string_view type, std::string_view key) const override;
  /// Of keys and types; callbacks run on the thread on which it happens. `unknown_type`, and `unsupported` for nodes.
  [[nodiscard]] Result<Watch> watch(WatchFilter filter, WatchCallback callback) override;

  [[nodiscard]] RuntimeStats stats() const;

 private:
  const std::shared_ptr<Runtime> runtime_;
};

}  // namespace reki
