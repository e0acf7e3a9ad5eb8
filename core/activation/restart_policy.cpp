#include "reki/core/activation/restart_policy.hpp"

#include <algorithm>
#include <array>

#include "reki/core/base/limits.hpp"

namespace reki {
namespace {

constexpr std::array mode_names{std::string_view{"permanent"}, std::string_view{"transient"},
                                std::string_view{"temporary"}};

tl::unexpected<Error> invalid(const char* text) { return fail(ErrorCode::invalid_argument, text); }

// As the texts below say.
static_assert(limits::restarts_max == 1'000'000 && limits::restart_wait_max == std::chrono::hours(24));

bool is_wait(Duration d) { return d > Duration{0} && d <= limits::restart_wait_max; }

bool restarts_after(RestartMode mode, ExitKind kind) {
  return mode == RestartMode::permanent || (mode == RestartMode::transient && kind == ExitKind::crashed);
}

Duration next_wait(const RestartPolicy& policy, const RestartHistory& history) {
  if (history.in_a_row == 0) return Duration{0};
  if (history.in_a_row == 1) return policy.backoff_initial;
  const double grown = static_cast<double>(history.wait.count()) * policy.factor;  // at most a day times 100
  return std::min(policy.backoff_max, Duration{static_cast<Duration::rep>(grown)});
}

}  // namespace

std::string_view name_of(RestartMode mode) {
  const auto index = static_cast<std::size_t>(mode);
  return index < mode_names.size() ? mode_names[index] : "unknown";
}

std::optional<RestartMode> restart_mode_of(std::string_view name) {
  const auto* it = std::ranges::find(mode_names, name);
  if (it == mode_names.end()) return std::nullopt;
  return static_cast<RestartMode>(it - mode_names.begin());
}

Result<void> validate(const RestartPolicy& policy) {
  if (policy.max_restarts > limits::restarts_max) return invalid("max_restarts is more than 1000000");
  if (!is_wait(policy.period)) return invalid("period is not more than 0 and at most 24 hours");
  if (!is_wait(policy.backoff_initial)) return invalid("backoff_initial is not more than 0 and at most 24 hours");
  if (!is_wait(policy.backoff_max)) return invalid("backoff_max is not more than 0 and at most 24 hours");
  if (policy.backoff_max < policy.backoff_initial) return invalid("backoff_max is less than backoff_initial");
  if (!(policy.factor >= 1.0 && policy.factor <= 100.0)) return invalid("factor is not from 1 to 100");
  return {};
}

bool forgotten(const RestartPolicy& policy, const RestartHistory& history, Instant now) {
  return history.in_a_row == 0 || now - history.due >= std::max(policy.period, history.wait);
}

RestartDecision decide(const RestartPolicy& policy, RestartHistory& history, Instant now, ExitKind kind) {
  using What = RestartDecision::What;
  if (!restarts_after(policy.mode, kind)) {
    history = {};
    return {What::drop, Duration{0}, now};
  }
  if (forgotten(policy, history, now)) history = {};
  if (history.in_a_row == 0 || now - history.window_start >= policy.period) {
    history.window_start = now;
    history.in_window = 0;
  }
  if (history.in_window >= policy.max_restarts) {
    history = {};
    return {What::give_up, policy.backoff_max, now + policy.backoff_max};
  }
  history.wait = next_wait(policy, history);
  history.due = now + history.wait;
  history.in_a_row = std::min(history.in_a_row, UINT32_MAX - 1) + 1;
  ++history.in_window;
  return {What::restart, history.wait, history.due};
}

}  // namespace reki
