#include "history/key_model.hpp"

#include <array>

namespace reki::history {
namespace {

using Phase = KeyState::Phase;
using Next = std::optional<KeyState>;

Next started(const KeyState& s, Fence fence, Faults faults) {
  const bool free = faults == Faults::allowed || s.phase == Phase::idle;
  if (!free || fence <= s.fence) return std::nullopt;
  return KeyState{fence, Phase::live, true};
}

Next running(const KeyState& s, const Operation& o, Faults faults) {
  const bool unseen_start = faults == Faults::allowed && o.fence > s.fence;
  if (!unseen_start && (s.phase != Phase::live || !can_mean(s, o))) return std::nullopt;
  return KeyState{o.fence, Phase::live, true};
}

Next lookup_found_nothing(KeyState s, Faults faults) {
  if (s.phase == Phase::live) {
    if (faults == Faults::none) return std::nullopt;
    s.phase = Phase::closing;
  }
  return s;
}

Next stop_found_nothing(const KeyState& s, Faults faults) {
  if (faults == Faults::none && s.phase != Phase::idle) return std::nullopt;
  return KeyState{s.fence, Phase::idle, s.told};
}

Next stopped(const KeyState& s, const Operation& o, Faults faults) {
  if (o.fence.value == 0) return KeyState{s.fence, Phase::idle, s.told};  // if idle: of a start that had failed
  const bool unseen_start = faults == Faults::allowed && o.fence > s.fence;
  if (!unseen_start && (s.phase == Phase::idle || !can_mean(s, o))) return std::nullopt;
  return KeyState{o.fence, Phase::idle, true};
}

/// What an operation does whose caller never learned it.
Next unknown(const KeyState& s, Call call) {
  const bool idle = s.phase == Phase::idle;
  if (call == Call::lookup_or_start && idle) return KeyState{s.fence, Phase::live, false};
  if (call == Call::stop && !idle) return KeyState{s.fence, Phase::idle, s.told};
  return std::nullopt;
}

}  // namespace

bool can_mean(const KeyState& state, const Operation& o) {
  if (o.fence.value == 0) return true;
  return state.told ? o.fence == state.fence : o.fence > state.fence;
}

std::string to_text(const KeyState& state) {
  constexpr std::array names{"not running", "live", "down and not over"};
  std::string out = names[static_cast<std::size_t>(state.phase)];
  if (!state.told) return out + " with a fence above " + to_text(state.fence);
  if (state.fence.value == 0) return out;
  return out + (state.phase == Phase::idle ? ", last fence " : " with fence ") + to_text(state.fence);
}

std::optional<KeyState> step(const KeyState& state, const Operation& o, Faults faults) {
  switch (o.answer) {
    case Answer::started:
      return started(state, o.fence, faults);
    case Answer::running:
      return running(state, o, faults);
    case Answer::not_running:
      return o.call == Call::stop ? stop_found_nothing(state, faults) : lookup_found_nothing(state, faults);
    case Answer::stopped:
      return stopped(state, o, faults);
    case Answer::unknown:
      return unknown(state, o.call);
    case Answer::failed_unexecuted:
      break;
  }
  return std::nullopt;
}

}  // namespace reki::history
