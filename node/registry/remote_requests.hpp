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

  void serve(std::span<const wire::Request> requests, Incarnation from, HostedRegistry::ReplySink& sink);
  /// The request as if it had come anew.
  void readmit(std::string_view type, std::string_view key, EnvelopePtr request);

 private:
  struct Address {
    TypeEntry* type = nullptr;
    std::uint64_t hash = 0;
  };
  struct LiveStart {
    Fence fence;
    bool started = false;
  };

  [[nodiscard]] Address address_of(const wire::Request& request) const;
  void prefetch(std::span<const Address> addresses);
  void serve(const wire::Request& asked, const Address& address, RequestOrigin origin, Instant now,
             HostedRegistry::ReplySink& sink, Effects& effects);
  std::optional<LiveStart> admit(Request request, const wire::Request& asked, Instant now, HostedRegistry::ReplySink& sink,
                                 Effects& effects);

  Shards& shards_;
};

}  // namespace reki
