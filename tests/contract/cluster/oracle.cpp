#include "oracle.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>

#include "reki/core/base/random.hpp"
#include "reki/core/membership/lease_watch.hpp"

namespace reki::cluster {

using namespace std::chrono_literals;
using wire::Op;

namespace {

/// How late an answer may be: the answer's way, a few ticks of a node, and threads that wait for a processor.
constexpr Duration answer_slack = 100ms;
/// How late the guard may be.
constexpr Duration guard_slack = 30ms;

/// docs/protocol.md, section 5: whether nothing was executed.
bool says_not_executed(ErrorCode code) {
  switch (code) {
    case ErrorCode::ok:
    case ErrorCode::actor_crashed:
    case ErrorCode::refused:
    case ErrorCode::unknown_outcome:
    case ErrorCode::malformed_message:
    case ErrorCode::internal:
      return false;
    default:
      return true;
  }
}

}  // namespace

Oracle::Oracle(Clock clock, std::uint32_t keys, bool prints) : clock_(clock), prints_(prints), keys_(keys) {
  asks_.emplace_back();  // none has number 0
  lives_.emplace_back();
  runs_.emplace_back();
}

void Oracle::break_rule(Rule rule, std::string text) {
  note("VIOLATION " + text);
  if (!violation_) violation_ = Violation{rule, std::move(text)};
}

void Oracle::note(const std::string& what) {
  if (prints_) std::printf("%12.6f %s\n", static_cast<double>(now().ns - 3'600'000'000'000) / 1e9, what.c_str());
  const std::uint64_t hash = std::hash<std::string>{}(what);
  trace_ = SplitMix(trace_ ^ hash ^ static_cast<std::uint64_t>(now().ns) * 0x9e3779b97f4a7c15).next();
}

std::string Oracle::name(const Life& life) const {
  return name_of_key(life.key) + "#" + std::to_string(life.fence.value >> 32) + "." +
         std::to_string(life.fence.value & 0xffffffff) + "@" + life.host->name;
}

std::string Oracle::name(const Ask& ask) {
  return "ask " + std::to_string(ask.number) + " (op " + std::to_string(static_cast<int>(ask.op)) + ", " +
         name_of_key(ask.key) + ", sender " + std::to_string(ask.sender) + ")";
}

std::uint32_t Oracle::find_life(std::uint32_t key, Fence fence) const {
  const auto& lives = keys_[key].lives;
  const auto at = std::find_if(lives.rbegin(), lives.rend(), [&](auto life) { return lives_[life].fence == fence; });
  return at == lives.rend() ? 0 : *at;
}

// Requests

Ask& Oracle::ask(Op op, std::uint32_t key) {
  Ask& out = asks_.emplace_back();
  out.number = static_cast<std::uint32_t>(asks_.size() - 1);
  out.op = op;
  out.key = key;
  out.floor = keys_[key].known;
  out.begun = keys_[key].begun;
  return out;
}

void Oracle::issued(Ask& ask) {
  ++seen.asks;
  const bool may_start = ask.op != Op::lookup && ask.op != Op::stop && ask.pin.value == 0;
  if (may_start) keys_[ask.key].may_start_until = std::max(keys_[ask.key].may_start_until, ask.deadline);
  if (ask.is_answered_to) ++unanswered_;
  note("issued " + name(ask));
}

void Oracle::answered(std::uint32_t number, const Answer& answer, const std::optional<Done>& done) {
  Ask& ask = asks_[number];
  note("answered " + name(ask) + ": " + std::string(name_of(answer.code)) + " " + answer.text);
  ++seen.codes[static_cast<std::size_t>(answer.code) % std::size(seen.codes)];
  --unanswered_;
  if (++ask.answers > 1) return break_rule(Rule::one_answer, name(ask) + " is answered twice");
  if (answer.code == ErrorCode::internal) break_rule(Rule::one_answer, name(ask) + " is answered internal: " + answer.text);
  if (now() > ask.deadline + answer_slack) {
    break_rule(Rule::one_answer, name(ask) + " is answered " + std::to_string((now() - ask.deadline).count() / 1000) + " us" + " after its deadline");
  }
  if (wire::is_message(ask.op)) check_call(ask, answer, done);
  if (!answer.ok() || answer.fence.value == 0) return;
  if (answer.fence < ask.floor) {
    break_rule(Rule::never_back, name(ask) + " is answered about an earlier start than was known when it was asked");
  }
  Key& key = keys_[ask.key];
  const std::uint32_t life = find_life(ask.key, answer.fence);
  if (life == 0) break_rule(Rule::own_start, name(ask) + " is answered with a fence of no start");
  if (lives_[life].failed) {
    break_rule(Rule::no_effect_without_the_lease, name(ask) + " is answered about " + name(lives_[life]) + ", whose start ended without the lease");
  }
  if (ask.op == Op::start) check_start(ask, answer);
  key.known = std::max(key.known, answer.fence);
}

void Oracle::told_sender(std::uint32_t number, const Answer& answer) {
  Ask& ask = asks_[number];
  note("sender is told of " + name(ask) + ": " + std::string(name_of(answer.code)));
  check_call(ask, answer, {});
}

void Oracle::check_call(Ask& ask, const Answer& answer, const std::optional<Done>& done) {
  if (says_not_executed(answer.code)) {
    ask.must_not_run = true;
    if (ask.handled != 0) {
      break_rule(Rule::at_most_once,
                 name(ask) + " was handled, and is answered " + std::string(name_of(answer.code)) + ": " + answer.text);
    }
    return;
  }
  if (ask.op != Op::call || !answer.ok()) return;
  if (ask.handled != 1) return break_rule(Rule::at_most_once, name(ask) + " is answered ok and was handled " + std::to_string(ask.handled) + " times");
  const Run& run = runs_[ask.handled_in];
  const Life& life = lives_[run.life];
  if (answer.fence != life.fence || (done && (done->fence != life.fence.value || done->ask != ask.number))) {
    break_rule(Rule::at_most_once, name(ask) + " is answered by another start than " + name(life) + ", which has handled it");
  }
  if (life.fence < ask.begun) {
    break_rule(Rule::confirmed, name(ask) + " is answered by " + name(life) + ", and was made after a later start had begun");
  }
  if (!may_take_effect(run)) {
    break_rule(Rule::no_effect_without_the_lease, name(ask) + " is answered ok by " + name(life) + ", which ended without the lease");
  }
}

void Oracle::check_start(Ask& ask, const Answer& answer) {
  const Life& life = lives_[find_life(ask.key, answer.fence)];
  if (life.ask != ask.number) break_rule(Rule::own_start, name(ask) + " is answered ok about a start that was made for ask " + std::to_string(life.ask));
  const auto [at, is_first] = keys_[ask.key].claimed.emplace(answer.fence, ask.number);
  if (!is_first) break_rule(Rule::own_start, name(ask) + " has won the same start as ask " + std::to_string(at->second));
}

void Oracle::replied(const HostPtr& host, const RequestKey& request, const wire::Reply& reply) {
  const auto found = requested_.find(request);
  if (found == requested_.end() || reply.fence.value == 0) return;
  const auto [op, key] = found->second;
  const Life& life = lives_[find_life(key, reply.fence)];
  if (life.host != host) return;
  const std::tuple here(request, host.get(), life.incarnation.value);
  const auto what = [&] { return "a repeat of a request of client " + std::to_string(request.first) + " for " + name(life); };
  if (reply.code == ErrorCode::already_started) {
    if (const auto before = done_.find(here); before != done_.end() && before->second == reply.fence) {
      break_rule(Rule::done_once, what() + " is refused, although that is the start that it has made");
    }
  } else if (reply.code == ErrorCode::ok && (op == Op::stop || reply.started)) {
    const auto [first, is_first] = done_.emplace(here, reply.fence);
    if (!is_first && first->second != reply.fence) {
      break_rule(Rule::done_once, what() + " has started or stopped it after start " + std::to_string(first->second.value));
    }
  }
}

void Oracle::watched(std::uint32_t watcher, std::uint32_t key, const WatchEvent& event) {
  ++seen.watched;
  note("watcher " + std::to_string(watcher) + " of " + name_of_key(key) + ": " + std::string(name_of(event.kind)) + " " +
       std::to_string(event.fence.value));
  if (event.kind != WatchKind::started && event.kind != WatchKind::restarted) return;
  if (lives_[find_life(key, event.fence)].failed) {
    break_rule(Rule::no_effect_without_the_lease, "watcher " + std::to_string(watcher) + " is told of a start of " + name_of_key(key) + " that ended without the lease");
  }
  Fence& last = last_told_[{watcher, key}];
  if (event.fence <= last) break_rule(Rule::told_in_order, "watcher " + std::to_string(watcher) + " is told of a start of " + name_of_key(key) + " after a later one");
  last = event.fence;
}

// Actors

bool Oracle::has_lease(const Life& life) const {
  const Host& host = *life.host;
  return host.alive && now() < host.page.lease_end() && life.incarnation == host.incarnation;
}

bool Oracle::may_take_effect(const Run& run) const {
  if (!run.ended) return false;
  if (!run.withheld) return true;
  const Life& life = lives_[run.life];
  return life.last_resume.value_or(life.host->resumes) > run.resumes;
}

std::uint32_t Oracle::made(const HostPtr& host, std::uint32_t key, std::uint64_t ask) {
  lives_.push_back({.key = key, .ask = ask, .host = host, .incarnation = host->incarnation});
  ++seen.starts;
  const auto number = static_cast<std::uint32_t>(lives_.size() - 1);
  keys_[key].lives.push_back(number);
  if (host->alive && !has_lease(lives_[number])) {
    break_rule(Rule::only_with_the_lease, "an actor of " + name_of_key(key) + " is made on " + host->name + " without the lease");
  }
  return number;
}

void Oracle::destroyed(std::uint32_t life) {
  lives_[life].over = true;
  lives_[life].over_at = now();
}

std::vector<std::uint32_t> Oracle::lives_there() const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t life = 1; life < lives_.size(); ++life) {
    if (is_there(life)) out.push_back(life);
  }
  return out;
}

bool Oracle::is_there(std::uint32_t number) const {
  const Life& life = lives_[number];
  return life.has_started && !life.over && !life.revoked && life.host->alive && has_lease(life);
}

bool Oracle::may_have_existed(std::uint32_t key, Instant since) const {
  const bool had_one = std::ranges::any_of(keys_[key].lives, [&](auto life) { return !lives_[life].over || lives_[life].over_at >= since; });
  return had_one || since <= keys_[key].may_start_until;
}

std::uint32_t Oracle::begin(std::uint32_t number, Fence fence, const char* function, std::uint32_t ask) {
  Life& life = lives_[number];
  if (!life.host->alive) return 0;
  const bool is_first = life.fence.value == 0;
  life.fence = fence;
  note(std::string(function) + " of " + name(life) + (ask != 0 ? " with ask " + std::to_string(ask) : ""));
  Key& key = keys_[life.key];
  if (is_first && fence <= key.begun) {
    break_rule(Rule::growing_fences, name(life) + " begins after a start with a fence that is not lower");
  }
  check_begin(life, function);
  key.begun = std::max(key.begun, fence);
  runs_.push_back({.life = number, .starts = is_first});
  life.running = static_cast<std::uint32_t>(runs_.size() - 1);
  if (ask != 0) handle(asks_[ask], life, life.running);
  return life.running;
}

void Oracle::check_begin(Life& life, const char* function) {
  const auto what = [&] { return std::string(function) + " of " + name(life); };
  if (life.running != 0) break_rule(Rule::one_actor, what() + " begins while another function of it runs");
  if (!has_lease(life)) break_rule(Rule::only_with_the_lease, what() + " begins without the lease");
  if (life.failed) break_rule(Rule::no_effect_without_the_lease, what() + " begins, whose start ended without the lease");
  if (life.fence < keys_[life.key].begun) break_rule(Rule::one_actor, what() + " begins although a later start has begun");
  for (const std::uint32_t other : keys_[life.key].lives) {
    const Life& o = lives_[other];
    if (&o == &life || o.running == 0 || !o.host->alive || o.host->paused) continue;
    const Instant end = std::max(o.host->last_lease_end, o.host->runs_since);
    const bool holds = has_lease(o) && !o.revoked;
    if (holds) break_rule(Rule::one_actor, what() + " begins while " + name(o) + " runs, which has the lease");
    if (!o.revoked && now() > end + LeaseWatch::Options{}.grace + guard_slack) {
      break_rule(Rule::ends_with_the_lease, what() + " begins while " + name(o) + " runs on");
    }
  }
}

void Oracle::handle(Ask& ask, const Life& life, std::uint32_t run) {
  ++seen.handled;
  if (ask.key != life.key) break_rule(Rule::at_most_once, name(ask) + " is handled by another key's " + name(life));
  if (++ask.handled > 1) break_rule(Rule::at_most_once, name(ask) + " is handled twice, now by " + name(life));
  if (ask.must_not_run) break_rule(Rule::at_most_once, name(ask) + " is handled after an answer that says it is not");
  ask.handled_in = run;
  if (ask.pin.value != 0 && ask.pin != life.fence) break_rule(Rule::pinned, name(ask) + " is pinned to another start than " + name(life));
  if (ask.sent_in != 0 && !runs_[ask.sent_in].has_waited && !may_take_effect(runs_[ask.sent_in])) {
    break_rule(Rule::no_effect_without_the_lease, name(ask) + " is handled, which " + name(lives_[runs_[ask.sent_in].life]) + " has sent without the lease");
  }
  check_order(ask, runs_[run].life);
}

/// One that was refused, or sent to a node that is gone, is sent again, and may be overtaken until then.
void Oracle::check_order(const Ask& ask, std::uint32_t life) {
  if (ask.sender == no_sender) return;
  std::uint32_t& last = last_handled_[{ask.sender, ask.way, life}];
  const Ask& before = asks_[last];
  const bool is_later = ask.way != 0 ? ask.place > before.place : ask.number > last;
  if (last != 0 && before.way == ask.way && !is_later) {
    break_rule(Rule::in_order, name(ask) + " is handled after " + name(before) + ", which was sent later");
  }
  last = ask.number;
}

void Oracle::transmitted(std::uint32_t number, std::uint64_t way) {
  asks_[number].way = way;
  asks_[number].place = ++transmissions_;
}

void Oracle::end(std::uint32_t number) {
  if (number == 0) return;
  Run& run = runs_[number];
  Life& life = lives_[run.life];
  life.running = 0;
  run.ended = true;
  run.withheld = !has_lease(life) || life.revoked;
  run.resumes = life.host->resumes;
  if (run.withheld) ++seen.withheld;
  if (run.starts) life.failed = run.withheld;
  if (run.starts) life.has_started = !run.withheld;
  note("end of " + name(life) + (run.withheld ? ", withheld" : ""));
}

std::uint64_t Oracle::state_saved(std::uint32_t life) {
  states_.push_back({.key = lives_[life].key, .of = lives_[life].fence});
  ++seen.moves;
  return states_.size() - 1;
}

void Oracle::state_restored(std::uint32_t life, std::uint64_t state) {
  if (!lives_[life].host->alive) return;
  ++seen.restored;
  State& s = states_[state];
  if (keys_[s.key].begun > s.of) break_rule(Rule::state_once, "a state of " + name_of_key(s.key) + " is restored for " + name(lives_[life]) + " after a later start");
  if (s.key != lives_[life].key) break_rule(Rule::state_once, "a state of " + name_of_key(s.key) + " is restored for " + name(lives_[life]));
  if (std::exchange(s.restored, true)) break_rule(Rule::state_once, "a state of " + name_of_key(s.key) + " is restored twice, now on " + lives_[life].host->name);
}

// Nodes

void Oracle::revoked(const HostPtr& host, const std::function<bool(std::uint32_t key)>& is_among) {
  for (Life& life : lives_) {
    if (life.host != host || life.over || !is_among(life.key)) continue;
    life.revoked = true;
    if (!life.last_resume) life.last_resume = host->resumes;
  }
}

void Oracle::dropped(const HostPtr& host) {
  for (Life& life : lives_) {
    if (life.host == host && !life.last_resume) life.last_resume = host->resumes;
  }
}

void Oracle::look_at_leases() {
  for (const HostPtr& host : hosts_) host->last_lease_end = std::max(host->last_lease_end, host->page.lease_end());
}

void Oracle::Seen::add(const Seen& other) {
  asks += other.asks;
  handled += other.handled;
  starts += other.starts;
  withheld += other.withheld;
  moves += other.moves;
  restored += other.restored;
  watched += other.watched;
  zombies += other.zombies;
  waits += other.waits;
  lists += other.lists;
  for (std::size_t i = 0; i < std::size(codes); ++i) codes[i] += other.codes[i];
}

}  // namespace reki::cluster
