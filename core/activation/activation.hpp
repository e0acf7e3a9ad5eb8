#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "reki/core/activation/restart_policy.hpp"
#include "reki/core/activation/waiter.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/intrusive_list.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

/// A type's place in the list of types that a table was made with.
using TypeIndex = StrongId<struct TypeIndexTag, std::uint16_t>;

/// One key that has an actor, is about to, or had one that must not be started yet.
///
/// The table writes all of it but `cell` and `used`, under its shard's lock. An entry keeps its address until the table
/// erases it. Without the lock, inside an RCU read section, only what says so may be read.
struct Activation : ListHook<struct InSlotTag>, ListHook<struct ListedTag> {
  enum class State : std::uint8_t {
    starting,    ///< Its factory is to run, or runs.
    live,        ///< Takes messages.
    restarting,  ///< In back-off until `due` after a crash.
    stopping,    ///< Takes no more messages; on_stop is to run, or runs.
    down,        ///< Crash loop: no start before `due`.
  };

  /// Of keys that have crashed.
  struct CrashRecord {
    RestartHistory history;
    Instant due;                 ///< restarting, down
    std::string last_error;      ///< Of the latest crash; empty if none.
    std::uint32_t restarts = 0;  ///< Since the key was first started.
  };

  std::int64_t listed_use = 0;       ///< `used` as it was when it got its place in the list by last use.

  RequestOrigin starter;             ///< Whose request began the latest start.
  WaiterList waiters;
  std::unique_ptr<CrashRecord> crashes;
  std::atomic<void*> cell{nullptr};  ///< The runtime's part: the actor and its mailbox.

  // What a look-up without the lock reads stands at the end, and the key's bytes behind it: mostly on one cache line.
  std::atomic<std::int64_t> used{0};  ///< When it was last needed (Instant::ns); the runtime writes it, without the lock too.
  std::uint64_t hash = 0;             ///< Constant, as `type` and the key are.
  std::atomic<Fence> fence{};         ///< Of the latest start; 0 before the first. See live_fence().
  TypeIndex type;
  std::uint16_t key_bytes = 0;
  std::atomic<State> state{State::starting};
  bool restart = false;         ///< starting: not the first start, the key is supervised already.
  bool stop_requested = false;  ///< starting: is to stop as soon as it has started.
  bool begun = false;           ///< starting: the start has its fence; until then it is that of the one before.

  [[nodiscard]] std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_bytes}; }
  [[nodiscard]] SlotId slot() const { return SlotId{static_cast<std::uint16_t>(hash % slot_count)}; }
  [[nodiscard]] Instant due() const { return crashes ? crashes->due : Instant{}; }
  [[nodiscard]] std::string_view last_error() const { return crashes ? std::string_view{crashes->last_error} : ""; }
  [[nodiscard]] std::uint32_t restarts() const { return crashes ? crashes->restarts : 0; }

  /// Without the lock: the fence of a start that is live at some moment of the call, or 0.
  [[nodiscard]] Fence live_fence() const {
    // A start gets its fence before it is live, and no two have the same. So if the fence was the same before and after
    // the state was seen to be live, it was the live one's. Each load is an acquire and each store a release, so that
    // who sees a state sees all that came before it.
    const Fence before = fence.load(std::memory_order_acquire);
    if (state.load(std::memory_order_acquire) != State::live) return {};
    return fence.load(std::memory_order_relaxed) == before ? before : Fence{};
  }
};

/// Those of one slot; and then those that were erased, until they are destroyed.
using SlotActivations = IntrusiveList<Activation, InSlotTag>;
/// The live ones of one type by age of use; or those that somebody waits for, none of which is live.
using ListedActivations = IntrusiveList<Activation, ListedTag>;
inline void leave_slot(Activation& a) { static_cast<ListHook<InSlotTag>&>(a).unlink(); }
inline void leave_listed(Activation& a) { static_cast<ListHook<ListedTag>&>(a).unlink(); }

/// One allocation with the key's bytes behind the entry. REQUIRES: at most 65535 of them.
[[nodiscard]] Activation* make_activation(std::uint64_t hash, TypeIndex type, std::string_view key);
void destroy_activation(Activation* a);

}  // namespace reki
