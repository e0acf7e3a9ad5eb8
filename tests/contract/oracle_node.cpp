// What the oracle is told of the node, and the rest of it.
#include <algorithm>
#include <cstdio>
#include <iterator>

#include "oracle.hpp"
#include "reki/core/base/random.hpp"

namespace reki::contract {

Oracle::Oracle(const Story& story, Clock clock, const LeasePage& page, bool prints)
    : story_(story), clock_(clock), page_(page), prints_(prints), keys_(story.keys) {
  // Number 0 is none.
  asks_.emplace_back();
  lives_.emplace_back();
  runs_.emplace_back();
}

void Oracle::break_rule(Rule rule, std::string text) {
  if (prints_) std::printf("R%d: %s\n", static_cast<int>(rule), text.c_str());
  if (!violation_) violation_ = Violation{rule, std::move(text)};
}

std::string Oracle::name(const Life& life) const {
  return name_of_key(life.key) + "'s start " + std::to_string(life.fence.value) + " (made for " +
         std::to_string(life.request) + ")";
}

std::string Oracle::name(const Ask& ask) const {
  static constexpr const char* names[] = {"", "lookup_or_start", "lookup", "start", "stop", "call", "send"};
  std::string out = std::string(names[static_cast<std::size_t>(ask.op)]) + " " + std::to_string(ask.number) + " of " +
                    name_of_key(ask.key);
  if (ask.pin.value != 0) out += " pinned to " + std::to_string(ask.pin.value);
  if (ask.first != ask.number) out += ", a repeat of " + std::to_string(ask.first) + ",";
  return out;
}

void Oracle::note(const char* what, std::uint64_t a, std::uint64_t b) {
  trace_ = SplitMix(trace_ ^ a ^ b << 20 ^ static_cast<std::uint64_t>(now().ns) * 0x9e3779b97f4a7c15).next();
  if (prints_)
    std::printf("%12.3f us  %-10s %llu %llu\n", static_cast<double>(now().ns - 3'600'000'000'000) / 1e3, what,
                static_cast<unsigned long long>(a), static_cast<unsigned long long>(b));
}

void Oracle::slot(std::uint32_t key, Place place) {
  Key& k = keys_[key];
  note("slot", key, static_cast<std::uint64_t>(place));
  if (place == Place::lost) {
    k.lost = next();
    k.lost_at = now();
    ++k.losses;
    if (k.life != 0) closes(lives_[k.life], k.lost);
  }
  if (place == Place::emptied && k.life != 0 && !lives_[k.life].revoked) {
    break_rule(Rule::only_with_the_lease,
               "the slot of " + name_of_key(key) + " is empty, and " + name(lives_[k.life]) + " exists");
  }
  if (place == Place::held) ++k.gains;
  k.place = place;
}

bool Oracle::may_exist(std::uint32_t key) const {
  const Key& k = keys_[key];
  // In back-off after its end, or a turn of it still has to see that nobody waits.
  const bool may_come_back = k.ends > 0 && !lives_[k.last].ended_for_good;
  // No turn is begun without the lease.
  const Instant turns_until = has_lease() ? now() : page_.lease_end();
  const bool is_seen_late = turns_until - std::max(k.wanted, reopened_at_) < std::chrono::milliseconds(150);
  return k.life != 0 || k.wants > 0 || may_come_back || is_seen_late;
}

void Oracle::revoked(std::uint32_t key) {
  note("revoked", key, 0);
  if (const std::uint32_t life = keys_[key].life; life != 0) lives_[life].revoked = true;
}

void Oracle::abandoned() {
  note("abandoned", 0, 0);
  ++drops_;
  for (Key& k : keys_) {
    k.lost = next();
    k.place = Place::emptied;
    if (k.life == 0) continue;
    lives_[k.life].abandoned = true;
    closes(lives_[k.life], k.lost);
  }
}

void Oracle::closing() {
  note("closing", 0, 0);
  may_end_ = true;
  for (const Key& k : keys_) {
    if (k.life != 0) closes(lives_[k.life], next());
  }
}

void Oracle::vacated() {
  note("vacated", 0, 0);
  may_end_ = true;
}

void Oracle::look() {
  for (const std::uint32_t number : just_over_) {
    for (const std::uint32_t timer : lives_[number].timers) {
      // One that is due may be on its way.
      const Timer& t = timers_[timer];
      if (t.messages > 0 && t.due > now())
        break_rule(Rule::own_timers, name(lives_[number]) + " is over, and a timer of it is not");
    }
  }
  just_over_.clear();
}

void Oracle::at_the_end(bool closed, std::uint64_t entries) {
  if (!closed) break_rule(Rule::nothing_left, "close has left turns behind");
  if (entries != 0) break_rule(Rule::nothing_left, std::to_string(entries) + " entries are left");
  if (existing_ != 0) break_rule(Rule::nothing_left, std::to_string(existing_) + " actors are left");
  for (const Timer& timer : timers_) {
    if (timer.messages != 0) break_rule(Rule::nothing_left, "a timer is left of " + name(lives_[timer.life]));
  }
  for (const Ask& ask : asks_) {
    if (ask.issued != 0 && ask.is_answered_to && ask.answered == 0)
      break_rule(Rule::one_answer, name(ask) + " is never answered");
  }
}

void Oracle::Seen::add(const Seen& o) {
  starts += o.starts, restarts += o.restarts, crashes += o.crashes, stops += o.stops, passivations += o.passivations,
      moves += o.moves;
  restored += o.restored, timers += o.timers, handled += o.handled, withheld += o.withheld, asks += o.asks,
      repeats += o.repeats;
  for (std::size_t i = 0; i < std::size(codes); ++i) codes[i] += o.codes[i];
}

}  // namespace reki::contract
