#include "reki/node/registry/remote_requests.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "reki/node/registry/registry_queries.hpp"

namespace reki {
namespace {

/// So many are looked for at a time: enough to wait for memory once for all of them, few enough that those whose actors
/// other threads run are not kept.
constexpr std::size_t served_at_once = 32;

Error unknown_message(const ActorType& type, std::string_view message) {
  std::string text = "type '" + type.name + "' has no message '" + std::string{message} + "'; it has:";
  for (const auto& handler : type.handlers) text += " " + handler.name;
  return Error{ErrorCode::unknown_message, std::move(text)};
}

Asked asked_of(Shards& shards, const wire::Request& request, ReplySink& sink) {
  Asked out{&request, &sink, shards.types().find(request.type)};
  if (out.type != nullptr) out.hash = hash_key(request.key, out.type->hash);
  return out;
}

/// Has the processor bring what is found there.
void prefetch(Shards& shards, std::span<const Asked> some) {
  const RcuReadSection section;
  for (const Asked& asked : some) {
    if (asked.type != nullptr) shards.of(asked.hash).prefetch(asked.hash);
  }
}

/// What is found live, or refused, is a reply at once.
void serve(Shards& shards, Asked& asked, RequestOrigin origin, Instant at, Effects& effects) {
  const wire::Request& wanted = *asked.request;
  const auto answer = [&](const Answer& there) { asked.sink->reply(wanted, wire::reply_of(wanted.id, there)); };
  if (!wire::about_a_key(wanted.op)) {
    if (const auto queried = query(shards, wanted.op, wanted.type, wanted.key, wanted.args)) return answer(*queried);
  }
  if (auto error = check(shards.host(), asked.type, wanted.type)) return answer(Answer{std::move(*error)});
  Request request;
  static_cast<Demand&>(request) = demand_of(wanted, at + std::chrono::milliseconds(wanted.remaining_ms), origin);
  request.type = asked.type;
  request.hash = asked.hash;
  request.key = wanted.key;
  request.args = wanted.args.value_or(BytesView{});
  request.asked = &asked;
  if (wire::is_message(wanted.op)) {
    const auto& handlers = asked.type->type.handlers;
    if (std::ranges::find(handlers, wanted.message, &MessageHandler::name) == handlers.end()) {
      return answer(Answer{unknown_message(asked.type->type, wanted.message)});
    }
    request.envelope = EnvelopePtr{new EncodedEnvelope(wanted.message, wanted.payload)};
    request.envelope->args = request.args;
    if (wire::wants_no_reply(wanted)) request.asked = nullptr;
  }
  wire::Reply found{.id = wanted.id};
  {
    Shard& shard = shards.of(request.hash);
    const MutexLock lock(shard.mutex());
    const Activation* const a = shard.live_for(request, at);
    if (a == nullptr) return shard.admit(std::move(request), at, effects);
    found.fence = a->fence;
    found.started = request.starts && request.origin == a->starter;
  }
  asked.sink->reply(wanted, found);
}

}  // namespace

void serve_requests(Shards& shards, std::span<const wire::Request> requests, Incarnation from, ReplySink& sink) {
  std::array<Asked, served_at_once> some;
  while (!requests.empty()) {
    const std::size_t count = std::min(requests.size(), served_at_once);
    for (std::size_t i = 0; i < count; ++i) some[i] = asked_of(shards, requests[i], sink);
    if (count > 1) prefetch(shards, std::span(some).first(count));
    // The lease is asked about by a time before anything is looked at.
    const Instant at = shards.host().clock.now();
    Effects effects;
    for (std::size_t i = 0; i < count; ++i) serve(shards, some[i], {from, requests[i].id}, at, effects);
    effects.run(shards);
    requests = requests.subspan(count);
  }
}

void readmit_request(Shards& shards, std::string_view type_name, std::string_view key, EnvelopePtr request) {
  const TypeEntry* const type = shards.types().find(type_name);
  if (auto error = check(shards.host(), type, type_name)) {
    if (request->done) request->done(Answer{std::move(*error)});
    return;
  }
  const KeyName name{hash_key(key, type->hash), type->index, std::string{key}};
  shards.with(name.hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    shard.readmit(name, std::move(request), shards.host().clock.now(), effects);
  });
}

}  // namespace reki
