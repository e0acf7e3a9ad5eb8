#pragma once

#include <string_view>

#include "reki/core/activation/activation_table.hpp"
#include "reki/core/watch/watch.hpp"

/// What an entry of the activation table is to those who watch its key. Pure; with the shard's lock held. Type, node and
/// time are for the caller to add.
namespace reki {

/// Its actor runs. `again`: after a crash, or after it had stopped itself under `permanent`.
[[nodiscard]] WatchEvent event_of_start(const Activation& a, bool again);
/// Its actor is over, or its restart has failed, and the table has decided what follows: `stopped`, `crashed` or
/// `down`. A restart that follows at once has a `retry_after` of 1 ns rather than 0, which says that none does.
[[nodiscard]] WatchEvent event_of_end(const Activation& a, WatchReason reason, std::string_view text, Instant now);
/// How a key is found: `running`, `not_running` (also while its first start is under way), `restarting`, `down`.
[[nodiscard]] WatchEvent present(const Activation* a, std::string_view key, Instant now);

}  // namespace reki
