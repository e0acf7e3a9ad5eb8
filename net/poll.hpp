#pragma once

#include <vector>
#include <zmq.hpp>

#include "reki/core/base/time.hpp"

namespace reki {

/// Waits until one of `items` is ready or `until` has come; returns how many are ready. An interruption by a signal
/// counts as nothing ready. `now` is when it is called; `until` may be `Instant::never()`. Plain descriptors for input only.
///
/// Not zmq_poll, which asks each socket twice and polls twice each time: a fifth of the system calls of one look-up
/// (docs/performance.md, "Where the time goes").
int poll_until(std::vector<zmq::pollitem_t>& items, Instant now, Instant until);

}  // namespace reki
