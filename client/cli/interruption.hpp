#pragma once

/// Ctrl-C and SIGTERM ask a verb that runs for long to end well. The second one ends the process at once.
namespace reki::cli {

/// From now on. `then` is called in the signal's handler as well: async-signal-safe (signal-safety(7)).
void catch_interruptions(void (*then)() = nullptr);
[[nodiscard]] bool is_interrupted();

}  // namespace reki::cli
