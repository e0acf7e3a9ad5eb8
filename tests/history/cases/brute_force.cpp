#include "brute_force.hpp"

#include <set>
#include <tuple>

using namespace reki;
using namespace reki::history;

namespace {

enum class Phase : std::uint8_t { idle, live, stopping };

constexpr int nobody = -1;

struct World {
  unsigned done = 0;
  unsigned joined = 0;  ///< Stops that wait for the end.
  Phase phase = Phase::idle;
  std::uint64_t fence = 0;    ///< Of the latest start; 0: one that no answer names.
  std::uint64_t highest = 0;  ///< Of the starts that answers name.
  int starter = nobody;       ///< The operation that it was started for.

  auto operator<=>(const World&) const = default;
};

class Play {
 public:
  Play(std::span<const Operation> operations, Faults faults) : operations_(operations), faults_(faults) {
    for (const Operation& o : operations) {
      if (o.fence.value != 0) fences_.insert(o.fence.value);
    }
  }
  bool can_happen(const World& w) {
    if (is_over(w)) return true;
    if (!seen_.insert(w).second) return false;
    for (int i = 0; i < static_cast<int>(operations_.size()); ++i) {
      if (may_act(w, i) && act(w, i)) return true;
    }
    return by_itself(w);
  }

 private:
  const Operation& at(int i) const { return operations_[static_cast<std::size_t>(i)]; }
  static bool has(unsigned set, int i) { return (set >> i & 1) != 0; }
  static World with_done(World w, int i) {
    w.done |= 1U << i;
    return w;
  }

  bool is_over(const World& w) const {
    for (int i = 0; i < static_cast<int>(operations_.size()); ++i) {
      if (is_answered(at(i)) && !has(w.done, i)) return false;
    }
    return true;
  }

  bool may_act(const World& w, int i) const {
    if (has(w.done, i) || has(w.joined, i) || at(i).answer == Answer::failed_unexecuted) return false;
    for (int j = 0; j < static_cast<int>(operations_.size()); ++j) {
      if (is_answered(at(j)) && !has(w.done, j) && precedes(at(j), at(i))) return false;
    }
    return true;
  }

  /// What the operation does in this world.
  bool act(const World& w, int i) {
    const Operation& o = at(i);
    const bool live = w.phase == Phase::live;
    if (o.call == Call::stop) return stop(w, i);
    if (o.answer == Answer::not_running) return !live && can_happen(with_done(w, i));
    if (o.answer == Answer::running) return live && w.fence == o.fence.value && can_happen(with_done(w, i));
    if (o.answer == Answer::started) {
      if (live) return w.fence == o.fence.value && is_try_of(w.starter, i) && can_happen(with_done(w, i));
      return w.phase == Phase::idle && o.fence.value > w.highest &&
             can_happen(begun(with_done(w, i), o.fence.value, i));
    }
    return o.call == Call::lookup_or_start && w.phase == Phase::idle && begin_somehow(with_done(w, i), i);
  }

  bool is_try_of(int starter, int i) const {
    return starter != nobody && at(i).request != 0 && at(starter).request == at(i).request &&
           at(starter).client == at(i).client;
  }

  bool stop(const World& w, int i) {
    const bool idle = w.phase == Phase::idle;
    const bool finds_nothing = at(i).answer == Answer::not_running;
    const bool of_failed_start = at(i).answer == Answer::stopped && at(i).fence.value == 0;
    if (idle) return (finds_nothing || of_failed_start) && can_happen(with_done(w, i));
    if (finds_nothing) return false;
    World next = w;
    next.joined |= 1U << i;
    next.phase = Phase::stopping;
    return can_happen(next);
  }

  bool by_itself(const World& w) {
    const bool faults = faults_ == Faults::allowed;
    if (w.phase == Phase::stopping && (faults || w.joined != 0) && end(w)) return true;
    if (!faults) return false;
    if (w.phase == Phase::live) {
      World next = w;
      next.phase = Phase::stopping;
      return can_happen(next);
    }
    return w.phase == Phase::idle && begin_somehow(w, nobody);
  }

  /// All stops that wait are told of it; those that were told of another cannot have waited.
  bool end(World w) {
    for (int i = 0; i < static_cast<int>(operations_.size()); ++i) {
      if (!has(w.joined, i)) continue;
      if (at(i).fence.value != 0 && at(i).fence.value != w.fence) return false;
    }
    w.done |= w.joined;
    w.joined = 0;
    w.phase = Phase::idle;
    return can_happen(w);
  }

  static World begun(World w, std::uint64_t fence, int starter) {
    w.phase = Phase::live;
    w.fence = fence;
    w.starter = starter;
    if (fence != 0) w.highest = fence;
    return w;
  }

  bool begin_somehow(const World& w, int starter) {
    if (can_happen(begun(w, 0, starter))) return true;
    for (auto fence = fences_.upper_bound(w.highest); fence != fences_.end(); ++fence) {
      if (can_happen(begun(w, *fence, starter))) return true;
    }
    return false;
  }

  std::span<const Operation> operations_;
  Faults faults_;
  std::set<std::uint64_t> fences_;
  std::set<World> seen_;
};

}  // namespace

bool can_happen(std::span<const Operation> one_key, Faults faults) { return Play{one_key, faults}.can_happen({}); }
