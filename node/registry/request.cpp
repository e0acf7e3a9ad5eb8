#include "reki/node/registry/request.hpp"

namespace reki {

void Request::answer_to(Asked& from) {
  if (wire::wants_no_reply(*from.request)) return;
  asked_ = &from;
  completion() = Completion{[](void* context, std::uint64_t, std::uint64_t, Answer&& answer) {
                              const auto& asked = *static_cast<const Asked*>(context);
                              asked.sink->reply(*asked.request, wire::reply_of(asked.request->id, answer));
                            },
                            &from};
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

std::optional<Error> check(const Gate& gate, const TypeEntry* type, std::string_view type_name) {
  if (gate.is_closing()) return Error{ErrorCode::shutting_down};
  if (type == nullptr) return Error{ErrorCode::unknown_type, "no factory of type '" + std::string{type_name} + "' here"};
  return std::nullopt;
}

}  // namespace reki
