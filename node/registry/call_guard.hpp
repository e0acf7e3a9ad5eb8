#pragma once

#include "reki/node/actors/timers.hpp"

namespace reki {

/// A completion that is called at a deadline, if the caller of it has not been by then: lets a call's deadline pass while its message
/// waits or is handled. Answers `unknown_outcome` then; what comes later goes nowhere. Any thread.
[[nodiscard]] Completion answer_by(Timers& timers, Completion done, Instant deadline);

}  // namespace reki
