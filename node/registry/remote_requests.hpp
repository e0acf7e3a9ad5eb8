#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/registry/shards.hpp"

namespace reki {

/// A registry as other processes use it: requests from the wire, many at a time, and those that come back to be decided over
/// again. Any thread.
class RemoteRequests {
 public:
  explicit RemoteRequests(Shards& shards) : shards_(shards) {}

  void serve(std::span<const wire::Request> requests, Incarnation from, ReplySink& sink);
  /// The request as if it had come anew.
  void readmit(std::string_view type, std::string_view key, EnvelopePtr request);

 private:
  struct LiveStart {
    Fence fence;
    bool started = false;
  };

  [[nodiscard]] Asked asked_of(const wire::Request& request, ReplySink& sink) const;
  void prefetch(std::span<const Asked> some);
  void serve(Asked& asked, RequestOrigin origin, Instant now, Effects& effects);
  std::optional<LiveStart> admit(Request request, Asked& asked, Instant now, Effects& effects);

  Shards& shards_;
};

}  // namespace reki
