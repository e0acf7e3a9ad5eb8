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
  const bool throws = plans(constructor_throws);
  {
    Running run(world_, life_, Function::construct, fence_);
    if (plans(constructor_slow)) world_.pass(args_.amount_us);
    if (!throws) run.is_well();
  }
  if (!throws) return;
  world_.oracle.destroyed(life_);
  throw std::runtime_error("constructor");
}

Script::~Script() { world_.oracle.destroyed(life_); }

Result<void> Script::on_start(Context& context) {
  fence_ = context.fence();
  Running run(world_, life_, Function::on_start, fence_);
  if (plans(start_meanwhile)) world_.meanwhile(std::chrono::microseconds(args_.amount_us));
  if (plans(start_slow)) world_.pass(args_.amount_us);
  if (plans(start_sets_timer)) set_timer(args_.amount_us, 0, context);
  if (plans(start_sends)) send(Op::send, args_.to, 0, run.number, context);
  if (plans(start_leaves)) {
    context.stop_self();
    world_.oracle.leaves(life_);
  }
  if (plans(start_throws)) throw std::runtime_error("on_start");
  const std::uint32_t starts = world_.oracle.starts_of(args_.request);
  if (plans(restarts_fail) && starts > 1 && starts < 5) throw 7;  // NOLINT: what is no std::exception is meant
  if (plans(start_fails)) return fail(ErrorCode::refused, "not today");
  run.is_well();
  return {};
}

void Script::on_stop(Context& context, StopReason reason) {
  world_.oracle.stops(life_, reason);
  Running run(world_, life_, Function::on_stop, fence_);
  if (plans(stop_meanwhile)) world_.meanwhile(std::chrono::microseconds(args_.amount_us));
  if (plans(stop_slow)) world_.pass(args_.amount_us);
  if (plans(stop_sends)) send(Op::send, args_.to, 0, run.number, context);
  if (plans(stop_throws)) throw std::runtime_error("on_stop");
  run.is_well();
}

std::optional<Bytes> Script::save() {
  Running run(world_, life_, Function::save, fence_);
  if (plans(save_throws)) throw std::runtime_error("save");
  run.is_well();
  if (!plans(saves)) return std::nullopt;
  return std::to_string(world_.oracle.state_saved(life_));
}

Result<void> Script::restore(BytesView state) {
  Running run(world_, life_, Function::restore, fence_);
  std::uint64_t number = 0;
  std::from_chars(state.data(), state.data() + state.size(), number);
  world_.oracle.state_restored(life_, number);
  if (plans(restore_throws)) throw std::runtime_error("restore");
  if (plans(restore_fails)) return fail(ErrorCode::refused, "it cannot be restored");
  run.is_well();
  return {};
}

Result<Done> Script::work(const Work& work, Context& context) {
  Running run(world_, life_, Function::handler, context.fence(), static_cast<std::uint32_t>(work.ask));
  act(work.does, work, run.number, context);
  run.is_well();
  if ((work.does & Does::refuses) != 0) return fail(ErrorCode::refused, "it does not want to");
  return Done{context.fence().value, work.ask};
}

void Script::tick(const Tick& tick, Context& context) {
  Running run(world_, life_, Function::timer, context.fence());
  world_.oracle.timer_handled(life_, static_cast<std::uint32_t>(tick.timer));
  act(tick.does, Work{.to = args_.to}, run.number, context);
  run.is_well();
}

void Script::act(std::uint32_t does, const Work& work, std::uint32_t run, Context& context) {
  const auto is = [&](Does what) { return (does & what) != 0; };
  if (is(Does::meanwhile)) world_.meanwhile(std::chrono::microseconds(work.amount_us));
  if (is(Does::takes_long)) world_.pass(work.amount_us);
  if (is(Does::sets_timer)) set_timer(work.amount_us, work.then_does, context);
  if (is(Does::cancels_timer)) cancel_timer(context);
  if (is(Does::sends)) send(Op::send, work.to, work.then_does, run, context);
  if (is(Does::calls)) send(Op::call, work.to, work.then_does, run, context);
  if (is(Does::asks)) ask(work.to, work.then_does, run, context);
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

/// Blocks, if the type may.
void Script::ask(std::uint32_t to, std::uint32_t does, std::uint32_t run, Context& context) {
  Ask& ask = world_.oracle.ask(Op::call, to);
  ask.caller = callers_of_lives + life_;
  ask.starts = true;
  ask.does = does;
  ask.sent_in = run;
  world_.oracle.issued(ask);
  world_.oracle.blocks(run);
  Submission submission =
      World::submission_of(ask, {.with_args = true, .does = does, .to = args_.key, .timeout_us = 10'000});
  const std::uint32_t number = ask.number;
  world_.answered(number, context.registry().exchange(submission));
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
