#pragma once

#include <utility>

#include "reki/actor/answer.hpp"
#include "reki/core/routing/routed_request.hpp"

namespace reki {

/// What came of a request that went to another process, as its caller is told.
inline Answer answer_of(Outcome&& outcome) {
  Answer out;
  out.code = outcome.code;
  out.started = outcome.started;
  out.fence = outcome.fence;
  out.retry_after = outcome.retry_after;
  out.node = std::move(outcome.node);
  out.text = std::move(outcome.text);
  out.payload = std::move(outcome.payload);
  return out;
}

}  // namespace reki
