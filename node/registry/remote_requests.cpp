#include "reki/node/registry/remote_requests.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "reki/node/registry/registry_queries.hpp"

namespace reki {

using wire::Op;

namespace {

/// So many are looked for at a time: enough to wait for memory once for all of them, few enough that those whose actors
/// other threads run are not kept.
constexpr std::size_t served_at_once = 32;

Error unknown_message(const ActorType& type, std::string_view message) {
  std::string text = "type '" + type.name + "' has no message '" + std::string{message} + "'; it has:";
  for (const auto& handler : type.handlers) text += " " + handler.name;
  return Error{ErrorCode::unknown_message, std::move(text)};
}

}  // namespace

void RemoteRequests::serve(std::span<const wire::Request> requests, Incarnation from, HostedRegistry::ReplySink& sink) {
  std::array<Address, served_at_once> addresses;
  while (!requests.empty()) {
    const auto some = requests.first(std::min(requests.size(), served_at_once));
    for (std::size_t i = 0; i < some.size(); ++i) addresses[i] = address_of(some[i]);
    if (some.size() > 1) prefetch(std::span(addresses).first(some.size()));
    // The lease is asked about by a time before anything is looked at.
    const Instant at = shards_.host().clock.now();
    Effects effects;
    for (std::size_t i = 0; i < some.size(); ++i) serve(some[i], addresses[i], {from, some[i].id}, at, sink, effects);
    effects.run(shards_);
    requests = requests.subspan(some.size());
  }
}

RemoteRequests::Address RemoteRequests::address_of(const wire::Request& request) const {
  Address out;
  out.type = shards_.types().find(request.type);
  if (out.type != nullptr && wire::about_a_key(request.op)) out.hash = hash_key(request.key, out.type->hash);
  return out;
}

/// Has the processor bring what is found there.
void RemoteRequests::prefetch(std::span<const Address> addresses) {
  const RcuReadSection section;
  for (const Address& address : addresses) {
    if (address.type != nullptr) shards_.of(address.hash).prefetch(address.hash);
  }
}

void RemoteRequests::serve(const wire::Request& asked, const Address& address, RequestOrigin origin, Instant at,
                    HostedRegistry::ReplySink& sink, Effects& effects) {
  if (!wire::about_a_key(asked.op)) {
    if (auto answer = query(shards_, asked.op, asked.type, asked.key, asked.args)) return sink.expect(asked)(std::move(*answer));
  }
  if (auto error = check(shards_.host().gate, address.type, asked.type)) return sink.expect(asked)(Answer{std::move(*error)});
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
std::optional<RemoteRequests::LiveStart> RemoteRequests::admit(Request request, const wire::Request& asked, Instant at,
                                             HostedRegistry::ReplySink& sink, Effects& effects) {
  Shard& shard = shards_.of(request.hash);
  const std::lock_guard lock(shard.mutex());
  if (const Activation* a = shard.live_for(request, at)) {
    return LiveStart{a->fence, request.starts && request.origin == a->starter};
  }
  if (!request.envelope) request.done = sink.expect(asked);
  shard.admit(std::move(request), at, effects);
  return std::nullopt;
}

void RemoteRequests::readmit(std::string_view type_name, std::string_view key, EnvelopePtr request) {
  const TypeEntry* const type = shards_.types().find(type_name);
  if (auto error = check(shards_.host().gate, type, type_name)) {
    if (request->done) request->done(Answer{std::move(*error)});
    return;
  }
  const KeyName name{hash_key(key, type->hash), type->index, std::string{key}};
  shards_.with(name.hash, [&](Shard& shard, Effects& effects) {
    shard.readmit(name, std::move(request), shards_.host().clock.now(), effects);
  });
}

}  // namespace reki
