#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "reki/actor/envelope.hpp"
#include "reki/node/actors/timers.hpp"
#include "reki/node/registry/shards/registry_types.hpp"
#include "reki/node/registry/shards/reply_sink.hpp"

namespace reki {

/// One of the requests from the wire that are served together: where it is served, and who takes its answer.
struct Asked {
  const wire::Request* request = nullptr;
  ReplySink* sink = nullptr;
  TypeEntry* type = nullptr;
  std::uint64_t hash = 0;
};

/// One request with all that it owns, while it is decided.
struct Request : Demand {
  TypeEntry* type = nullptr;
  std::uint64_t hash = 0;
  std::string_view key;
  BytesView args;        ///< Copied if it has to wait. An envelope brings its own.
  EnvelopePtr envelope;    ///< With its completion in it; else:
  Completion done;
  /// Who takes an answer that is there before the batch is through, as most are: they need no completion. Null: nobody, or the
  /// completion has outlived the batch.
  Asked* asked = nullptr;

  [[nodiscard]] KeyName name() const { return {hash, type->index, std::string{key}}; }
  /// A timer's message, or a send that wants no reply, is not.
  [[nodiscard]] bool is_waited_for() const { return asked != nullptr || !envelope || envelope->done; }
  /// Where an answer goes that is there now.
  [[nodiscard]] Completion take_completion();
  /// Before it is put where its answer may come later, and on another thread.
  void outlive_batch();
};

/// All of it in an envelope, for a request that has to wait.
[[nodiscard]] EnvelopePtr into_envelope(Request request);

/// An envelope with the key that it is for.
struct KeyedRequest {
  KeyName key;
  EnvelopePtr request;
};

/// Why a request is refused before anything is decided over it: nothing if it is not.
[[nodiscard]] std::optional<Error> check(const CellHost& host, const TypeEntry* type, std::string_view type_name);
/// Why a node whose lease is over says nothing of its keys: others may have them.
[[nodiscard]] Error without_lease(const Gate& gate);
/// Says which node lacks it: others may have it.
[[nodiscard]] Error unknown_type(const CellHost& host, std::string_view type_name);

/// The answer of, or about, a start that was there.
[[nodiscard]] inline Answer answer_of(Fence fence, const SharedNodeId& node, bool started = false) {
  Answer out;
  out.fence = fence;
  out.started = started;
  out.node = node;
  return out;
}

}  // namespace reki
