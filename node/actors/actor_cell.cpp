#include "reki/node/actors/actor_cell.hpp"

#include <algorithm>

#include "reki/actor/user_code.hpp"
#include "reki/net/deferred_wakeups.hpp"
#include "reki/node/actors/cell_context.hpp"

namespace reki {

// Here, since a turn of a cell is where they are used for each message: a variable that has to be made and destroyed costs
// a call where the compiler does not see it.
constinit thread_local Outputs* Outputs::current_ = nullptr;
thread_local std::vector<Outputs::Held> Outputs::spare_;

namespace {

EnvelopePtr envelope_of(Waiter* waiter) { return EnvelopePtr{static_cast<Envelope*>(waiter)}; }

/// Runs the handler of a message: on the typed envelope, if it was made in this process; else on its bytes, with the reply's.
Result<void> invoke(const ActorType& type, AnyActor& actor, Context& context, Envelope& envelope, Bytes& reply) {
  const auto& handlers = type.handlers;
  if (envelope.tag() != nullptr) {
    const auto typed = std::ranges::find(handlers, envelope.tag(), &MessageHandler::tag);
    if (typed != handlers.end()) return typed->typed(actor, context, envelope);
  }
  const auto handler = std::ranges::find(handlers, envelope.name(), &MessageHandler::name);
  if (handler == handlers.end()) {
    return fail(ErrorCode::unknown_message, "type '" + type.name + "' has no message '" + std::string{envelope.name()} + "'");
  }
  Bytes message;
  envelope.encode(message);
  auto result = handler->encoded(actor, context, message);
  if (!result) return tl::make_unexpected(std::move(result).error());
  reply = std::move(*result);
  return {};
}

/// Counts a turn that runs, so that a node knows when no function of an actor does. Counted before the gate is looked at:
/// whoever sees the gate closed and then the count at 0 knows that nothing runs until the gate opens.
class Running {
 public:
  explicit Running(CellHost& host) : turns_(host.tallies.mine().turns) { turns_.fetch_add(1); }
  ~Running() { turns_.fetch_sub(1); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  std::atomic<int>& turns_;
};

}  // namespace

ActorCell::~ActorCell() {
  (void)mailbox_.wake();  // an idle one holds its mark, which is no message
  while (Waiter* waiter = mailbox_.pop(taken_)) envelope_of(waiter);
}

bool ActorCell::push_stop(StopReason reason, Instant drain_until) {
  drained_for_.store(reason, std::memory_order_relaxed);
  drain_until_.store(drain_until.ns, std::memory_order_release);
  mailbox_.close();  // nothing comes behind it
  return mailbox_.push(new ControlEnvelope(reason));
}

void ActorCell::run() {
  if (turn() == Step::more) host().run_again(*this);
}

ActorCell::Step ActorCell::turn() {
  const Running running(host());
  const Instant began = host().clock.now();
  Instant at = began;  // 0: has to be read again
  for (int handled = 0; handled < limits::messages_per_turn;) {
    if (has_unreleased() || !actor_) {
      DeferredWakeups::flush_if_late(began);
      at = {};
      const bool settles = has_unreleased();
      const Step step = settles ? settle() : start();
      if (step == Step::again || (settles && step == Step::more)) continue;
      if (step != Step::more) return step;
    }
    Waiter* waiter = mailbox_.pop(taken_);
    if (waiter == nullptr) {
      if (mailbox_.try_idle(taken_)) return Step::idle;
      continue;
    }
    if (at == Instant{}) at = host().clock.now();
    if (at - began >= limits::turn_time_max) {
      mailbox_.put_back(taken_, waiter);
      return Step::more;
    }
    DeferredWakeups::flush_if_late(at);
    ++handled;
    const Step step = handle(envelope_of(waiter), at);
    if (step != Step::more) return step;
  }
  return Step::more;
}

// Starting

ActorCell::Step ActorCell::start() {
  // It was the start before that was revoked: its slot has come back since, or else there is no permit.
  revoked_.store(false, std::memory_order_release);
  const auto permit = host().permit_start(*this);
  if (!permit) return start_failed(permit.error());
  if (*permit == StartPermit::suspended) return Step::suspended;
  if (*permit == StartPermit::not_wanted) return Step::more;

  CellContext context(*this);
  auto made = construct(context);
  if (!made) {
    context.outputs.drop(made.error());
    return start_failed(made.error());
  }
  if (!may_release(host().clock.now())) {
    context.outputs.drop(Error{ErrorCode::unavailable});
    made->reset();  // before anybody is told that it is over, or another is started
    return start_failed(Error{ErrorCode::unavailable, "the node's lease ended during the start"});
  }
  context.outputs.release();
  actor_ = std::move(*made);
  host().started(*this, context.stop_wanted());
  return Step::more;
}

Result<ActorPtr> ActorCell::construct(CellContext& context) {
  try {
    auto made = type().make(cold_ ? BytesView{cold_->args} : BytesView{});
    if (!made) {
      if (made.error().code != ErrorCode::malformed_message) made.error().code = ErrorCode::start_failed;
      return made;
    }
    if (*made == nullptr) return fail(ErrorCode::start_failed, "the factory returned no actor");
    if (const auto state = cold_ ? std::exchange(cold_->state, std::nullopt) : std::nullopt) {
      if (auto restored = (*made)->restore(*state); !restored) {
        return fail(ErrorCode::start_failed, "it cannot go on with the state handed over: " + restored.error().text);
      }
    }
    if (auto ready = (*made)->on_start(context); !ready) return fail(ErrorCode::start_failed, ready.error().text);
    return made;
  } catch (...) {
    return fail(ErrorCode::start_failed, text_of_current_exception());
  }
}

ActorCell::Step ActorCell::start_failed(const Error& error) {
  drop_timers();
  return host().start_failed(*this, error) ? Step::gone : Step::again;  // somebody may wait for another start
}

void ActorCell::keep_args(const Bytes& args) {
  has_args_ = true;
  if (!args.empty() || cold_) cold().args = args;
}

void ActorCell::forget_args() {
  has_args_ = false;
  if (cold_) cold_->args.clear();
}

// Messages

ActorCell::Step ActorCell::handle(EnvelopePtr envelope, Instant& at) {
  const Instant now = std::exchange(at, Instant{});
  if (envelope->tag() == &message_tag<ControlEnvelope>) {
    const auto reason = static_cast<ControlEnvelope&>(*envelope).reason;
    return reason ? stop(*reason) : Step::more;
  }
  if (now.ns >= drain_until_.load(std::memory_order_acquire)) {
    // What is left in the mailbox is decided over again with its end, before what has come after the stop.
    mailbox_.put_back(taken_, envelope.release());
    return stop(drained_for_.load(std::memory_order_relaxed));
  }
  if (actor_ && is_revoked() && !host().gate.is_abandoned()) {
    // The key's next owner may run it already, so here it handles nothing more.
    mailbox_.put_back(taken_, envelope.release());
    return stop(StopReason::moved);
  }
  // The last: a start may have ended between the look-up and the mailbox.
  const bool is_for_another = envelope->pin.value != 0 && envelope->pin != activation_.fence;
  if (!actor_ || host().gate.is_abandoned() || is_for_another) {
    host().readmit(*this, std::move(envelope), now);
    return Step::more;
  }
  if (envelope->deadline <= now) {
    host().counters.expired.fetch_add(1, std::memory_order_relaxed);
    if (envelope->done) envelope->done(Answer{Error{ErrorCode::deadline_exceeded, "it waited too long in the actor's mailbox"}});
    return Step::more;
  }
  if (!host().gate.is_open(now)) {
    if (host().gate.is_closing()) {
      if (envelope->done) envelope->done(Answer{Error{ErrorCode::unavailable, "the node closes without a lease"}});
      return Step::more;
    }
    mailbox_.put_back(taken_, envelope.release());
    return suspend();
  }
  return run_handler(std::move(envelope), now, at);
}

ActorCell::Step ActorCell::suspend() { return host().gate.suspend(*this, host().clock.now()) ? Step::suspended : Step::more; }

ActorCell::Step ActorCell::run_handler(EnvelopePtr envelope, Instant at, Instant& after) {
  CellContext context(*this);
  Result<void> outcome;
  Bytes reply;
  try {
    outcome = invoke(type(), *actor_, context, *envelope, reply);
  } catch (...) {
    const auto text = text_of_current_exception();
    context.outputs.drop(Error{ErrorCode::actor_crashed, text});
    return crashed(std::move(envelope), text);
  }
  if (type_.keeps_use) activation_.used.store(at.ns, std::memory_order_relaxed);
  host().tallies.mine().messages.fetch_add(1, std::memory_order_relaxed);
  const Instant over = host().clock.now();
  if (!may_release(over)) {
    cold().unreleased.emplace(Unreleased{std::move(envelope), std::move(outcome), std::move(reply), context.outputs.take(),
                                         context.stop_wanted()});
    return Step::more;
  }
  const bool tells_others = envelope->done || !context.outputs.empty();
  context.outputs.release();
  if (context.stop_wanted()) return stop_itself(std::move(envelope), std::move(outcome), std::move(reply));
  answer(std::move(envelope), std::move(outcome), std::move(reply));
  if (!tells_others) after = over;  // else their code may have taken its time
  return Step::more;
}

bool ActorCell::may_release(Instant at) const {
  return !revoked_.load(std::memory_order_acquire) && host().gate.is_open(at);
}

ActorCell::Step ActorCell::settle() {
  if (may_release(host().clock.now())) {
    auto done = std::exchange(cold_->unreleased, std::nullopt);
    for (auto& held : done->held) held.to->submit(std::move(held.posting.submission), std::move(held.posting.done));
    if (done->stop_wanted) return stop_itself(std::move(done->envelope), std::move(done->outcome), std::move(done->reply));
    answer(std::move(done->envelope), std::move(done->outcome), std::move(done->reply));
    return Step::more;
  }
  const bool over = revoked_.load() || host().gate.is_abandoned() || host().gate.is_closing();
  if (!over) return suspend();
  auto lost = std::exchange(cold_->unreleased, std::nullopt);
  const Error why{ErrorCode::unknown_outcome, "the node lost its lease while the message was handled; it has had no effect "
                                              "inside the cluster"};
  for (auto& held : lost->held) held.posting.done(Answer{why});
  if (lost->envelope->done) lost->envelope->done(Answer{why});
  return Step::more;
}

void ActorCell::answer(EnvelopePtr envelope, Result<void> outcome, Bytes reply) {
  if (!envelope->done) {  // before it is moved, which costs a send something
    if (!outcome) host().log(name_of(outcome.error().code), activation_, outcome.error().text);
    return;
  }
  Completion done = std::move(envelope->done);
  done(answer_of_handler(std::move(envelope), std::move(outcome), std::move(reply)));
}

ActorCell::Step ActorCell::stop_itself(EnvelopePtr envelope, Result<void> outcome, Bytes reply) {
  Completion done = std::move(envelope->done);
  if (!done) {
    answer(std::move(envelope), std::move(outcome), std::move(reply));
    return stop(StopReason::stopped_self);
  }
  Answer last = answer_of_handler(std::move(envelope), std::move(outcome), std::move(reply));
  const Step step = stop(StopReason::stopped_self);
  done(std::move(last));
  return step;
}

Answer ActorCell::answer_of_handler(EnvelopePtr envelope, Result<void> outcome, Bytes reply) const {
  Answer out = outcome ? Answer{} : Answer{std::move(outcome).error()};
  out.fence = activation_.fence;
  out.started = envelope->begins;
  out.node = host().node;
  out.payload = std::move(reply);
  out.envelope = std::move(envelope);
  return out;
}

// Ends

ActorCell::Step ActorCell::crashed(EnvelopePtr envelope, const std::string& text) {
  host().counters.crashes.fetch_add(1, std::memory_order_relaxed);
  host().log("crashed", activation_, text);
  destroy_actor();
  return host().crashed(*this, std::move(envelope), text) ? Step::gone : Step::more;
}

ActorCell::Step ActorCell::stop(StopReason reason) {
  if (reason == StopReason::stopped_self) host().close(*this);
  if (actor_) {
    // Without the lease another may run already: nothing of this one's may interfere.
    if (!revoked_.load() && host().gate.is_open(host().clock.now())) say_goodbye(reason);
    destroy_actor();
    auto& counter = reason == StopReason::passivated ? host().counters.passivations : host().counters.stops;
    counter.fetch_add(1, std::memory_order_relaxed);
  }
  return host().stopped(*this, reason) ? Step::gone : Step::more;
}

void ActorCell::say_goodbye(StopReason reason) {
  CellContext context(*this);
  try {
    actor_->on_stop(context, reason);
    std::optional<Bytes> state;
    if (reason == StopReason::moved) state = actor_->save();
    if (!may_release(host().clock.now())) return context.outputs.drop(Error{ErrorCode::unavailable, "the sender's node lost its lease"});
    context.outputs.release();
    if (state) host().hand_over(activation_, cold_ ? cold_->args : Bytes{}, std::move(*state));
  } catch (...) {
    host().log("on_stop_threw", activation_, text_of_current_exception());
  }
}

WaiterList ActorCell::close_mailbox() {
  drain_until_.store(Instant::never().ns, std::memory_order_relaxed);
  mailbox_.close();
  WaiterList out;
  while (Waiter* w = mailbox_.pop(taken_)) {
    if (static_cast<Envelope*>(w)->tag() == &message_tag<ControlEnvelope>) envelope_of(w);
    else out.push(w);
  }
  return out;
}

void ActorCell::destroy_actor() {
  actor_.reset();
  type_.live.fetch_sub(1, std::memory_order_relaxed);
  drop_timers();
}

void ActorCell::drop_timers() {
  if (!cold_) return;
  for (const TimerId id : std::exchange(cold_->timers, {})) host().timers.cancel_message(id);
}

}  // namespace reki
