#pragma once

#include <span>
#include <string_view>

#include "reki/node/registry/shards/shards.hpp"

/// A registry as other processes use it. Any thread.
namespace reki {

/// HostedRegistry::serve
void serve_requests(Shards& shards, std::span<const wire::Request> requests, Incarnation from, ReplySink& sink);
/// Decides over a request that was under way as if it had come anew.
void readmit_request(Shards& shards, std::string_view type, std::string_view key, EnvelopePtr request);

}  // namespace reki
