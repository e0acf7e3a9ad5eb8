#pragma once

#include <utility>

#include "reki/actor/envelope.hpp"  // an Answer destroys one
#include "reki/core/wire/outcome.hpp"

namespace reki {

/// What came of one request, before it is turned into the type that the caller asked for.
struct Answer : Outcome {
  EnvelopePtr envelope;  ///< Of a call inside this process: with the typed reply in it, in place of a payload.

  Answer() = default;
  explicit Answer(Outcome&& outcome) : Outcome(std::move(outcome)) {}
  explicit Answer(Error error) {
    code = error.code;
    retry_after = error.retry_after;
    text = std::move(error.text);
  }
};

}  // namespace reki
