#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "reki/core/watch/view_log.hpp"
#include "reki/core/wire/wire.hpp"
#include "reki/node/server/answer_queue.hpp"

namespace reki {

/// Those who watch the nodes of the cluster through this one: their open questions, and what the views that come here
/// answer to them.
///
/// Pure; owned by the data thread.
class NodeWatchers {
 public:
  /// The answer if it is there at once; else nothing, and the question is open.
  [[nodiscard]] std::optional<Answer> ask(SessionId session, const wire::Request& request, Instant now);
  // The answers to questions are appended to `out`.
  void install(const std::shared_ptr<const View>& view, std::int64_t time_ms, std::vector<SessionAnswer>& out);
  /// Those that have been open for as long as they may: that there is nothing to tell.
  void expire(Instant now, std::vector<SessionAnswer>& out);
  void refuse_all(const Error& why, std::vector<SessionAnswer>& out);
  /// When expire() next has something to do; `never()` if no question is open.
  [[nodiscard]] Instant next_due() const { return open_.empty() ? Instant::never() : open_.begin()->first; }

 private:
  struct Question {
    SessionId session;
    RequestId request;
    std::uint64_t epoch;  ///< It asks for what came after that.
  };

  ViewLog log_;
  std::multimap<Instant, Question> open_;  // by their deadlines
};

}  // namespace reki
