#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "reki/actor/envelope.hpp"
#include "reki/actor/watch.hpp"
#include "reki/core/base/pool.hpp"
#include "reki/core/routing/routed_request.hpp"

namespace reki {

/// What the parts of one `count` come together in. I/O thread only, once submitted.
struct CountGathering {
  Completion done;
  std::uint64_t sum = 0;
  std::size_t missing = 0;
};

/// A request of the client's, with what is to be done with its outcome.
struct Pending final : RoutedRequest, PoolAllocated {
  using RoutedRequest::RoutedRequest;
  enum class Then : std::uint8_t {
    answer,      ///< Hand it to the caller.
    list,        ///< Hand it to the caller with our own cursor, or go on with the next node.
    count,       ///< One node's part.
    fetch_view,  ///< Ours.
    watch,       ///< No request at all: the beginning of a watch.
  };
  Then then = Then::answer;
  bool caller_waits = false;                 ///< Its `done` runs no code of a user's, so that any thread may call it.
  Completion done;                           // answer, list
  std::uint32_t list_limit = 0;              // list
  std::shared_ptr<CountGathering> gathering;  // count
  std::shared_ptr<WatchSink> sink;            // watch: of `type` and `key`
};

}  // namespace reki
