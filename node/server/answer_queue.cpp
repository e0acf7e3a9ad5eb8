#include "reki/node/server/answer_queue.hpp"

#include <utility>

#include "reki/net/deferred_wakeups.hpp"

namespace reki {

void AnswerQueue::complete(void* context, std::uint64_t session, std::uint64_t request, Answer&& answer) {
  static_cast<AnswerQueue*>(context)->push({SessionId{session}, RequestId{request}, std::move(answer)});
}

void AnswerQueue::push(SessionAnswer&& item) {
  bool last = false;
  {
    const MutexLock lock(mutex_);
    if (closed_) {
      last = --owed_ == 0;
    } else {
      items_.push_back(std::move(item));
      if (auto* const wakeups = DeferredWakeups::of_this_thread()) wakeups->defer(wakeup_);
      else wakeup_->signal();
    }
  }
  if (last) delete this;
}

void AnswerQueue::take(std::vector<SessionAnswer>& out) {
  out.clear();
  {
    const MutexLock lock(mutex_);
    out.swap(items_);
  }
  promised_ -= out.size();
}

bool AnswerQueue::empty() const {
  const MutexLock lock(mutex_);
  return items_.empty();
}

void AnswerQueue::close() {
  std::vector<SessionAnswer> unread;
  bool last = false;
  {
    const MutexLock lock(mutex_);
    unread.swap(items_);
    closed_ = true;
    owed_ = promised_ - unread.size();
    last = owed_ == 0;
  }
  if (last) delete this;
}

}  // namespace reki
