// The runtime as a node's peers use it: requests from the wire, many at a time.
#include <algorithm>
#include <array>

#include "reki/core/base/hash.hpp"
#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {

using wire::Op;

namespace {

/// So many are looked for at a time: enough to wait for memory once for all of them, few enough that those whose actors
/// other threads run are not kept.
constexpr std::size_t served_at_once = 32;

}  // namespace

void Runtime::serve(std::span<const wire::Request> requests, Incarnation from, HostedRegistry::ReplySink& sink) {
  std::array<Address, served_at_once> addresses;
  while (!requests.empty()) {
    const auto some = requests.first(std::min(requests.size(), served_at_once));
    for (std::size_t i = 0; i < some.size(); ++i) addresses[i] = address_of(some[i]);
    if (some.size() > 1) prefetch(std::span(addresses).first(some.size()));
    // The lease is asked about by a time before anything is looked at.
    const Instant at = clock.now();
    Effects effects;
    for (std::size_t i = 0; i < some.size(); ++i) serve(some[i], addresses[i], {from, some[i].id}, at, sink, effects);
    effects.run(*this);
    requests = requests.subspan(some.size());
  }
}

Runtime::Address Runtime::address_of(const wire::Request& request) {
  Address out;
  out.type = find_type(request.type);
  if (out.type != nullptr && wire::about_a_key(request.op)) out.hash = hash_key(request.key, out.type->hash);
  return out;
}

/// Has the processor bring what is found there.
void Runtime::prefetch(std::span<const Address> addresses) {
  const RcuReadSection section;
  for (const Address& address : addresses) {
    if (address.type != nullptr) shard_of(address.hash).table->prefetch(address.hash);
  }
}

void Runtime::serve(const wire::Request& asked, const Address& address, RequestOrigin origin, Instant at,
                    HostedRegistry::ReplySink& sink, Effects& effects) {
  if (!wire::about_a_key(asked.op)) {
    if (auto answer = query(asked.op, asked.type, asked.key, asked.args)) return sink.expect(asked)(std::move(*answer));
  }
  if (auto error = check(address.type, asked.type, asked.key)) return sink.expect(asked)(Answer{std::move(*error)});
  Request request;
  request.type = address.type;
  static_cast<Demand&>(request) = demand_of(asked, at + std::chrono::milliseconds(asked.remaining_ms), origin);
  request.hash = address.hash;
  request.key = asked.key;
  request.args = asked.args.value_or(BytesView{});
  if (wire::is_message(asked.op)) {
    const auto& handlers = address.type->type.handlers;
    if (std::ranges::find(handlers, asked.message, &MessageHandler::name) == handlers.end()) {
      return sink.expect(asked)(Answer{unknown_message(address.type->type, asked.message)});
    }
    request.envelope = EnvelopePtr{new EncodedEnvelope(asked.message, asked.payload)};
    request.envelope->args = request.args;
    request.envelope->done = sink.expect(asked);
  }
  const auto found = admit(std::move(request), asked, at, sink, effects);
  if (found) sink.found(asked, found->fence, found->started);
}

/// Says what it finds if that is an actor that is live and was looked for; else the answer goes where `sink` expects it.
std::optional<Runtime::LiveStart> Runtime::admit(Request request, const wire::Request& asked, Instant at,
                                             HostedRegistry::ReplySink& sink, Effects& effects) {
  Shard& shard = shard_of(request.hash);
  const std::lock_guard lock(shard.mutex);
  if (const Activation* a = live_locked(shard, request, at)) {
    return LiveStart{a->fence, request.starts && request.origin == a->starter};
  }
  if (!request.envelope) request.done = sink.expect(asked);
  admit_locked(shard, std::move(request), at, effects);
  return std::nullopt;
}

/// The actor that a look-up looks for, if it is live and the answer is that at once.
const Activation* Runtime::live_locked(Shard& shard, const Request& request, Instant at) const {
  if (request.op != Op::lookup && request.op != Op::lookup_or_start) return nullptr;
  if (gate.is_closing() || gate.is_abandoned() || !gate.is_open(at)) return nullptr;
  if (options_.cluster_hooks && state_of(shard, slot_of(request.hash)) != SlotState::held) return nullptr;
  Activation* const a = shard.table->find(request.hash, request.type->index, request.key);
  if (a == nullptr || a->state != Activation::State::live) return nullptr;
  if (request.pin.value != 0 && request.pin != a->fence) return nullptr;
  ++shard.lookups;
  if (request.type->keeps_use) a->used.store(at.ns, std::memory_order_relaxed);
  return a;
}

}  // namespace reki
