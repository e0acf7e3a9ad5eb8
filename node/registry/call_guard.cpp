#include "reki/node/registry/call_guard.hpp"

#include "reki/actor/answer.hpp"

#include <atomic>
#include <utility>

namespace reki {

namespace {

/// Lets a caller's deadline pass while its message waits or is handled. Owned by the message's completion and by the
/// timers; whoever comes first answers.
class CallGuard final : public Timers::Entry, public PoolAllocated {
 public:
  static Completion wrap(Timers& timers, Completion done, Instant deadline) {
    auto* guard = new CallGuard(timers, std::move(done));
    timers.add(*guard, deadline);
    return Completion{[](void* self, std::uint64_t, std::uint64_t, Answer&& answer) {
                        static_cast<CallGuard*>(self)->answered(std::move(answer));
                      },
                      guard};
  }

  void fire(Instant) override {
    finish(Answer{Error{ErrorCode::unknown_outcome, "the handler had not answered at the deadline"}});
    release();
  }

 private:
  CallGuard(Timers& timers, Completion done) : timers_(timers), done_(std::move(done)) {}

  void answered(Answer&& answer) {
    const bool will_not_fire = timers_.remove(*this);
    finish(std::move(answer));
    if (will_not_fire) release();
    release();
  }
  void finish(Answer&& answer) {
    if (!finished_.exchange(true, std::memory_order_acq_rel)) done_(std::move(answer));
  }
  void release() {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  Timers& timers_;
  Completion done_;
  std::atomic<bool> finished_{false};
  std::atomic<int> owners_{2};
};

}  // namespace

Completion answer_by(Timers& timers, Completion done, Instant deadline) {
  return CallGuard::wrap(timers, std::move(done), deadline);
}

}  // namespace reki
