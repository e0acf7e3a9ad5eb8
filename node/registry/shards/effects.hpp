#pragma once

#include <absl/container/inlined_vector.h>

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "reki/node/registry/shards/request.hpp"

namespace reki {

class ActorCell;
class Shards;

/// What is to be done once a shard's lock is released: answers run callers' code, and scheduling wakes threads.
class Effects {
 public:
  Effects();
  ~Effects();
  Effects(const Effects&) = delete;
  Effects& operator=(const Effects&) = delete;

  void answer(Completion done, Answer answer) {
    if (done) answers_.push_back({std::move(done), std::move(answer)});
  }
  void schedule(ActorCell& cell) { cells_.push_back(&cell); }
  /// Of an entry that is gone, or has no actor any more.
  void destroy(std::unique_ptr<ActorCell> cell);
  void restart_at(KeyName key, Instant due) { restarts_.emplace_back(std::move(key), due); }
  /// More actors of the type live than it wants.
  void over_cap(TypeEntry& type) { over_cap_ = &type; }
  void reroute(KeyName key, EnvelopePtr request) { rerouted_.push_back({std::move(key), std::move(request)}); }
  /// The last entry of a slot that was lost is gone.
  void slot_emptied() { slot_emptied_ = true; }

  /// Does it. Without a lock held.
  void run(Shards& shards);

 private:
  struct Answered {
    Completion done;
    Answer answer;
  };
  // Mostly there is one of either; where requests come together they grow once for all of them.
  absl::InlinedVector<Answered, 1> answers_;
  absl::InlinedVector<ActorCell*, 4> cells_;
  std::vector<std::unique_ptr<ActorCell>> dead_;
  std::vector<std::pair<KeyName, Instant>> restarts_;
  std::vector<KeyedRequest> rerouted_;
  TypeEntry* over_cap_ = nullptr;
  bool slot_emptied_ = false;
};

}  // namespace reki
