#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "reki/actor/envelope.hpp"
#include "reki/actor/watch.hpp"
#include "reki/core/base/pool.hpp"
#include "reki/core/routing/cluster_query.hpp"
#include "reki/core/routing/routed_request.hpp"

namespace reki {

/// A request of the client's, with what is to be done with its outcome.
struct Pending final : RoutedRequest, PoolAllocated {
  using RoutedRequest::RoutedRequest;
  enum class Then : std::uint8_t {
    answer,      ///< Hand it to the caller.
    fetch_view,  ///< Ours.
    ask_all,     ///< Is for all nodes: no request itself, but the beginning of `query`.
    watch,       ///< No request at all: the beginning of a watch.
  };
  Then then = Then::answer;
  bool caller_waits = false;                 ///< Its `done` runs no code of a user's, so that any thread may call it.
  Completion done;                           // answer, ask_all
  std::unique_ptr<ClusterQuery> query;       // ask_all
  std::shared_ptr<WatchSink> sink;           // watch: of `type` and `key`
};

}  // namespace reki
