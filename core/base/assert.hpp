#pragma once

namespace reki {
/// Prints `condition` with its place on stderr and aborts. Never returns.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}  // namespace reki

/// Holds in every build. For our own bugs only: never on bytes, keys or settings that come from outside.
#define REKI_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::reki::assertion_failed(#condition, __FILE__, __LINE__))
