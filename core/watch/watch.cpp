#include "reki/core/watch/watch.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "reki/core/base/limits.hpp"

namespace reki {
namespace {

using Kind = WatchKind;
using Reason = WatchReason;

constexpr std::array kinds{
    std::pair{Kind::started, "started"},         std::pair{Kind::restarted, "restarted"},
    std::pair{Kind::stopped, "stopped"},         std::pair{Kind::crashed, "crashed"},
    std::pair{Kind::down, "down"},               std::pair{Kind::running, "running"},
    std::pair{Kind::not_running, "not_running"}, std::pair{Kind::restarting, "restarting"},
    std::pair{Kind::missed, "missed"},           std::pair{Kind::watching, "watching"},
    std::pair{Kind::moved, "moved"},             std::pair{Kind::ended, "ended"},
    std::pair{Kind::unwatched, "unwatched"},     std::pair{Kind::joined, "joined"},
    std::pair{Kind::leaving, "leaving"},         std::pair{Kind::left, "left"},
    std::pair{Kind::lost, "lost"},               std::pair{Kind::coordinator, "coordinator"},
    std::pair{Kind::member, "member"},           std::pair{Kind::view, "view"},
};

constexpr std::array reasons{
    std::pair{Reason::none, "none"},
    std::pair{Reason::stopped, "stopped"},
    std::pair{Reason::stopped_self, "stopped_self"},
    std::pair{Reason::passivated, "passivated"},
    std::pair{Reason::closing, "closing"},
    std::pair{Reason::crashed, "crashed"},
    std::pair{Reason::start_failed, "start_failed"},
    std::pair{Reason::moved, "moved"},
    std::pair{Reason::node_lost, "node_lost"},
    std::pair{Reason::fell_behind, "fell_behind"},
    std::pair{Reason::node_restarted, "node_restarted"},
    std::pair{Reason::not_kept, "not_kept"},
    std::pair{Reason::node_joined, "node_joined"},
};

template <class Rows, class Value>
std::string_view name_in(const Rows& rows, Value value) {
  const auto* found = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.first == value; });
  return found == rows.end() ? std::string_view{"unknown"} : found->second;
}

}  // namespace

std::string_view name_of(WatchKind kind) { return name_in(kinds, kind); }
std::string_view name_of(WatchReason reason) { return name_in(reasons, reason); }

Result<void> check(const WatchFilter& filter) {
  if (filter.type.size() > limits::type_bytes_max) return fail(ErrorCode::too_large, "the type's name is too long");
  if (filter.key.size() > limits::key_bytes_max) return fail(ErrorCode::too_large, "the key is too long");
  if (filter.about_nodes() && filter.about_key()) {
    return fail(ErrorCode::invalid_argument, "a key is watched together with its type");
  }
  return {};
}

}  // namespace reki
