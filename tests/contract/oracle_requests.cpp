// What the oracle is told by callers.
#include <algorithm>

#include "oracle.hpp"

namespace reki::contract {

using wire::Op;

namespace {

/// How late an answer may be: a few ticks (Timers::tick), and turns that keep the schedule's one thread from them.
constexpr std::int64_t slack_ns = 100'000'000;

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

bool may_start(const Ask& ask) { return ask.op != Op::lookup && ask.op != Op::stop; }

/// Its answer has a deadline that the node keeps.
bool is_due(const Ask& ask) { return ask.is_answered_to && ask.deadline != Instant::never(); }

std::uint64_t pair_of(std::uint32_t high, std::uint64_t low) { return std::uint64_t{high} << 48 ^ low; }

}  // namespace

Ask& Oracle::ask(Op op, std::uint32_t key) {
  Ask& out = asks_.emplace_back();
  out.number = static_cast<std::uint32_t>(asks_.size() - 1);
  out.op = op;
  out.key = key;
  out.first = out.number;
  return out;
}

void Oracle::issued(Ask& ask) {
  ask.issued = next();
  ask.passed = passed_;
  ++seen_.asks;
  if (ask.first != ask.number) ++seen_.repeats;
  if (is_due(ask)) ++unanswered_;
  note("issued", ask.number, static_cast<std::uint64_t>(ask.op));
  Key& k = keys_[ask.key];
  if (may_start(ask)) {
    k.wanted = now();
    if (ask.is_answered_to) ++k.wants;
  }
  if (ask.op != Op::stop) return;
  k.stops.push_back(ask.number);
  if (k.life != 0 && lives_[k.life].live != 0 && (ask.pin.value == 0 || ask.pin == lives_[k.life].fence))
    closes(lives_[k.life], ask.issued);
}

std::uint32_t Oracle::find_life(std::uint32_t key, Fence fence) const {
  const auto& lives = keys_[key].lives;
  const auto at = std::ranges::lower_bound(lives, fence, {}, [this](std::uint32_t n) { return lives_[n].fence; });
  return at != lives.end() && lives_[*at].fence == fence ? *at : 0;
}

// Handling

void Oracle::begin_handling(Ask& ask, const Life& life, std::uint32_t run) {
  ++seen_.handled;
  if (ask.key != life.key) break_rule(Rule::at_most_once, name(ask) + " is handled by another key's " + name(life));
  if (++ask.handled > 1) break_rule(Rule::at_most_once, name(ask) + " is handled twice, now by " + name(life));
  if (ask.must_not_run)
    break_rule(Rule::at_most_once,
               name(ask) + " is handled by " + name(life) + " after an answer that says it was not");
  if (ask.pin.value != 0 && ask.pin != life.fence) break_rule(Rule::pinned, name(ask) + " is handled by " + name(life));
  const Key& k = keys_[ask.key];
  if (k.stop_answered != 0 && life.fence <= k.stopped)
    break_rule(Rule::stopped_when_told, name(ask) + " is handled by " + name(life) + ", whose stop was answered");
  ask.handled_in = run;
  check_sender(ask);
  auto& latest = latest_handled_[pair_of(ask.key, ask.caller)];
  if (latest > ask.number)
    break_rule(Rule::in_order, name(ask) + " is handled after " + name(asks_[latest]) + " of the same caller");
  latest = std::max(latest, ask.number);
}

/// What an actor's function has sent leaves when that is over, and takes effect.
void Oracle::check_sender(const Ask& ask) {
  if (ask.sent_in == 0 || ask.left_early) return;
  const Run& run = runs_[ask.sent_in];
  const Life& sender = lives_[run.life];
  if (run.end == End::running)
    break_rule(Rule::all_or_nothing, name(ask) + " is handled before the function is over that has sent it");
  if (run.end == End::failed)
    break_rule(Rule::all_or_nothing, name(ask) + " was sent by a function of " + name(sender) + " that failed");
  if (run.end != End::withheld) return;
  const bool went_on =
      reopened_ > run.reopened && !sender.revoked && !sender.abandoned && run.function != Function::on_stop;
  if (!went_on)
    break_rule(Rule::only_with_the_lease,
               name(ask) + " was sent by a function of " + name(sender) + " that ended without the lease");
}

// Answers

void Oracle::answered(std::uint32_t number, const Outcome& outcome, const std::optional<Done>& done) {
  Ask& ask = asks_[number];
  note("answered", number, static_cast<std::uint64_t>(outcome.code) << 48 ^ outcome.fence.value);
  ++seen_.codes[std::min<std::size_t>(static_cast<std::size_t>(outcome.code), 99)];
  const std::string code(name_of(outcome.code));
  if (ask.answered != 0) return break_rule(Rule::one_answer, name(ask) + " is answered twice, now with " + code);
  if (is_due(ask)) --unanswered_;
  if (outcome.code == ErrorCode::internal)
    break_rule(Rule::one_answer, name(ask) + " is answered with internal: " + outcome.text);
  const std::int64_t late = ask.deadline == Instant::never() ? 0 : now().ns - ask.deadline.ns - (passed_ - ask.passed);
  if (late > slack_ns)
    break_rule(Rule::one_answer, name(ask) + " is answered " + std::to_string(late / 1000) + " us late");
  ask.answered = next();
  if (may_start(ask)) {
    --keys_[ask.key].wants;
    keys_[ask.key].wanted = now();
  }
  ask.ok = outcome.ok();
  ask.fence = outcome.fence;
  if (wire::is_message(ask.op)) check_message_answer(ask, outcome, done);
  if (outcome.code == ErrorCode::not_running) check_absence(ask, false);
  if (outcome.code == ErrorCode::gone) {
    if (ask.pin.value == 0) break_rule(Rule::pinned, name(ask) + " is not pinned, and gone");
    check_absence(ask, true);
  }
  check_restart_code(ask, outcome.code);
  if (outcome.code == ErrorCode::already_started) check_found(ask);
  const std::uint32_t there = keys_[ask.key].life;
  if (!ask.ok && there != 0 && lives_[there].request == ask.first && lives_[there].live == 0 &&
      !lives_[there].running) {
    break_rule(Rule::stopped_when_told,
               name(ask) + " is answered " + code + " while " + name(lives_[there]) + ", which has failed, exists");
  }
  if (!ask.ok) return;
  if (ask.op == Op::send && ask.fence.value == 0) return;  // through a ref, which does not tell it
  if (ask.pin.value != 0 && ask.pin != ask.fence && ask.op != Op::stop)
    break_rule(Rule::pinned, name(ask) + " is answered by " + std::to_string(ask.fence.value));
  if (ask.op == Op::stop) return check_stop_answer(ask);
  const Key& k = keys_[ask.key];
  const bool is_repeat = ask.first != ask.number;
  if (!is_repeat && k.stop_answered != 0 && ask.issued > k.stop_answered && ask.fence <= k.stopped) {
    break_rule(Rule::stopped_when_told, name(ask) + " is answered by a start whose stop was answered before");
  }
  if (outcome.started) check_started(ask);
  if (ask.op == Op::start && !outcome.started)
    break_rule(Rule::own_start, name(ask) + " is answered ok without started");
  if (!(is_repeat && outcome.started)) check_found(ask);
}

void Oracle::check_message_answer(Ask& ask, const Outcome& outcome, const std::optional<Done>& done) {
  const std::string code(name_of(outcome.code));
  const Run& run = runs_[ask.handled_in];
  ask.must_not_run = says_not_executed(outcome.code);
  if (ask.must_not_run && ask.handled > 0)
    break_rule(Rule::at_most_once, name(ask) + " was handled, and is answered " + code);
  if (ask.op != Op::call) return;
  const bool crashed = outcome.code == ErrorCode::actor_crashed && ask.sent_in == 0;
  if (crashed && (ask.handled != 1 || run.end != End::failed))
    break_rule(Rule::at_most_once, name(ask) + " is answered " + code + ", but none has crashed with it");
  if (outcome.code == ErrorCode::refused && ask.handled != 1)
    break_rule(Rule::at_most_once, name(ask) + " is answered " + code + ", but was not handled");
  if (!outcome.ok()) return;
  if (ask.handled != 1) return break_rule(Rule::at_most_once, name(ask) + " is answered ok, but was not handled");
  const Life& life = lives_[run.life];
  if (life.fence != outcome.fence)
    break_rule(Rule::at_most_once,
               name(ask) + " is answered by " + std::to_string(outcome.fence.value) + ", but handled by " + name(life));
  if (done && (done->ask != ask.number || done->fence != life.fence.value))
    break_rule(Rule::at_most_once, name(ask) + " is answered with another's reply");
  if (run.end == End::running) break_rule(Rule::at_most_once, name(ask) + " is answered ok before its handler is over");
  // Where on_stop has begun what came before it had taken effect.
  const bool went_on = reopened_ > run.reopened && (life.goodbye || (!life.revoked && !life.abandoned));
  if (run.end == End::withheld && !went_on)
    break_rule(Rule::only_with_the_lease, name(ask) + " is answered ok, but its handler ended without the lease");
  if ((ask.does & Does::leaves) == 0) return;
  if (life.over == 0)
    return break_rule(Rule::stopped_when_told,
                      name(ask) + " has stopped " + name(life) + ", and is answered before that is over");
  Key& k = keys_[ask.key];
  k.stopped = std::max(k.stopped, life.fence);
  k.stop_answered = ask.answered;
}

/// The start was made for this request, and for no other.
void Oracle::check_started(const Ask& ask) {
  const std::uint32_t number = find_life(ask.key, ask.fence);
  if (number == 0) return break_rule(Rule::own_start, name(ask) + " is answered with a start that is none");
  const Life& life = lives_[number];
  if (life.request != ask.first)
    break_rule(Rule::own_start,
               name(ask) + " is told that it has started " + name(life) + ", which was made for another");
  const auto [before, is_new] = begun_by_.emplace(ask.first, ask.fence);
  if (!is_new && !is_restart_of(ask.key, before->second, life))
    break_rule(Rule::own_start,
               name(ask) + " has started twice: " + name(life) + " after " + std::to_string(before->second.value));
  const auto [claim, is_first] = claimed_.emplace(pair_of(ask.key, ask.fence.value), ask.first);
  if (!is_first && claim->second != ask.first)
    break_rule(Rule::own_start, name(ask) + " is told that it has started " + name(life) + ", and so was another");
}

/// The supervisor has made it after that one, again and again: nothing has ended it for good.
bool Oracle::is_restart_of(std::uint32_t key, Fence first, const Life& latest) const {
  const auto& lives = keys_[key].lives;
  const auto from = std::ranges::lower_bound(lives, first, {}, [this](std::uint32_t n) { return lives_[n].fence; });
  for (auto at = from; at != lives.end(); ++at) {
    const Life& life = lives_[*at];
    if (life.fence >= latest.fence) break;
    if (life.ended_for_good || life.request != latest.request) return false;
  }
  return true;
}

void Oracle::check_found(const Ask& ask) {
  const std::uint32_t number = find_life(ask.key, ask.fence);
  if (number == 0)
    return break_rule(Rule::found_what_was_there,
                      name(ask) + " is answered with a start that is none: " + std::to_string(ask.fence.value));
  Life& life = lives_[number];
  if (life.live == 0)
    break_rule(Rule::found_what_was_there, name(ask) + " is answered with " + name(life) + ", which is not live");
  if (life.over != 0 && life.over < ask.issued)
    break_rule(Rule::found_what_was_there, name(ask) + " is answered with " + name(life) + ", which was over");
  if (life.over == 0 && life.closing == 0) life.proof = ask.answered;
}

void Oracle::check_stop_answer(Ask& ask) {
  Key& k = keys_[ask.key];
  const bool is_repeat = ask.first != ask.number;
  if (ask.pin.value != 0 && ask.pin != ask.fence)
    break_rule(Rule::pinned, name(ask) + " has stopped " + std::to_string(ask.fence.value));
  if (k.life != 0 && lives_[k.life].fence.value != 0 && lives_[k.life].fence <= ask.fence) {
    break_rule(Rule::stopped_when_told, name(ask) + " is answered while " + name(lives_[k.life]) + " exists");
  }
  const Ask& first = asks_[ask.first];
  if (is_repeat && first.ok && first.answered != 0 && first.fence != ask.fence) {
    break_rule(Rule::stopped_when_told, name(ask) + " has stopped another start than at first");
  }
  if (!is_repeat) {
    k.ends_most = std::max(k.ends_most, k.ends);
    k.ends = 0;
    k.stopped = std::max(k.stopped, ask.fence);
    k.stop_answered = ask.answered;
    if (const std::uint32_t stopped = find_life(ask.key, ask.fence); stopped != 0)
      lives_[stopped].ended_for_good = true;
  }
}

/// None was there, or not that one: wrong if it was live from the request to the answer.
void Oracle::check_absence(const Ask& ask, bool is_gone) {
  const Key& k = keys_[ask.key];
  if (k.life == 0) return;
  Life& life = lives_[k.life];
  if (is_gone && life.fence != ask.pin) return;
  if (life.live == 0 || life.live > ask.issued || life.closing != 0) return;
  life.doubts.push_back({ask.number, ask.answered});
}

void Oracle::check_restart_code(const Ask& ask, ErrorCode code) {
  const RestartPolicy& policy = story_.types[type_of_key(ask.key)].restart;
  const Key& k = keys_[ask.key];
  const std::uint32_t ends = ask.is_told_late ? std::max(k.ends, k.ends_most) : k.ends;
  if (code == ErrorCode::restarting && ends < 2)
    break_rule(Rule::fresh_history, name(ask) + " is answered restarting after " + std::to_string(ends) + " crashes");
  if (code == ErrorCode::crash_loop && ends <= policy.max_restarts)
    break_rule(Rule::fresh_history, name(ask) + " is answered crash_loop after " + std::to_string(ends) + " crashes");
}

}  // namespace reki::contract
