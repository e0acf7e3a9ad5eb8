#include "reki/node/registry/shards/request.hpp"

namespace reki {

Completion Request::take_completion() {
  if (asked == nullptr) return std::move(envelope ? envelope->done : done);
  const auto reply = [](void* context, std::uint64_t, std::uint64_t, Answer&& answer) {
    const auto& from = *static_cast<const Asked*>(context);
    from.sink->reply(*from.request, wire::reply_of(from.request->id, answer));
  };
  return Completion{reply, asked};
}

void Request::outlive_batch() {
  if (asked == nullptr) return;
  (envelope ? envelope->done : done) = asked->sink->expect(*asked->request);
  asked = nullptr;
}

EnvelopePtr into_envelope(Request request) {
  request.outlive_batch();
  EnvelopePtr out = std::move(request.envelope);
  if (!out) {
    out.reset(new LookupEnvelope);
    out->done = std::move(request.done);
    out->args = request.args;
  }
  static_cast<Demand&>(*out) = request;
  return out;
}

std::optional<Error> check(const CellHost& host, const TypeEntry* type, std::string_view type_name) {
  if (host.gate.is_closing()) return Error{ErrorCode::shutting_down};
  if (type == nullptr) return unknown_type(host, type_name);
  return std::nullopt;
}

Error without_lease(const Gate& gate) {
  return Error{ErrorCode::unavailable, gate.is_abandoned() ? "the node was replaced, and joins anew"
                                                           : "no quorum: the node's lease is over and no coordinator extends it"};
}

Error unknown_type(const CellHost& host, std::string_view type_name) {
  const std::string place = host.node_id.value.empty() ? "here" : "on node '" + host.node_id.value + "'";
  return Error{ErrorCode::unknown_type, "no factory of type '" + std::string{type_name} + "' " + place};
}

}  // namespace reki
