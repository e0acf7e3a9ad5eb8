#include "reki/node/registry/request.hpp"

namespace reki {

EnvelopePtr into_envelope(Request request) {
  EnvelopePtr out = std::move(request.envelope);
  if (!out) {
    out.reset(new LookupEnvelope);
    out->done = std::move(request.done);
    out->args = request.args;
  }
  static_cast<Demand&>(*out) = request;
  return out;
}

std::optional<Error> check(const Gate& gate, const TypeEntry* type, std::string_view type_name, std::string_view key) {
  if (gate.is_closing()) return Error{ErrorCode::shutting_down};
  if (type == nullptr) return Error{ErrorCode::unknown_type, "no factory of type '" + std::string{type_name} + "' here"};
  if (key.empty()) return Error{ErrorCode::invalid_argument, "the key is empty"};
  if (key.size() > limits::key_bytes_max) {
    return Error{ErrorCode::too_large, "the key has " + std::to_string(key.size()) + " bytes, more than " +
                                           std::to_string(limits::key_bytes_max)};
  }
  return std::nullopt;
}

}  // namespace reki
