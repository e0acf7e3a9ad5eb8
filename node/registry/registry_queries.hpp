#pragma once

#include <optional>
#include <string_view>

#include "reki/node/registry/shards/shards.hpp"

namespace reki {

/// Answers what is not about one key: `list` and `count` of a type, `describe`; others that are about no key are refused.
/// Nothing for those that are. Any thread; takes the shards' locks, one at a time.
[[nodiscard]] std::optional<Answer> query(Shards& shards, wire::Op op, std::string_view type, std::string_view prefix,
                                          std::optional<BytesView> args);

}  // namespace reki
