#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/watch/watch.hpp"

namespace reki {

/// What watchers of nodes are told when `to` follows `from`: a member that is gone has `left` if it was leaving, else it
/// is `lost`; the last event is `view`. Ordered by node id otherwise.
///
/// Another incarnation of a node is `lost`, and `joined` again if it is up. An unknown incarnation is no other one.
/// Views in between may have been skipped: then this is what they come to.
[[nodiscard]] std::vector<WatchEvent> changes(const View& from, const View& to, std::int64_t time_ms);
/// What a watcher without a position is told: a `member` each, `coordinator` if there is one, `view`.
[[nodiscard]] std::vector<WatchEvent> present(const View& view);

/// The latest views of a node, as events for those who watch the nodes of the cluster.
///
/// Pure; no thread safety. A watcher's position is an epoch, so that it can resume at any node; it may be ahead of this
/// one.
class ViewLog {
 public:
  struct Options {
    std::size_t events_max = limits::watch_events_kept_max;  ///< The views with the oldest go first.
    std::size_t bytes_max = limits::watch_bytes_kept_max;
  };
  ViewLog() = default;
  explicit ViewLog(const Options& options) : options_(options) {}

  /// Whether that view, or a newer one, is here.
  [[nodiscard]] bool has(Epoch epoch) const { return view_ && view_->epoch() >= epoch; }
  /// REQUIRES: its epoch is higher than that of the one before.
  void install(std::shared_ptr<const View> view, std::int64_t time_ms);
  /// The events after an epoch (0: the watcher knows nothing), or nothing yet.
  [[nodiscard]] std::optional<Bytes> reply_to(std::uint64_t epoch) const;
  /// An answer without events.
  [[nodiscard]] static Bytes nothing_after(std::uint64_t epoch);

 private:
  struct Step {
    Epoch from;
    std::vector<WatchEvent> events;
    std::size_t bytes = 0;
  };

  Options options_;
  std::shared_ptr<const View> view_;
  std::deque<Step> steps_;  // each goes on where the one before ended
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace reki
