#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "reki/actor/answer.hpp"
#include "reki/actor/envelope.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/mutex.hpp"
#include "reki/net/wakeup.hpp"
#include "reki/node/server/sessions.hpp"

namespace reki {

/// An answer on its way to a session.
struct SessionAnswer {
  SessionId session;
  RequestId request;
  Answer answer;
};

/// Brings answers from any thread to the data thread.
///
/// An actor that does not end in time may answer long after its node is gone. So this exists until the last
/// promised answer has come, and then deletes itself: `create` and `close` instead of new and delete. The wake-up
/// is given or deferred (DeferredWakeups) under the lock for the same reason: an answer that can be seen has let go
/// of this.
class AnswerQueue {
 public:
  struct Closer {
    void operator()(AnswerQueue* queue) const { queue->close(); }
  };
  using Ptr = std::unique_ptr<AnswerQueue, Closer>;
  /// The data thread's, who sleeps on `wakeup`; closed with it.
  [[nodiscard]] static Ptr create(std::shared_ptr<Wakeup> wakeup) { return Ptr{new AnswerQueue(std::move(wakeup))}; }
  AnswerQueue(const AnswerQueue&) = delete;
  AnswerQueue& operator=(const AnswerQueue&) = delete;

  // The data thread only.

  /// Where the answer to a request is to go. Must be called, on any thread.
  [[nodiscard]] Completion expect(SessionId session, RequestId request) {
    ++promised_;
    return Completion{&AnswerQueue::complete, this, session.value, request.value};
  }
  /// Answers that have been promised and are not here yet.
  [[nodiscard]] std::uint64_t missing() const { return promised_; }
  /// Swaps in what has come, oldest first; `out` is cleared first.
  void take(std::vector<SessionAnswer>& out);
  [[nodiscard]] bool empty() const;

 private:
  explicit AnswerQueue(std::shared_ptr<Wakeup> wakeup) : wakeup_(std::move(wakeup)) {}
  ~AnswerQueue() = default;
  static void complete(void* context, std::uint64_t session, std::uint64_t request, Answer&& answer);
  void push(SessionAnswer&& item);
  void close();

  std::uint64_t promised_ = 0;  // data thread only: answers that have not been received

  mutable Mutex mutex_;
  std::vector<SessionAnswer> items_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t owed_ ABSL_GUARDED_BY(mutex_) = 0;  // once closed: answers still to come
  const std::shared_ptr<Wakeup> wakeup_;
};

}  // namespace reki
