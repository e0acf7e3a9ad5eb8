#include "judge.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace chaos {
namespace {

using Pointers = std::vector<const WitnessRecord*>;

/// Which records may tell of something that had begun before their thread was stopped: the first one of each thread
/// after each thaw.
class Thaws {
 public:
  Thaws(const Pointers& by_time, const std::vector<Freeze>& freezes) {
    std::multimap<std::uint32_t, const Freeze*> of_pid;
    for (const Freeze& freeze : freezes) of_pid.emplace(freeze.pid, &freeze);
    std::set<std::pair<const Freeze*, std::uint32_t>> seen;
    for (const WitnessRecord* record : by_time) {
      const auto [begin, end] = of_pid.equal_range(record->pid);
      for (auto at = begin; at != end; ++at) {
        const Freeze* freeze = at->second;
        if (record->at_ns < freeze->to_ns || record->at_ns > freeze->to_ns + thaw_ns_max) continue;
        if (seen.emplace(freeze, record->tid).second) first_.emplace(record, freeze);
      }
    }
  }

  /// True if it may have been admitted before `newer_at_ns`: its thread stood still from before then until just now.
  [[nodiscard]] bool explain(const WitnessRecord& record, std::int64_t newer_at_ns) const {
    const auto found = first_.find(&record);
    return found != first_.end() && found->second->from_ns < newer_at_ns;
  }

 private:
  std::unordered_map<const WitnessRecord*, const Freeze*> first_;
};

struct Handler {
  const WitnessRecord* begin = nullptr;
  std::optional<std::int64_t> end_ns;
};

/// Everything about one key; the records come in the order of time.
class KeyCase {
 public:
  KeyCase(std::span<const WitnessRecord* const> records, const Thaws& thaws, Verdict& verdict)
      : thaws_(thaws), verdict_(verdict) {
    for (const WitnessRecord* record : records) sort_in(*record);
    std::ranges::stable_sort(starts_, {}, &WitnessRecord::fence);
  }

  void decide() {
    ++verdict_.keys;
    verdict_.starts += starts_.size();
    verdict_.handlers += handlers_.size();
    verdict_.outputs += outputs_.size();
    note_earliest_newer_starts();
    decide_starts();
    decide_handlers();
    decide_outputs();
  }

 private:
  /// The earliest begin of the starts above a fence.
  struct Newer {
    std::uint64_t fence = 0;
    std::int64_t at_ns = INT64_MAX;
  };

  void sort_in(const WitnessRecord& record) {
    switch (record.event) {
      case WitnessEvent::start_begin:
        starts_.push_back(&record);
        break;
      case WitnessEvent::handler_begin:
        by_message_.emplace(record.message, handlers_.size());
        handlers_.push_back({&record, {}});
        break;
      case WitnessEvent::handler_end:
        if (const auto found = by_message_.find(record.message); found != by_message_.end()) {
          handlers_[found->second].end_ns = record.at_ns;
        }
        break;
      case WitnessEvent::stop:
        stops_.emplace(record.fence, record.at_ns);
        break;
      case WitnessEvent::output_accepted:
        outputs_.push_back(&record);
        break;
      case WitnessEvent::started:
        break;
    }
  }

  void note_earliest_newer_starts() {
    Newer earliest;
    for (auto start = starts_.rbegin(); start != starts_.rend();) {
      const std::uint64_t fence = (*start)->fence;
      newer_.emplace(fence, earliest);
      for (; start != starts_.rend() && (*start)->fence == fence; ++start) {
        if ((*start)->at_ns < earliest.at_ns) earliest = {fence, (*start)->at_ns};
      }
    }
  }

  [[nodiscard]] Newer newer_than(std::uint64_t fence) const {
    if (const auto found = newer_.find(fence); found != newer_.end()) return found->second;
    // A start that is not in the logs: torn. The next one above it knows.
    Newer earliest;
    for (const WitnessRecord* start : starts_) {
      if (start->fence > fence && start->at_ns < earliest.at_ns) earliest = {start->fence, start->at_ns};
    }
    return earliest;
  }

  void add(Kind kind, const WitnessRecord& record, Newer newer) {
    if (++verdict_.counts[kind] > examples_per_kind) return;
    verdict_.examples.push_back({kind, std::string{record.key()}, record, newer.fence, newer.at_ns});
  }

  void decide_starts() {
    const WitnessRecord* last = nullptr;
    for (const WitnessRecord* start : starts_) {
      if (last != nullptr && last->process != start->process) ++verdict_.take_overs;
      if (last != nullptr && last->fence == start->fence) {
        add(Kind::duplicate_fence, *start, {last->fence, last->at_ns});
      }
      const Newer newer = newer_than(start->fence);
      if (start->at_ns > newer.at_ns) {
        add(thaws_.explain(*start, newer.at_ns) ? Kind::frozen_start : Kind::stale_start, *start, newer);
      }
      last = start;
    }
  }

  void decide_handlers() {
    std::unordered_map<std::uint64_t, const Handler*> last;  // of a fence
    for (const Handler& handler : handlers_) {
      const WitnessRecord& begin = *handler.begin;
      const Newer newer = newer_than(begin.fence);
      if (begin.at_ns > newer.at_ns) {
        add(thaws_.explain(begin, newer.at_ns) ? Kind::frozen_admission : Kind::class_a, begin, newer);
      } else if (newer.at_ns != INT64_MAX && is_over_after(handler, newer.at_ns)) {
        if (!handler.end_ns) add(Kind::unfinished, begin, newer);
        else if (!has_late_effect(handler, newer.at_ns)) add(Kind::class_b, begin, newer);
      }
      const Handler*& before = last[begin.fence];
      if (before != nullptr && (!before->end_ns || *before->end_ns > begin.at_ns)) {
        add(Kind::overlap, begin, {begin.fence, before->begin->at_ns});
      }
      before = &handler;
      if (const auto stop = stops_.find(begin.fence); stop != stops_.end() && stop->second < begin.at_ns) {
        add(Kind::after_stop, begin, {begin.fence, stop->second});
      }
    }
  }

  static bool is_over_after(const Handler& handler, std::int64_t at_ns) {
    return !handler.end_ns || *handler.end_ns > at_ns;
  }

  [[nodiscard]] bool has_late_effect(const Handler& handler, std::int64_t newer_at_ns) const {
    return std::ranges::any_of(outputs_, [&](const WitnessRecord* output) {
      return output->message == handler.begin->message && output->at_ns > newer_at_ns;
    });
  }

  void decide_outputs() {
    for (const WitnessRecord* output : outputs_) {
      const Newer newer = newer_than(output->fence);
      if (output->at_ns <= newer.at_ns) continue;
      const auto sender = by_message_.find(output->message);
      // An output whose handler is in no log: its record is torn, and nothing speaks for it.
      const bool was_over = sender != by_message_.end() && !is_over_after(handlers_[sender->second], newer.at_ns);
      add(was_over ? Kind::late_output : Kind::class_b_with_effect, *output, newer);
    }
  }

  const Thaws& thaws_;
  Verdict& verdict_;
  Pointers starts_;  // by fence
  Pointers outputs_;
  std::vector<Handler> handlers_;
  std::unordered_map<std::uint64_t, std::size_t> by_message_;
  std::unordered_map<std::uint64_t, std::int64_t> stops_;
  std::unordered_map<std::uint64_t, Newer> newer_;
};

}  // namespace

std::string_view name_of(Kind kind) {
  constexpr std::string_view names[kinds] = {"class_a",    "class_b_with_effect", "duplicate_fence", "stale_start",
                                             "overlap",    "after_stop",          "class_b",         "frozen_admission",
                                             "frozen_start", "late_output",       "unfinished"};
  return names[static_cast<std::size_t>(kind)];
}

bool breaks_the_promise(Kind kind) { return kind <= Kind::after_stop; }

bool Verdict::promise_is_kept() const {
  return std::ranges::none_of(
      counts, [](const auto& count) { return breaks_the_promise(count.first) && count.second > 0; });
}

Verdict judge(const std::vector<WitnessRecord>& records, const std::vector<Freeze>& freezes) {
  Verdict verdict;
  verdict.records = records.size();
  Pointers order;
  order.reserve(records.size());
  for (const auto& record : records) order.push_back(&record);
  std::ranges::stable_sort(order, {}, &WitnessRecord::at_ns);
  const Thaws thaws(order, freezes);
  std::ranges::stable_sort(order, {}, &WitnessRecord::key_hash);
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && order[end]->key_hash == order[begin]->key_hash) ++end;
    KeyCase(std::span{order}.subspan(begin, end - begin), thaws, verdict).decide();
    begin = end;
  }
  return verdict;
}

}  // namespace chaos
