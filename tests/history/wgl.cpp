#include "history/wgl.hpp"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <tuple>

#include "reki/core/base/assert.hpp"

namespace reki::history {
namespace {

constexpr std::size_t window_min = 8;
/// New operations that a window has room for beside the open ones, at least: with fewer it is given up.
constexpr std::size_t new_min = 4;
constexpr std::size_t fit_shown = 6;

bool is_open_at(const Operation& o, Instant cut) { return o.returned >= cut; }

std::string lines(const History& history, const std::vector<Operation>& operations) {
  std::string out;
  for (const Operation& o : operations) out += "\n    " + history.describe(o);
  return out;
}

}  // namespace

std::string describe(const History& history, const Contradiction& c) {
  const Operation& any = c.stuck.empty() ? c.fit.front() : c.stuck.front();
  std::string out = "key " + history.key_name(any.key) + ": no order of its operations explains their answers";
  if (!c.fit.empty()) out += "\n  these can be put in order, after those before them:" + lines(history, c.fit);
  out += "\n  then the key is " + to_text(c.state) + ", and with none of these next can the others follow:";
  return out + lines(history, c.stuck);
}

Linearizability::Linearizability(Options options) : options_(options) {
  REKI_ASSERT(options.window >= window_min && options.window <= Window::operations_max);
}

bool Linearizability::check(std::span<const Operation> one_key) {
  plan(one_key);
  window_.clear();
  from_.assign(1, Configuration{});
  for (std::size_t next = 0; next < operations_.size();) {
    if (window_.size() + new_min > options_.window) {
      ++skipped_;
      if (options_.faults == Faults::none) return true;
      go_on_behind(operations_[next].invoked);
    }
    const Cut cut = choose_cut(next);
    window_.insert(window_.end(), operations_.begin() + static_cast<std::ptrdiff_t>(next),
                   operations_.begin() + static_cast<std::ptrdiff_t>(cut.end));
    if (!search(cut)) return false;
    if (from_.empty()) return true;
    next = cut.end;
  }
  return true;
}

/// Takes what can matter. A started one that may have been begun by an earlier try becomes two operations: the start,
/// which may have been as early as that try, and that it was live while this try was open. A further try that is told of
/// the same start adds only the latter.
void Linearizability::plan(std::span<const Operation> one_key) {
  operations_.clear();
  first_tries(one_key, first_tries_);
  absl::flat_hash_set<std::tuple<std::uint32_t, std::uint64_t, std::uint64_t>> starts;
  bool sorted = true;
  for (std::size_t i = 0; i < one_key.size(); ++i) {
    Operation o = one_key[i];
    const bool unknown_matters =
        options_.faults == Faults::none && o.answer == Answer::unknown && o.call != Call::lookup;
    if (!is_answered(o) && !unknown_matters) continue;
    if (o.answer == Answer::started && o.request != 0) {
      const bool first = starts.emplace(o.client, o.request, o.fence.value).second;
      Operation live = o;
      live.answer = Answer::running;
      if (!first || first_tries_[i] != o.invoked) operations_.push_back(live);
      if (!first) continue;
      sorted = sorted && first_tries_[i] == o.invoked;
      o.invoked = first_tries_[i];
    }
    operations_.push_back(o);
  }
  if (!sorted) std::ranges::stable_sort(operations_, {}, &Operation::invoked);
}

/// The later half of what the window has room for holds the candidates.
Linearizability::Cut Linearizability::choose_cut(std::size_t next) const {
  const std::size_t room = options_.window - window_.size();
  if (operations_.size() - next <= room) return {operations_.size(), Instant::never()};
  Cut best;
  std::size_t best_open = SIZE_MAX;
  for (std::size_t end = next + room; end > next + room / 2; --end) {
    const Instant at = operations_[end].invoked;
    const auto open = [at](const Operation& o) { return is_open_at(o, at); };
    const auto from = operations_.begin();
    const auto count = static_cast<std::size_t>(
        std::ranges::count_if(window_, open) +
        std::count_if(from + static_cast<std::ptrdiff_t>(next), from + static_cast<std::ptrdiff_t>(end), open));
    if (count < best_open) {
      best = {end, at};
      best_open = count;
    }
    if (count == 0) break;
  }
  return best;
}

/// False on a contradiction. Leaves in window_ what is open at the cut, and in from_ what the next window begins with:
/// nothing, if it cannot be said.
bool Linearizability::search(const Cut& cut) {
  switch (search_.search(window_, cut.at, options_.faults, from_, options_.configurations_max)) {
    case Window::Outcome::contradiction:
      ++contradictions_;
      if (first_.size() < options_.keep) report();
      return false;
    case Window::Outcome::explained:
      ++windows_;
      carry(cut.at);
      return true;
    case Window::Outcome::too_many:
      ++skipped_;
      if (options_.faults == Faults::none)
        from_.clear();
      else
        go_on_behind(cut.at);
      return true;
  }
  return false;
}

/// Open operations that are done in every configuration have had their place, and need not be carried.
void Linearizability::carry(Instant cut) {
  std::uint64_t always = ~std::uint64_t{0};
  for (const Configuration& c : search_.ends()) always &= c.done;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < window_.size(); ++i) {
    if (is_open_at(window_[i], cut) && (always >> i & 1) == 0) kept.push_back(i);
  }
  absl::flat_hash_set<Configuration> distinct;
  for (const Configuration& c : search_.ends()) {
    const auto renumbered = [&](std::uint64_t bits) {
      std::uint64_t out = 0;
      for (std::size_t place = 0; place < kept.size(); ++place) out |= (bits >> kept[place] & 1) << place;
      return out;
    };
    distinct.insert({renumbered(c.done), renumbered(c.closer), c.state});
  }
  from_.assign(distinct.begin(), distinct.end());
  for (std::size_t place = 0; place < kept.size(); ++place) window_[place] = window_[kept[place]];
  window_.resize(kept.size());
}

/// Behind a window that was given up, every state is possible but those with a lower fence than has been answered
/// before the cut; a live start with that fence can turn into all of them. Open operations are left out: whatever they
/// did is one of the faults that are allowed.
void Linearizability::go_on_behind(Instant cut) {
  KeyState state{Fence{UINT64_MAX}, KeyState::Phase::live, true};
  for (const Configuration& c : from_) state.fence = std::min(state.fence, c.state.fence);
  for (const Operation& o : window_) {
    if (!is_open_at(o, cut)) state.fence = std::max(state.fence, o.fence);
  }
  window_.clear();
  from_.assign(1, Configuration{0, 0, state});
}

void Linearizability::report() {
  const Configuration& best = search_.best();
  const std::uint64_t enabled = search_.enabled(best.done);
  Contradiction out;
  out.state = best.state;
  for (std::size_t i = 0; i < window_.size(); ++i) {
    if ((best.done >> i & 1) != 0)
      out.fit.push_back(window_[i]);
    else if ((enabled >> i & 1) != 0)
      out.stuck.push_back(window_[i]);
  }
  if (out.fit.size() > fit_shown) out.fit.erase(out.fit.begin(), out.fit.end() - fit_shown);
  first_.push_back(std::move(out));
}

}  // namespace reki::history
