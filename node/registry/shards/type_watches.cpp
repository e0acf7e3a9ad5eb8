#include "reki/node/registry/shards/type_watches.hpp"

#include <utility>

#include "reki/node/registry/shards/effects.hpp"

namespace reki {

WatchReason watch_reason(StopReason reason) {
  switch (reason) {
    case StopReason::stopped:
      return WatchReason::stopped;
    case StopReason::stopped_self:
      return WatchReason::stopped_self;
    case StopReason::passivated:
      return WatchReason::passivated;
    case StopReason::closing:
      return WatchReason::closing;
    case StopReason::moved:
      return WatchReason::moved;
  }
  return WatchReason::none;
}

template <class Decide>
void TypeWatches::decide(Effects& effects, Decide decide) {
  std::vector<WatchHub::Answered> answers;
  {
    const MutexLock lock(mutex_);
    decide(hub_, answers);
    wanted_.store(hub_.recording(), std::memory_order_relaxed);
  }
  for (auto& answered : answers) {
    Answer answer;
    if (answered.payload) {
      answer.payload = std::move(*answered.payload);
    } else {
      answer = Answer{std::move(answered.payload.error())};
    }
    effects.answer(std::move(static_cast<Question&>(*answered.question).done), std::move(answer));
  }
}

void TypeWatches::publish(WatchEvent event, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.publish(std::move(event), answers); });
}

void TypeWatches::ask(std::unique_ptr<Question> question, const WatchHub::Present& present, Instant now,
                      Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.ask(std::move(question), present, now, answers); });
}

void TypeWatches::tick(Instant now, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.tick(now, answers); });
}

void TypeWatches::release(const std::function<bool(std::uint64_t)>& chosen, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.release(chosen, answers); });
}

void TypeWatches::gain(const SlotSet& slots, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.gain(slots, answers); });
}

void TypeWatches::abandon(Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.abandon(answers); });
}

void TypeWatches::hold_back(Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto&) { hub.hold_back(); });
}

void TypeWatches::close(WatchEvent ended, Effects& effects) {
  decide(effects, [&](WatchHub& hub, auto& answers) { hub.close(std::move(ended), answers); });
}

}  // namespace reki
