#pragma once

#include <cstdint>
#include <deque>

#include "reki/core/base/limits.hpp"
#include "reki/core/watch/watch.hpp"

namespace reki {

/// The latest events of one type on one node, each with a sequence number; and from which number a watcher can resume.
///
/// Pure; no thread safety. Bounded in events and bytes: the oldest goes. Numbers begin at 1 and never come again within
/// one incarnation.
class EventLog {
 public:
  struct Options {
    std::size_t events_max = limits::watch_events_kept_max;  ///< > 0
    std::size_t bytes_max = limits::watch_bytes_kept_max;    ///< As the codec writes them, or a little more.
  };
  EventLog() = default;
  explicit EventLog(const Options& options) : options_(options) {}

  /// Of the newest event, or of the gap after it.
  [[nodiscard]] std::uint64_t last() const { return first_ + events_.size() - 1; }
  void append(WatchEvent event);
  /// Events happen now that are not appended: nobody can resume from a number given so far.
  void interrupt();

  struct Resumption {
    enum class What : std::uint8_t {
      exact,        ///< All events after the number are here.
      fell_behind,  ///< The first `missed` of them are not.
      not_kept,     ///< Nobody knows what has happened since, or the number was never given.
    };
    What what = What::exact;
    std::uint64_t missed = 0;
  };
  [[nodiscard]] Resumption resume(std::uint64_t sequence) const;
  /// Calls `visit(event)` for those kept with a higher number, oldest first.
  template <class Visit>
  void for_each_after(std::uint64_t sequence, Visit visit) const {
    for (std::size_t i = sequence < first_ ? 0 : sequence - first_ + 1; i < events_.size(); ++i) visit(events_[i]);
  }

 private:
  Options options_;
  std::deque<WatchEvent> events_;
  std::size_t bytes_ = 0;
  std::uint64_t first_ = 1;     // number of events_.front(), or of the next one
  std::uint64_t kept_since_ = 0;  // the lowest number after which there is no gap
};

}  // namespace reki
