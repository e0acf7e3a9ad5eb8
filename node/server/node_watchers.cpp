#include "reki/node/server/node_watchers.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/watch/watch_codec.hpp"

namespace reki {
namespace {

Answer telling(Bytes payload) {
  Answer out;
  out.payload = std::move(payload);
  return out;
}

}  // namespace

std::optional<Answer> NodeWatchers::ask(SessionId session, const wire::Request& request, Instant now) {
  const auto position = wire::decode_watch_args(request.args);
  if (!position) return Answer{position.error()};
  if (open_.size() >= limits::watches_open_max) return Answer{Error{ErrorCode::overloaded}};
  if (auto payload = log_.reply_to(position->sequence)) return telling(std::move(*payload));
  const auto wait = std::min<Duration>(std::chrono::milliseconds(request.remaining_ms), limits::watch_wait_max);
  open_.emplace(now + wait, Question{session, request.id, position->sequence});
  return std::nullopt;
}

void NodeWatchers::install(const std::shared_ptr<const View>& view, std::int64_t time_ms, std::vector<SessionAnswer>& out) {
  if (!log_.has(view->epoch())) log_.install(view, time_ms);
  std::erase_if(open_, [&](const auto& item) {
    const Question& question = item.second;
    auto payload = log_.reply_to(question.epoch);
    if (payload) out.push_back({question.session, question.request, telling(std::move(*payload))});
    return payload.has_value();
  });
}

void NodeWatchers::expire(Instant now, std::vector<SessionAnswer>& out) {
  while (!open_.empty() && open_.begin()->first <= now) {
    const Question question = open_.begin()->second;
    open_.erase(open_.begin());
    out.push_back({question.session, question.request, telling(ViewLog::nothing_after(question.epoch))});
  }
}

void NodeWatchers::refuse_all(const Error& why, std::vector<SessionAnswer>& out) {
  for (const auto& [due, question] : open_) out.push_back({question.session, question.request, Answer{why}});
  open_.clear();
}

}  // namespace reki
