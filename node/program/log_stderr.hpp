#pragma once

#include <string_view>

#include "reki/node/support/log.hpp"

namespace reki {

/// Lines on stderr: "2026-01-31T12:00:00.000Z info node=n1 event=ready address=...". Thread-safe.
/// `level` is debug, info, warn or error; what is below it is left out.
[[nodiscard]] LogSink log_to_stderr(std::string_view level, std::string_view node);

}  // namespace reki
