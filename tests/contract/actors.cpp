#include "actors.hpp"

#include <charconv>
#include <stdexcept>
#include <string>

#include "world.hpp"

namespace reki::contract {

using wire::Op;

namespace {

/// Whose messages keep their order: each start is a caller of its own.
constexpr std::uint32_t callers_of_lives = 1000;
/// Short, since what runs below on the stack cannot go on meanwhile.
constexpr CallOptions block_for{std::chrono::milliseconds(10)};

/// A function's run, as the oracle sees it. It fails if it is left by an exception.
class Running {
 public:
  Running(World& world, std::uint32_t life, Function function, Fence fence, std::uint32_t ask = 0)
      : world_(world), number(world.oracle.begin(life, function, fence, ask)) {}
  ~Running() { world_.oracle.end(number, ok_); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  void is_well() { ok_ = true; }

 private:
  World& world_;
  bool ok_ = false;

 public:
  const std::uint32_t number;
};

}  // namespace

Script::Script(World& world, const Args& args)
    : world_(world), args_(args), life_(world.oracle.made(args.key, args.request)) {
  const bool throws = does_now(constructor_throws);
  {
    Running run(world_, life_, Function::construct, fence_);
    if (does_now(constructor_slow)) world_.pass(args_.amount_us);
    if (!throws) run.is_well();
  }
  if (!throws) return;
  world_.oracle.destroyed(life_);
  throw std::runtime_error("constructor");
}

bool Script::does_now(Plan plan) const {
  if ((args_.plan & plan) == 0) return false;
  world_.oracle.coverage.did(plan);
  return true;
}

Script::~Script() { world_.oracle.destroyed(life_); }

Result<void> Script::on_start(Context& context) {
  fence_ = context.fence();
  Running run(world_, life_, Function::on_start, fence_);
  if (does_now(start_meanwhile)) world_.meanwhile(std::chrono::microseconds(args_.amount_us));
  if (does_now(start_slow)) world_.pass(args_.amount_us);
  if (does_now(start_sets_timer)) set_timer(args_.amount_us, 0, context);
  if (does_now(start_sends)) send(Op::send, args_.to, 0, run.number, context);
  if (does_now(start_leaves)) {
    context.stop_self();
    world_.oracle.leaves(life_);
  }
  if (does_now(start_throws)) throw std::runtime_error("on_start");
  const std::uint32_t starts = world_.oracle.starts_of(args_.request);
  if (starts > 1 && starts < 5 && does_now(restarts_fail)) throw 7;  // NOLINT: what is no std::exception is meant
  if (does_now(start_fails)) return fail(ErrorCode::refused, "not today");
  run.is_well();
  return {};
}

void Script::on_stop(Context& context, StopReason reason) {
  world_.oracle.stops(life_, reason);
  Running run(world_, life_, Function::on_stop, fence_);
  if (does_now(stop_meanwhile)) world_.meanwhile(std::chrono::microseconds(args_.amount_us));
  if (does_now(stop_slow)) world_.pass(args_.amount_us);
  if (does_now(stop_sends)) send(Op::send, args_.to, 0, run.number, context);
  if (does_now(stop_throws)) throw std::runtime_error("on_stop");
  run.is_well();
}

std::optional<Bytes> Script::save() {
  Running run(world_, life_, Function::save, fence_);
  if (does_now(save_throws)) throw std::runtime_error("save");
  run.is_well();
  if (!does_now(saves)) return std::nullopt;
  return std::to_string(world_.oracle.state_saved(life_));
}

Result<void> Script::restore(BytesView state) {
  Running run(world_, life_, Function::restore, fence_);
  std::uint64_t number = 0;
  std::from_chars(state.data(), state.data() + state.size(), number);
  world_.oracle.state_restored(life_, number);
  if (does_now(restore_throws)) throw std::runtime_error("restore");
  if (does_now(restore_fails)) return fail(ErrorCode::refused, "it cannot be restored");
  run.is_well();
  return {};
}

Result<Done> Script::work(const Work& work, Context& context) {
  Running run(world_, life_, Function::handler, context.fence(), static_cast<std::uint32_t>(work.ask));
  act(work.does, work, run.number, context);
  run.is_well();
  if ((work.does & Does::refuses) == 0) return Done{context.fence().value, work.ask};
  world_.oracle.coverage.did(Does::refuses);
  return fail(ErrorCode::refused, "it does not want to");
}

void Script::tick(const Tick& tick, Context& context) {
  Running run(world_, life_, Function::timer, context.fence());
  world_.oracle.timer_handled(life_, static_cast<std::uint32_t>(tick.timer));
  act(tick.does, Work{.to = args_.to}, run.number, context);
  run.is_well();
}

void Script::act(std::uint32_t does, const Work& work, std::uint32_t run, Context& context) {
  const auto is = [&](Does what) {
    if ((does & what) == 0) return false;
    world_.oracle.coverage.did(what);
    return true;
  };
  if (is(Does::meanwhile)) world_.meanwhile(std::chrono::microseconds(work.amount_us));
  if (is(Does::takes_long)) world_.pass(work.amount_us);
  if (is(Does::sets_timer)) set_timer(work.amount_us, work.then_does, context);
  if (is(Does::cancels_timer)) cancel_timer(context);
  if (is(Does::sends)) send(Op::send, work.to, work.then_does, run, context);
  if (is(Does::calls)) send(Op::call, work.to, work.then_does, run, context);
  if (is(Does::asks)) ask(work.to, work.then_does, run, context);
  if (is(Does::gets)) get(work.to, run, context);
  if (is(Does::waits)) {
    with_interface(work.to,
                   [&]<class A>() { wait(look_up_and_call<A>(context.registry(), work.to, work.then_does, run)); });
  }
  if (is(Does::stops_other)) send(Op::stop, work.to, 0, run, context);
  if (is(Does::ends_late)) world_.pass(work.amount_us);
  if (is(Does::leaves)) {
    context.stop_self();
    world_.oracle.leaves(life_);
  }
  if (is(Does::crashes)) throw std::runtime_error("crash");
  if (is(Does::throws_odd)) throw 42;  // NOLINT: what is no std::exception is meant
}

/// Leaves when the function is over.
void Script::send(Op op, std::uint32_t to, std::uint32_t does, std::uint32_t run, Context& context) {
  Ask& ask = world_.oracle.ask(op, to);
  ask.caller = callers_of_lives + life_;
  ask.starts = op != Op::stop;
  ask.does = does;
  ask.sent_in = run;
  ask.is_answered_to = op != Op::send;
  const Operation o{.with_args = true, .does = does, .amount_us = 50, .to = args_.key, .timeout_us = 100'000};
  world_.oracle.issued(ask);
  context.registry().submit(World::submission_of(ask, o), ask.is_answered_to ? world_.answer_to(ask) : Completion{});
}

Ask& Script::issue(Op op, std::uint32_t to, std::uint32_t does, std::uint32_t run) {
  Ask& out = world_.oracle.ask(op, to);
  out.caller = callers_of_lives + life_;
  out.does = does;
  out.sent_in = run;
  out.is_told_late = true;
  world_.oracle.issued(out);
  world_.oracle.blocks(run);
  return out;
}

void Script::ask(std::uint32_t to, std::uint32_t does, std::uint32_t run, Context& context) {
  const Instant since = world_.schedule.now();
  Ask& ask = issue(Op::call, to, does, run);
  ask.starts = true;
  Submission submission =
      World::submission_of(ask, {.with_args = true, .does = does, .to = args_.key, .timeout_us = 10'000});
  Answer answer = context.registry().exchange(submission);
  const ErrorCode code = answer.code;
  world_.answered(ask.number, std::move(answer));
  blocked(since, code);
}

void Script::get(std::uint32_t to, std::uint32_t run, Context& context) {
  const Instant since = world_.schedule.now();
  Ask& ask = issue(Op::lookup_or_start, to, 0, run);
  ask.starts = true;
  with_interface(to, [&]<class A>() {
    const auto ref = context.registry().lookup_or_start<A>(name_of_key(to), World::args_of(ask, {}), block_for).get();
    world_.answered(ask.number, ref, ref ? ref->fence() : Fence{}, ref && ref->started());
    // One that is live is found without waiting.
    if (!ref) blocked(since, ref.error().code);
  });
}

template <class A>
Task<> Script::look_up_and_call(Registry& registry, std::uint32_t to, std::uint32_t does, std::uint32_t run) {
  Instant since = world_.schedule.now();
  Ask& first = issue(Op::lookup_or_start, to, 0, run);
  first.starts = true;
  const Args args = World::args_of(first, {});
  const auto ref = co_await registry.lookup_or_start<A>(name_of_key(to), args, block_for);
  world_.answered(first.number, ref, ref ? ref->fence() : Fence{}, ref && ref->started());
  if (!ref) {
    blocked(since, ref.error().code);
    co_return;
  }
  since = world_.schedule.now();
  Ask& second = issue(Op::call, to, does, run);  // who started the ref's actor is whose arguments a start by it has
  const Work work = World::work_of(second, {.does = does, .amount_us = 50, .to = args_.key});
  const auto done = co_await ref->call(work, block_for);
  world_.answered(second.number, done, Fence{done ? done->fence : 0}, false);
  blocked(since, done ? ErrorCode::ok : done.error().code);
}

/// What it has blocked for since then has come to this.
void Script::blocked(Instant since, ErrorCode code) {
  const bool may_block = type_of_key(args_.key) == blocking_type;
  const bool would_block = code == ErrorCode::would_block;
  if (may_block == would_block || (would_block && world_.schedule.now() != since)) {
    world_.oracle.break_rule(Rule::blocks_where_it_may, "a function of " + name_of_key(args_.key) +
                                                            " that blocks is answered " + std::string(name_of(code)));
  }
}

void Script::set_timer(std::uint32_t after_us, std::uint32_t does, Context& context) {
  constexpr std::uint32_t may = Does::leaves | Does::crashes | Does::sends;
  const Duration after = std::chrono::microseconds(after_us);
  Tick tick = world_.oracle.timer_set(life_, after, does & may);
  const auto timer = static_cast<std::uint32_t>(tick.timer);
  timers_.emplace_back(context.set_timer(after, EnvelopePtr{new TypedEnvelope<Tick>(std::move(tick))}), timer);
}

void Script::cancel_timer(Context& context) {
  if (timers_.empty()) return;
  world_.oracle.timer_cancelled(timers_.back().second);
  context.cancel_timer(timers_.back().first);
  timers_.pop_back();
}

}  // namespace reki::contract
