#include "subject.hpp"

#include <charconv>

#include "world.hpp"

namespace reki::cluster {

using namespace std::chrono_literals;

namespace {

/// A function's run, as the oracle sees it.
class Running {
 public:
  Running(World& world, Process& process, std::uint32_t life, Fence fence, const char* function, std::uint32_t ask = 0)
      : world_(world), process_(process), run(world.oracle.begin(life, fence, function, ask)) {
    ++process_.busy;
  }
  ~Running() {
    world_.oracle.end(run);
    --process_.busy;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  World& world_;
  Process& process_;

 public:
  const std::uint32_t run;  ///< 0: its process is dead.
};

}  // namespace

Subject::Subject(World& world, Process& process, const Args& args)
    : world_(world), process_(process), args_(args), life_(world.oracle.made(process.host, args.key, args.ask)) {}

Subject::~Subject() { world_.oracle.destroyed(life_); }

Result<void> Subject::on_start(Context& context) {
  fence_ = context.fence();
  const Running running(world_, process_, life_, fence_, "on_start");
  if (running.run == 0) return {};
  const bool stands_still = process_.start_begins();
  if (stands_still || args_.start_lasts_us != 0) world_.meanwhile(std::chrono::microseconds(args_.start_lasts_us), *process_.host);
  if (args_.to != 0 && process_.alive()) send(args_.to - 1, running.run, context);
  if (args_.asks != 0 && process_.alive()) call(args_.asks - 1, running.run, context);
  return {};
}

void Subject::on_stop(Context&, StopReason) { const Running running(world_, process_, life_, fence_, "on_stop"); }

std::optional<Bytes> Subject::save() {
  const Running running(world_, process_, life_, fence_, "save");
  return std::to_string(world_.oracle.state_saved(life_));
}

Result<void> Subject::restore(BytesView state) {
  std::uint64_t number = 0;
  std::from_chars(state.data(), state.data() + state.size(), number);
  world_.oracle.state_restored(life_, number);
  return {};
}

Done Subject::on(const Work& work, Context& context) {
  const Running running(world_, process_, life_, context.fence(), "work", static_cast<std::uint32_t>(work.ask));
  if (running.run == 0) return {};
  if (work.lasts_us != 0) world_.meanwhile(std::chrono::microseconds(work.lasts_us), *process_.host);
  if (work.to != 0 && process_.alive()) send(work.to - 1, running.run, context);
  if (work.asks != 0 && process_.alive()) call(work.asks - 1, running.run, context);
  if (work.later_us != 0 && process_.alive()) remind(std::chrono::microseconds(work.later_us), running.run, context);
  return {context.fence().value, work.ask};
}

void Subject::send(std::uint32_t key, std::uint32_t run, Context& context) {
  Ask& ask = world_.oracle.ask(wire::Op::send, key);
  ask.sender = senders_of_lives + life_;
  ask.sent_in = run;
  ask.deadline = world_.now() + 2s;
  ask.is_answered_to = false;
  world_.oracle.issued(ask);
  if (world_.below(2) == 0) return context.send<Cell>(name_of_key(key), Work{.ask = ask.number}, Args{.ask = ask.number, .key = key});
  Submission submission(wire::Op::send, Cell::type, name_of_key(key));
  submission.timeout = 2s;
  submission.args = pack(Args{.ask = ask.number, .key = key});
  submission.message = EnvelopePtr{new TypedEnvelope<Work>(Work{.ask = ask.number})};
  context.registry().submit(std::move(submission), Completion::of([&world = world_, host = process_.host, number = ask.number](Answer&& answer) {
                              if (host->alive) world.oracle.told_sender(number, answer);
                            }));
}

void Subject::call(std::uint32_t key, std::uint32_t run, Context& context) {
  if (!world_.may_wait()) return;
  const Duration timeout = std::chrono::milliseconds(5 + world_.below(300));
  Ask& ask = world_.oracle.ask(wire::Op::call, key);
  ask.sender = senders_of_lives + life_;
  ask.deadline = world_.now() + timeout;
  ask.is_answered_to = false;
  world_.oracle.issued(ask);
  world_.oracle.waits(run);
  Submission submission(wire::Op::call, Cell::type, name_of_key(key));
  submission.timeout = timeout;
  submission.args = pack(Args{.ask = ask.number, .key = key});
  submission.message = EnvelopePtr{new TypedEnvelope<Work>(Work{.ask = ask.number})};
  const Answer answer = context.registry().exchange(submission);
  if (!process_.alive()) return;
  if (answer.code == ErrorCode::would_block) world_.oracle.break_rule(Rule::waits, "a function of a blocking type may not wait");
  world_.oracle.told_sender(ask.number, answer);
}

void Subject::remind(Duration after, std::uint32_t run, Context& context) {
  Ask& ask = world_.oracle.ask(wire::Op::send, args_.key);
  ask.sender = no_sender;
  ask.sent_in = run;
  ask.pin = fence_;
  ask.is_answered_to = false;
  world_.oracle.issued(ask);
  send_later(context, after, Work{.ask = ask.number});
}

}  // namespace reki::cluster
