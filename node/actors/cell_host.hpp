#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "reki/actor/registry.hpp"
#include "reki/core/activation/activation.hpp"
#include "reki/node/actors/confirmations.hpp"
#include "reki/node/actors/executor.hpp"
#include "reki/node/actors/factories.hpp"
#include "reki/node/actors/gate.hpp"
#include "reki/node/actors/timers.hpp"
#include "reki/node/support/rcu/per_thread.hpp"

namespace reki {

class ActorCell;
class CellHost;

/// One type of actors, as all cells of it see it.
struct CellType {
  CellType(CellHost& h, const ActorType& t);

  CellHost& host;
  const ActorType& type;
  const bool keeps_use;  ///< When an actor was last needed matters to somebody.
  const bool confirmed;  ///< What its turns do waits for a grant.
  std::atomic<std::int64_t> live{0};
};

enum class StartPermit : std::uint8_t {
  begin,
  not_wanted,  ///< Its entry is in back-off, or is to be stopped.
  suspended,   ///< The gate is closed. The cell may run on another thread already, or be gone.
};

/// What a cell sees of the registry that it is part of.
///
/// What is read or written for each message stands here as plain members. The functions are for what is rare: a cell's
/// start and end, which are decided over together with its entry. They are called from the cell's own turn, without a
/// lock, and not on behalf of a cell that is gone. Lives as long as any turn runs.
class CellHost {
 public:
  struct Counters {
    std::atomic<std::uint64_t> starts{0}, start_failures{0}, crashes{0}, restarts{0}, stops{0}, passivations{0}, expired{0},
        overloaded{0};
  };
  /// What changes with each message, so each thread has its own.
  struct Tally {
    std::atomic<int> turns{0};  ///< That run.
    std::atomic<std::uint64_t> messages{0};
  };

  CellHost(const NodeId& id, const LeaseEnds* lease, std::unique_ptr<Executor> runs_on, Timers::Callbacks callbacks)
      : node_id(id), executor(std::move(runs_on)), clock(executor->clock()), gate(lease, clock), confirmations(lease), timers(std::move(callbacks), *executor) {}
  CellHost(const CellHost&) = delete;
  CellHost& operator=(const CellHost&) = delete;

  /// Whether the actor of a starting entry may be made. If so, the start has its fence, and the cell its arguments. An error
  /// is what the start has failed with.
  [[nodiscard]] virtual Result<StartPermit> permit_start(ActorCell& cell) = 0;
  /// The actor is there, and `on_start` is over.
  virtual void started(ActorCell& cell, bool stop_wanted) = 0;
  // True: the cell is gone. False: its entry goes on, and whoever waits for it has been decided over again.
  [[nodiscard]] virtual bool start_failed(ActorCell& cell, const Error& error) = 0;
  [[nodiscard]] virtual bool crashed(ActorCell& cell, EnvelopePtr envelope, const std::string& text) = 0;
  [[nodiscard]] virtual bool stopped(ActorCell& cell, StopReason reason) = 0;

  /// Closes a live actor to messages, for its end.
  virtual void close(ActorCell& cell) = 0;
  /// Decides over a message of its mailbox as if it had come anew.
  virtual void readmit(ActorCell& cell, EnvelopePtr envelope, Instant now) = 0;
  virtual void hand_over(const Activation& a, Bytes args, Bytes state) = 0;
  virtual void log(std::string_view event, const Activation& a, std::string_view text) const = 0;

  /// Has a turn of it run.
  void schedule(ActorCell& cell);
  void schedule(std::span<ActorCell* const> cells);
  /// Has another turn of it run, behind those of others.
  void run_again(ActorCell& cell);

  const NodeId node_id;  ///< Empty inside one process without a cluster.
  /// For answers; not owned by the pointer, since whoever has one must not outlive the registry anyway.
  const SharedNodeId node = node_id.value.empty() ? SharedNodeId{} : SharedNodeId{SharedNodeId{}, &node_id};
  std::atomic<Registry*> self_registry{nullptr};  ///< What contexts give their actors.
  const std::unique_ptr<Executor> executor;
  const Clock clock;
  Gate gate;
  Confirmations confirmations;
  alignas(64) Counters counters;  // apart from what is read all the time
  PerThread<Tally> tallies;
  Timers timers;

 protected:
  ~CellHost() = default;
};

inline CellType::CellType(CellHost& h, const ActorType& t)
    : host(h),
      type(t),
      keeps_use(t.options.idle > Duration{0} || t.options.cap > 0),
      confirmed(t.options.lease == TypeLease::confirmed && h.gate.has_lease()) {}

}  // namespace reki
