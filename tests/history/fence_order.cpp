#include "history/fence_order.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace reki::history {
namespace {

constexpr std::uint32_t none = UINT32_MAX;

/// Says that the key was free at some instant, without naming the start that was over.
bool says_free(const Operation& o) {
  return o.call == Call::stop &&
         (o.answer == Answer::not_running || (o.answer == Answer::stopped && o.fence.value == 0));
}
bool says_not_live(const Operation& o) { return o.answer == Answer::not_running || says_free(o); }

std::string_view sentence(Rule rule) {
  switch (rule) {
    case Rule::went_back:
      return "a later answer has a lower fence (I12)";
    case Rule::start_not_new:
      return "a start has a fence that was answered before the start was asked for";
    case Rule::two_starters:
      return "two requests were told that they started the same actor";
    case Rule::over_already:
      return "a later answer has the fence of a start that was stopped already, or a lower one";
    case Rule::was_not_running:
      return "an actor that was seen before the key was answered not to run was seen again afterwards";
  }
  return "";
}

}  // namespace

std::string_view name_of(Rule rule) {
  constexpr std::array names{"went_back", "start_not_new", "two_starters", "over_already", "was_not_running"};
  return names[static_cast<std::size_t>(rule)];
}

std::string describe(const History& history, const Violation& v) {
  std::string out = "key " + history.key_name(v.later.key) + ": ";
  out.append(name_of(v.rule)).append(": ").append(sentence(v.rule));
  out += "\n  first  " + history.describe(v.earlier);
  if (v.between) out += "\n  then   " + history.describe(*v.between);
  out += "\n  then   " + history.describe(v.later);
  return out;
}

// What is known when

void FenceOrder::Known::seal() {
  const auto by_return = [](const Item& a, const Item& b) { return a.returned < b.returned; };
  if (!std::ranges::is_sorted(items_, by_return)) std::ranges::sort(items_, by_return);
  for (std::size_t i = 1; i < items_.size(); ++i) {
    if (items_[i - 1].fence >= items_[i].fence) {
      const Instant at = items_[i].returned;
      items_[i] = items_[i - 1];
      items_[i].returned = at;
    }
  }
}

const FenceOrder::Known::Item* FenceOrder::Known::before(Instant at) const {
  const auto after = std::ranges::lower_bound(items_, at, {}, &Item::returned);
  return after == items_.begin() ? nullptr : &*(after - 1);
}

void FenceOrder::learn_answers(std::span<const Operation> one_key) {
  answered_.clear();
  over_.clear();
  starters_.clear();
  for (std::uint32_t i = 0; i < one_key.size(); ++i) {
    const Operation& o = one_key[i];
    if (o.fence.value == 0) continue;
    answered_.add({o.returned, o.fence, i, none});
    if (o.answer == Answer::stopped) over_.add({o.returned, o.fence, i, none});
    if (o.answer == Answer::started) starters_.push_back(i);
  }
  answered_.seal();
  over_.seal();
}

void FenceOrder::learn_not_running(std::span<const Operation> one_key) {
  down_.clear();
  free_.clear();
  for (std::uint32_t i = 0; i < one_key.size(); ++i) {
    const Operation& o = one_key[i];
    if (!says_not_live(o)) continue;
    const Known::Item* known = answered_.before(o.invoked);
    if (known == nullptr) continue;
    down_.add({o.returned, known->fence, known->earlier, i});
    if (says_free(o)) free_.add({o.returned, known->fence, known->earlier, i});
  }
  down_.seal();
  free_.seal();
}

// The rules

bool FenceOrder::check(std::span<const Operation> one_key) {
  const std::uint64_t before = violations_;
  if (one_key.size() < 2) return true;
  first_tries(one_key, first_tries_);
  learn_answers(one_key);
  learn_not_running(one_key);
  check_starters(one_key);
  for (std::size_t i = 0; i < one_key.size(); ++i) {
    if (one_key[i].fence.value != 0) check_operation(one_key, i);
  }
  return violations_ == before;
}

void FenceOrder::check_starters(std::span<const Operation> one_key) {
  std::ranges::sort(starters_, {}, [&](std::uint32_t i) { return std::tuple{one_key[i].fence, i}; });
  std::uint32_t starter = none;
  for (const std::uint32_t i : starters_) {
    if (starter == none || one_key[starter].fence != one_key[i].fence) {
      starter = i;
      continue;
    }
    const Operation& a = one_key[starter];
    const Operation& b = one_key[i];
    const bool same = a.request != 0 && a.request == b.request && a.client == b.client;
    if (!same) report(Rule::two_starters, one_key, {a.returned, a.fence, starter, none}, i);
  }
}

void FenceOrder::check_operation(std::span<const Operation> one_key, std::size_t index) {
  const Operation& o = one_key[index];
  if (const auto* over = over_.before(o.invoked); over != nullptr && o.fence <= over->fence) {
    return report(Rule::over_already, one_key, *over, index);
  }
  if (const auto* known = answered_.before(o.invoked); known != nullptr && o.fence < known->fence) {
    return report(Rule::went_back, one_key, *known, index);
  }
  if (o.answer == Answer::started) {
    const auto* known = answered_.before(first_tries_[index]);
    if (known != nullptr && o.fence <= known->fence) return report(Rule::start_not_new, one_key, *known, index);
  }
  const auto* ended = (is_live(o) ? down_ : free_).before(o.invoked);
  if (ended != nullptr && o.fence <= ended->fence) report(Rule::was_not_running, one_key, *ended, index);
}

// Reports

void FenceOrder::report(Rule rule, std::span<const Operation> one_key, const Known::Item& known, std::size_t later) {
  ++violations_;
  Violation violation{rule, one_key[known.earlier], std::nullopt, one_key[later]};
  if (known.between != none) violation.between = one_key[known.between];
  keep(violation);
}

void FenceOrder::keep(const Violation& violation) {
  const auto earlier = [](const Violation& a, const Violation& b) { return a.later.returned < b.later.returned; };
  if (keep_ == 0) return;
  if (first_.size() == keep_ && !earlier(violation, first_.front())) return;
  if (first_.size() == keep_) {
    std::ranges::pop_heap(first_, earlier);
    first_.pop_back();
  }
  first_.push_back(violation);
  std::ranges::push_heap(first_, earlier);
}

std::vector<Violation> FenceOrder::first() const {
  std::vector<Violation> out = first_;
  std::ranges::sort(out, {}, [](const Violation& v) { return v.later.returned; });
  return out;
}

}  // namespace reki::history
