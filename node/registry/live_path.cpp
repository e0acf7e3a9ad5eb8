// What is done with live actors without a lock: look-ups by callers that block for the answer, and messages. The paths on
// which nothing may cost anything; all in one file, so that the compiler sees them as a whole.
#include "reki/core/base/hash.hpp"
#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/actors/outputs.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {

/// A live actor that requests may be given to, at some moment of the call. In a RcuReadSection.
[[gnu::always_inline]] inline Runtime::Live Runtime::look(const TypeEntry& type, std::uint64_t hash, std::string_view key,
                                                          Instant at) {
  if (gate.is_closing() || !gate.lasts(at)) return {};
  Shard& shard = shards_.of(hash);
  Activation* const a = shard.find(hash, type.index, key);
  if (a == nullptr) return {};
  const Fence fence = a->live_fence();
  if (fence.value == 0) return {};
  // After the fence: of a slot that is let go, first the state changes, then its actors are closed.
  if (!shard.holds(slot_of(hash))) return {};
  return {a, fence};
}

// Into its two callers below; the compiler thinks it too long, and the call costs a tenth of the look-up.
[[gnu::always_inline]] inline Fence Runtime::find_live(std::string_view type_name, std::string_view key, const RcuReadSection& section) {
  const TypeEntry* type = types_.find(type_name);
  if (type == nullptr || is_in_child()) return {};
  // A lease is asked about by the clock itself. Without one the time is only for `used`, and a tick may be late.
  const Instant at = gate.has_lease() ? clock.now() : Instant{coarse_now_.load(std::memory_order_relaxed)};
  const Live live = look(*type, hash_key(key, type->hash), key, at);
  if (live.entry == nullptr) return {};
  lookups_.add(section);
  // Mostly it stands there already, and a cache line that is not written can be in every core's cache.
  auto& used = live.entry->used;
  if (type->keeps_use && used.load(std::memory_order_relaxed) < at.ns) used.store(at.ns, std::memory_order_relaxed);
  return live.fence;
}

/// Puts a message into the mailbox of an actor that is live and has room. False: nothing was done, and the general way is to
/// be gone.
bool Runtime::deliver_live(Request& request, Instant at) {
  Live live;
  ActorCell* cell = nullptr;
  Completion done;
  auto offered = Mailbox::Offered::refused;
  {
    const RcuReadSection section;
    live = look(*request.type, request.hash, request.key, at);
    if (live.entry == nullptr || (request.pin.value != 0 && request.pin != live.fence)) return false;
    cell = static_cast<ActorCell*>(live.entry->cell.load(std::memory_order_acquire));
    if (cell == nullptr || cell->queued() >= request.type->type.options.mailbox) return false;
    Envelope& envelope = *request.envelope;
    static_cast<Demand&>(envelope) = request;
    envelope.begins = false;
    if (request.op == wire::Op::send) done = std::move(envelope.done);
    offered = cell->offer(envelope);
    if (offered == Mailbox::Offered::refused) {
      if (request.op == wire::Op::send) envelope.done = std::move(done);
      return false;
    }
    static_cast<void>(request.envelope.release());  // the mailbox has it
  }
  // Whoever finds it idle has it as long as its turn has not been scheduled.
  if (offered == Mailbox::Offered::taken_and_idle) schedule(*cell);
  if (done) done(answer_of(live.fence, node));
  return true;
}

Registry::Live LocalRegistry::find_live(std::string_view type, std::string_view key) {
  Outputs::release_before_blocking();
  const RcuReadSection section;
  return {runtime_->find_live(type, key, section), nullptr};
}

Registry::Live HostedRegistry::find_live(std::string_view type, std::string_view key) {
  Outputs::release_before_blocking();
  const RcuReadSection section;
  return {runtime_.read(section).find_live(type, key, section), &node_};
}

}  // namespace reki
