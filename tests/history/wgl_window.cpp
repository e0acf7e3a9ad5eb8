#include "history/wgl_window.hpp"

#include <algorithm>
#include <bit>

#include "reki/core/base/assert.hpp"

namespace reki::history {
namespace {

constexpr std::uint64_t bit(std::size_t index) { return std::uint64_t{1} << index; }

/// Calls f(index) for each bit, from the lowest on.
template <class F>
void for_each_bit(std::uint64_t bits, F f) {
  for (; bits != 0; bits &= bits - 1) f(static_cast<std::size_t>(std::countr_zero(bits)));
}

}  // namespace

Window::Outcome Window::search(std::span<const Operation> operations, Instant cut, Faults faults,
                               std::span<const Configuration> from, std::size_t configurations_max) {
  REKI_ASSERT(operations.size() <= operations_max);
  operations_ = operations;
  faults_ = faults;
  configurations_max_ = configurations_max;
  mandatory_ = 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (operations[i].returned < cut) mandatory_ |= bit(i);
  }
  seen_.clear();
  stack_.clear();
  ends_.clear();
  best_ = from.empty() ? Configuration{} : from.front();
  for (const Configuration& c : from) {
    if (!visit(c)) return Outcome::too_many;
  }
  while (!stack_.empty()) {
    const Configuration c = stack_.back();
    stack_.pop_back();
    if ((c.done & mandatory_) == mandatory_) ends_.push_back(c);
    expand(c);
    if (seen_.size() > configurations_max_) return Outcome::too_many;
  }
  return ends_.empty() ? Outcome::contradiction : Outcome::explained;
}

bool Window::visit(Configuration c) {
  do_what_changes_nothing(c);
  if (!seen_.insert(c).second) return true;
  if (std::popcount(c.done & mandatory_) > std::popcount(best_.done & mandatory_)) best_ = c;
  if (!is_lost(c)) stack_.push_back(c);
  return seen_.size() <= configurations_max_;
}

/// True if some operation that is not done can never be, since fences only grow. Without this look ahead, most orders
/// of operations that all overlap are tried up to the first one that comes too late.
bool Window::is_lost(const Configuration& c) const {
  const KeyState& s = c.state;
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    const Operation& o = operations_[i];
    if ((c.done & bit(i)) != 0 || o.fence.value == 0 || o.fence > s.fence) continue;
    const bool of_present_start = s.told && o.fence == s.fence && s.phase != KeyState::Phase::idle;
    const bool can_be =
        o.answer == Answer::stopped || (o.answer == Answer::running && s.phase == KeyState::Phase::live);
    if (!of_present_start || !can_be) return true;
  }
  return false;
}

void Window::expand(const Configuration& c) {
  const std::uint64_t can = enabled(c.done);
  for_each_bit(can, [&](std::size_t i) {
    if (!is_choice(i, c.done)) return;
    const Operation& o = operations_[i];
    const bool live = c.state.phase == KeyState::Phase::live;
    if (faults_ == Faults::none && live && o.answer == Answer::not_running) return close_and_look(c, i, can);
    const auto next = after(c.state, i);
    if (!next) return;
    const bool over = c.state.phase == KeyState::Phase::closing && next->phase != KeyState::Phase::closing;
    (void)visit({c.done | told_with(i, can) | (over ? c.closer : 0), over ? 0 : c.closer, *next});
  });
}

/// Of unknown operations that can do the same it is enough to try the first.
bool Window::is_choice(std::size_t index, std::uint64_t done) const {
  if (operations_[index].answer != Answer::unknown) return true;
  for (std::size_t i = 0; i < index; ++i) {
    const bool same = operations_[i].answer == Answer::unknown && operations_[i].call == operations_[index].call;
    if (same && (done & bit(i)) == 0) return false;
  }
  return true;
}

/// The operation and, if it is a stop, those that take effect with it: the stops that are told of the same end.
std::uint64_t Window::told_with(std::size_t index, std::uint64_t enabled) const {
  const Operation& o = operations_[index];
  std::uint64_t out = bit(index);
  if (o.answer != Answer::stopped || o.fence.value == 0) return out;
  for_each_bit(enabled, [&](std::size_t i) {
    if (operations_[i].answer == Answer::stopped && operations_[i].fence == o.fence) out |= bit(i);
  });
  return out;
}

/// Without faults a look-up finds nothing in place of a live actor only if a stop has closed it, which is answered
/// later.
void Window::close_and_look(const Configuration& c, std::size_t index, std::uint64_t enabled) {
  if (operations_[index].call == Call::stop) return;
  for_each_bit(closers(c, enabled), [&](std::size_t i) {
    const Fence named = operations_[i].fence;
    // One that names this start is told of its end in any case.
    if (named.value != 0)
      (void)visit({c.done | bit(index), 0, {named, KeyState::Phase::closing, true}});
    else
      (void)visit({c.done | bit(index), bit(i), {c.state.fence, KeyState::Phase::closing, c.state.told}});
  });
}

/// The stops that may be told of the end of the present start.
std::uint64_t Window::closers(const Configuration& c, std::uint64_t enabled) const {
  std::uint64_t out = 0;
  for_each_bit(enabled, [&](std::size_t i) {
    const Operation& o = operations_[i];
    const bool ends_it = o.answer == Answer::stopped || o.answer == Answer::unknown;
    if (o.call == Call::stop && ends_it && can_mean(c.state, o) && is_choice(i, c.done)) out |= bit(i);
  });
  return out;
}

std::uint64_t Window::enabled(std::uint64_t done) const {
  Instant first_return = Instant::never();
  std::uint64_t out = 0;
  // By invocation: what comes after one that is too late is too late as well, and cannot return earlier either.
  for (std::size_t i = 0; i < operations_.size() && operations_[i].invoked <= first_return; ++i) {
    if ((done & bit(i)) != 0) continue;
    out |= bit(i);
    first_return = std::min(first_return, operations_[i].returned);
  }
  return out;
}

void Window::do_what_changes_nothing(Configuration& c) const {
  // Whatever can follow later can follow without them too, so that no other place for them need be tried. A stop that
  // is not told its fence is different without faults: it may be the one that closes a later start.
  for (bool again = true; again;) {
    again = false;
    const std::uint64_t can = enabled(c.done);
    for_each_bit(can, [&](std::size_t i) {
      const Operation& o = operations_[i];
      const bool may_mean_later = faults_ == Faults::none && o.answer == Answer::stopped && o.fence.value == 0;
      if (may_mean_later || after(c.state, i) != c.state) return;
      c.done |= bit(i);
      again = true;
    });
  }
}

std::optional<KeyState> Window::after(const KeyState& state, std::size_t index) const {
  return step(state, operations_[index], faults_);
}

}  // namespace reki::history
