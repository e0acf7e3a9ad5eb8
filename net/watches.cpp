#include "reki/net/watches.hpp"

#include <vector>

#include "reki/core/base/limits.hpp"
#include "reki/core/watch/watch_codec.hpp"

namespace reki {

void Watches::add(WatchFilter filter, std::shared_ptr<WatchSink> sink, Instant now) {
  const auto at = entries_.emplace(++last_, Entry{std::move(filter), std::move(sink)}).first;
  if (view_) at->second.watcher.set_view(view_, now);
  serve(at, now);
}

void Watches::set_view(std::shared_ptr<const View> view, Instant now) {
  view_ = std::move(view);
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto next = std::next(at);
    at->second.watcher.set_view(view_, now);
    serve(at, now);
    at = next;
  }
}

void Watches::tick(Instant now) {
  std::vector<std::uint64_t> due;
  for (const auto& [wake, watch] : wakes_) {
    if (wake > now) break;
    due.push_back(watch);
  }
  for (const auto watch : due) {
    if (const auto at = entries_.find(watch); at != entries_.end()) serve(at, now);
  }
}

void Watches::complete(void* self, std::uint64_t watch, std::uint64_t question, Answer&& answer) {
  static_cast<Watches*>(self)->answered(watch, Watcher::QuestionId{question}, answer);
}

void Watches::answered(std::uint64_t watch, Watcher::QuestionId question, const Answer& answer) {
  const auto at = entries_.find(watch);
  if (at == entries_.end()) return;
  const Instant now = carrier_.moment();
  at->second.watcher.answered(question, answer.code, answer.text, answer.payload, now);
  serve(at, now);
}

void Watches::serve(Entries::iterator at, Instant now) {
  const std::uint64_t watch = at->first;
  Entry& entry = at->second;
  while (const auto event = entry.watcher.next_event()) entry.sink->deliver(*event);
  wakes_.erase({entry.wake, watch});
  if (entry.sink->cancelled()) {
    entries_.erase(at);
    return;
  }
  while (auto question = entry.watcher.next_question(now)) {
    const WatchFilter& filter = entry.watcher.filter();
    wire::RequestBody body{
        .op = wire::Op::watch, .type = filter.type, .key = filter.key, .args = wire::encode_watch_args(question->position)};
    carrier_.carry({std::move(body), std::move(question->node), now + limits::watch_question_time},
                   Completion{&Watches::complete, this, watch, question->id.value});
  }
  entry.wake = entry.watcher.next_wake();
  if (entry.wake != Instant::never()) wakes_.emplace(entry.wake, watch);
}

void Watches::close() {
  WatchEvent ended;
  ended.kind = WatchKind::ended;
  ended.reason = WatchReason::closing;
  for (auto& [watch, entry] : entries_) {
    ended.type = entry.watcher.filter().type;
    ended.key = entry.watcher.filter().key;
    entry.sink->deliver(ended);
  }
  entries_.clear();
  wakes_.clear();
}

}  // namespace reki
