#include "told.hpp"

#include <algorithm>

namespace reki::contract {

namespace {

std::optional<std::uint32_t> number_of(std::string_view key, std::uint32_t keys) {
  for (std::uint32_t number = 0; number < keys; ++number) {
    if (name_of_key(number) == key) return number;
  }
  return std::nullopt;
}

bool is_here(const Oracle& oracle, const WatchFilter& filter) {
  const auto key = number_of(filter.key, oracle.keys());
  return !key || oracle.key(*key).place == Place::held;
}

std::uint32_t losses_of(const Oracle& oracle, const WatchFilter& filter) {
  const auto key = number_of(filter.key, oracle.keys());
  return key ? oracle.key(*key).losses : 0;
}

std::string text_of(const WatchEvent& event) {
  std::string out(name_of(event.kind));
  if (event.reason != WatchReason::none) out += "(" + std::string(name_of(event.reason)) + ")";
  if (!event.key.empty()) out += " " + event.key;
  if (event.fence.value != 0) out += " " + std::to_string(event.fence.value);
  return out;
}

}  // namespace

Told::Told(Oracle& oracle, const WatchFilter& filter)
    : oracle_(oracle),
      filter_(filter),
      drops_at_first_(oracle.drops()),
      losses_at_first_(losses_of(oracle, filter)),
      was_here_at_first_(is_here(oracle, filter)) {
  for (std::uint32_t key = 0; key < oracle.keys(); ++key) {
    const bool watched =
        filter.about_key() ? name_of_key(key) == filter.key : type_names[type_of_key(key)] == filter.type;
    if (watched) cursors_.push_back({key});
  }
  remember();
}

void Told::broken(const std::string& what) const {
  oracle_.break_rule(Rule::watched, "who watches " + filter_.type + " " + filter_.key + " is told " + what);
}

std::uint32_t Told::all_gains() const {
  std::uint32_t out = 0;
  for (std::uint32_t key = 0; key < oracle_.keys(); ++key) out += oracle_.key(key).gains;
  return out;
}

std::uint32_t Told::own_gains() const {
  std::uint32_t out = 0;
  for (const Cursor& cursor : cursors_) out += oracle_.key(cursor.key).gains;
  return out;
}

void Told::remember() {
  drops_ = oracle_.drops();
  own_gains_ = own_gains();
  gains_ = all_gains();
}

bool Told::may_be_dropped() const {
  return !has_begun_ || !was_here_at_first_ || oracle_.drops() != drops_at_first_ ||
         losses_of(oracle_, filter_) != losses_at_first_;
}

void Told::check_first(const WatchEvent& event) const {
  const bool was_away = filter_.about_key() && has_begun_ && own_gains() != own_gains_;
  if (was_away && event.kind != WatchKind::missed) broken(text_of(event) + ", and not that the key was elsewhere");
}

void Told::event(const WatchEvent& event) {
  oracle_.note("told", static_cast<std::uint64_t>(event.kind) << 8 | static_cast<std::uint64_t>(event.reason),
               event.fence.value);
  oracle_.coverage.was_told(event.kind);
  if (is_cancelled_) return broken(text_of(event) + " after it has stopped to watch");
  if (has_ended_) return broken(text_of(event) + " after `ended`");
  has_begun_ = true;
  switch (event.kind) {
    case WatchKind::ended:
      return ended(event);
    case WatchKind::missed:
      check_missed(event);
      for (Cursor& cursor : cursors_) {
        cursor.known = false;
        cursor.asks = true;
      }
      return remember();
    case WatchKind::watching:
      if (filter_.about_key()) broken("`watching`");
      for (Cursor& cursor : cursors_) set(cursor);
      return remember();
    default:
      break;
  }
  Cursor* const cursor = cursor_of(event);
  if (cursor == nullptr) return broken(text_of(event) + ", which it does not watch");
  switch (event.kind) {
    case WatchKind::started:
    case WatchKind::restarted:
      started(*cursor, event);
      break;
    case WatchKind::stopped:
    case WatchKind::crashed:
      over(*cursor, event);
      break;
    case WatchKind::down:  // as it happens, or how it is
      if (is_how_it_is(*cursor, event))
        found(*cursor, event);
      else
        over(*cursor, event);
      break;
    default:
      found(*cursor, event);
  }
  remember();
}

Told::Cursor* Told::cursor_of(const WatchEvent& event) {
  const auto key = number_of(event.key, oracle_.keys());
  const auto found = std::ranges::find(cursors_, key.value_or(UINT32_MAX), &Cursor::key);
  return found == cursors_.end() ? nullptr : &*found;
}

void Told::set(Cursor& cursor) const {
  const Key& key = oracle_.key(cursor.key);
  cursor.told = key.live.size();
  cursor.runs = key.life != 0 && oracle_.life(key.life).live != 0;
  cursor.known = true;
  cursor.asks = false;
}

/// `down`: after `missed` the crash itself may come first, and starts after it.
bool Told::is_how_it_is(const Cursor& cursor, const WatchEvent& event) const {
  if (event.reason != WatchReason::crashed || cursor.runs || !cursor.asks) return false;
  const auto& live = oracle_.key(cursor.key).live;
  return cursor.known || live.empty() || oracle_.life(live.back()).fence <= event.fence;
}

void Told::started(Cursor& cursor, const WatchEvent& event) const {
  const auto& live = oracle_.key(cursor.key).live;
  const auto fence_of = [this](std::uint32_t life) { return oracle_.life(life).fence; };
  const auto at = std::ranges::lower_bound(live, event.fence, {}, fence_of);
  if (at == live.end() || fence_of(*at) != event.fence) return broken(text_of(event) + ", which was never live");
  const auto index = static_cast<std::size_t>(at - live.begin());
  if (index < cursor.told) return broken(text_of(event) + " again, or late");
  if (cursor.known && index > cursor.told) return broken(text_of(event) + ", and was not told of the start before");
  if (cursor.known && cursor.runs) return broken(text_of(event) + ", and not of the end of the one before");
  if (event.kind == WatchKind::restarted && !oracle_.life(*at).again)
    broken(text_of(event) + ", which is a first start");
  cursor.told = index + 1;
  cursor.runs = true;
  cursor.known = true;
}

void Told::over(Cursor& cursor, const WatchEvent& event) const {
  const auto& live = oracle_.key(cursor.key).live;
  if (!cursor.known) {
    // Its start may have been missed, or it was over and a restart has come to nothing.
    const auto fence_of = [this](std::uint32_t life) { return oracle_.life(life).fence; };
    cursor.told = static_cast<std::size_t>(std::ranges::upper_bound(live, event.fence, {}, fence_of) - live.begin());
    cursor.runs = false;
    cursor.known = true;
    const bool is_there = cursor.told > 0 && oracle_.life(live[cursor.told - 1]).over == 0;
    if (is_there) broken(text_of(event) + ", which is still there");
    return;
  }
  if (!cursor.runs) return over_without_start(cursor, event);
  const Life& life = oracle_.life(live[cursor.told - 1]);
  cursor.runs = false;
  if (event.fence != life.fence) return broken(text_of(event) + " while " + std::to_string(life.fence.value) + " runs");
  check_end(life, event);
}

void Told::check_end(const Life& life, const WatchEvent& event) const {
  if (life.over == 0) return broken(text_of(event) + ", which is still there");
  const bool crashed = event.reason == WatchReason::crashed;
  if (crashed != life.crashed)
    return broken(text_of(event) + ", which has " + (life.crashed ? "" : "not ") + "crashed");
  const bool is_temporary = oracle_.options(life.key).restart.mode == RestartMode::temporary;
  if (event.kind == WatchKind::crashed && is_temporary) broken(text_of(event) + ", which is not restarted");
  if (!life.goodbye || crashed) return;
  static constexpr WatchReason reasons[] = {WatchReason::stopped, WatchReason::stopped_self, WatchReason::passivated,
                                            WatchReason::closing, WatchReason::moved};
  if (event.reason != reasons[static_cast<std::size_t>(life.said)])
    broken(text_of(event) + ", whose on_stop was told another reason");
}

/// A restart that has failed, or the end of the wait for one; or what it was told is not there any more, since its slot
/// was revoked, is over now.
void Told::over_without_start(const Cursor& cursor, const WatchEvent& event) const {
  const auto& live = oracle_.key(cursor.key).live;
  if (live.size() > cursor.told && oracle_.life(live[cursor.told]).fence <= event.fence)
    return broken(text_of(event) + ", and not of its start");
  const Life* const last = cursor.told > 0 ? &oracle_.life(live[cursor.told - 1]) : nullptr;
  if (last != nullptr && event.fence < last->fence) return broken(text_of(event) + ", which was over before");
  const bool is_last = last != nullptr && event.fence == last->fence;
  if (is_last && last->over == 0) return broken(text_of(event) + ", which is still there");
  if (event.reason == WatchReason::crashed && !(is_last && last->revoked))
    broken(text_of(event) + ", which was not running");
}

void Told::found(Cursor& cursor, const WatchEvent& event) const {
  const Key& key = oracle_.key(cursor.key);
  const Life& there = oracle_.life(key.life);
  const bool is_live = key.life != 0 && there.live != 0;
  if (!cursor.asks && event.kind != WatchKind::moved) broken(text_of(event) + ", as if it had been told nothing yet");
  if (cursor.known && cursor.told != key.live.size()) broken(text_of(event) + " before what was there last");
  set(cursor);
  if (event.kind == WatchKind::running) {
    if (!is_live || there.fence != event.fence) broken(text_of(event) + ", which is not there");
    return;
  }
  // Of one that was revoked the node says nothing.
  if (is_live && !there.revoked) broken(text_of(event) + " while " + std::to_string(there.fence.value) + " runs");
  cursor.runs = false;
  const bool is_away = key.place == Place::lost || key.place == Place::emptied;
  if (event.kind == WatchKind::moved && !is_away) broken(text_of(event) + ", and its slot is here");
  if ((event.kind == WatchKind::restarting || event.kind == WatchKind::down) && key.ends == 0)
    broken(text_of(event) + ", and it has not crashed since it was stopped");
}

void Told::check_missed(const WatchEvent& event) const {
  switch (event.reason) {
    case WatchReason::node_restarted:
      if (oracle_.drops() == drops_) broken("that the node is another incarnation, which it is not");
      return;
    case WatchReason::moved:
      if (all_gains() == gains_) broken("that the key was elsewhere, and no slot has come");
      return;
    case WatchReason::fell_behind:
      if (oracle_.starts() < 1000) broken("that it has fallen behind, and there were not so many events");
      return;
    default:
      broken(text_of(event));
  }
}

void Told::ended(const WatchEvent& event) {
  has_ended_ = true;
  if (!oracle_.may_end()) broken("`ended`, and nothing is at its end");
  if (event.reason != WatchReason::closing) broken(text_of(event));
}

void Told::check_is_up_to_date() const {
  for (const Cursor& cursor : cursors_) {
    const Key& key = oracle_.key(cursor.key);
    const Life& there = oracle_.life(key.life);
    if (key.life != 0 && there.revoked) continue;
    const bool is_live = key.life != 0 && there.live != 0;
    if (!cursor.known) broken("nothing of how " + name_of_key(cursor.key) + " is");
    if (cursor.told != key.live.size() || cursor.runs != is_live) {
      broken(std::to_string(cursor.told) + " starts of " + name_of_key(cursor.key) +
             (cursor.runs ? ", which runs;" : ";") + " there were " + std::to_string(key.live.size()) +
             (is_live ? ", which runs" : ""));
    }
  }
}

}  // namespace reki::contract
