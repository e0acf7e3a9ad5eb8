#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "reki/core/base/exception_text.hpp"
#include "reki/node/support/exit_codes.hpp"
#include "reki/node/support/log.hpp"

namespace reki {

/// Runs what a node's thread does until it returns. What it throws is a bug, or the end of memory or sockets, and a node
/// without one of its threads would be there and serve nobody. So the process ends at once with exit code 1, no actor
/// is told, and the guard tells the other nodes as after any crash.
template <class Body>
void run_or_end_process(const LogSink& log, std::string_view event, Body body) {
  try {
    return body();
  } catch (...) {
    if (log) log(LogLevel::error, event, "text=\"" + text_of_current_exception() + "; the node ends: it cannot go on without this thread\"");
  }
  std::_Exit(exit_failed);
}

}  // namespace reki
