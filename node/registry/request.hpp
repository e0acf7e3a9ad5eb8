#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "reki/actor/envelope.hpp"
#include "reki/node/actors/timers.hpp"
#include "reki/node/registry/registry_types.hpp"

namespace reki {

/// One request with all that it owns, while it is decided over.
struct Request : Demand {
  TypeEntry* type = nullptr;
  std::uint64_t hash = 0;
  std::string_view key;
  BytesView args;        ///< Copied if it has to wait. An envelope brings its own.
  EnvelopePtr envelope;  ///< With its completion in it; else:
  Completion done;

  [[nodiscard]] KeyName name() const { return {hash, type->index, std::string{key}}; }
  /// Where its answer goes.
  [[nodiscard]] Completion& completion() { return envelope ? envelope->done : done; }
};

/// All of it in an envelope, for a request that has to wait.
[[nodiscard]] EnvelopePtr into_envelope(Request request);

/// An envelope with the key that it is for.
struct KeyedRequest {
  KeyName key;
  EnvelopePtr request;
};

/// Why a request is refused before anything is decided over it: nothing if it is not.
[[nodiscard]] std::optional<Error> check(const Gate& gate, const TypeEntry* type, std::string_view type_name);

/// The answer of, or about, a start that was there.
[[nodiscard]] inline Answer answer_of(Fence fence, const SharedNodeId& node, bool started = false) {
  Answer out;
  out.fence = fence;
  out.started = started;
  out.node = node;
  return out;
}

}  // namespace reki
