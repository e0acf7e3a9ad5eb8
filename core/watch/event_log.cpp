#include "reki/core/watch/event_log.hpp"

#include <utility>

#include "reki/core/watch/watch_codec.hpp"

namespace reki {

void EventLog::append(WatchEvent event) {
  bytes_ += wire::watch_event_bytes_max(event);
  events_.push_back(std::move(event));
  // The newest stays, whatever its size: a text and a key have bounds of their own.
  while (events_.size() > 1 && (events_.size() > options_.events_max || bytes_ > options_.bytes_max)) {
    bytes_ -= wire::watch_event_bytes_max(events_.front());
    events_.pop_front();
    ++first_;
  }
}

void EventLog::interrupt() {
  first_ = last() + 2;
  kept_since_ = first_ - 1;
  events_.clear();
  bytes_ = 0;
}

EventLog::Resumption EventLog::resume(std::uint64_t sequence) const {
  if (sequence < kept_since_ || sequence > last()) return {Resumption::What::not_kept, 0};
  if (sequence + 1 < first_) return {Resumption::What::fell_behind, first_ - sequence - 1};
  return {};
}

}  // namespace reki
