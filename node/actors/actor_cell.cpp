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

/// For a function of a confirmed type: what it sends is held for longer than it runs, so no call of it may wait for an answer.
class Unconfirmed {
 public:
  explicit Unconfirmed(Outputs& outputs) : before_(std::exchange(detail::on_worker_thread, true)) { outputs.keep(); }
  ~Unconfirmed() { detail::on_worker_thread = before_; }
  Unconfirmed(const Unconfirmed&) = delete;
  Unconfirmed& operator=(const Unconfirmed&) = delete;

 private:
  const bool before_;
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
      if (step == Step::again || (settles && step == Step::more && !has_unreleased())) continue;
      if (step != Step::more) return step;
    }
    Waiter* waiter = mailbox_.pop(taken_);
    if (waiter == nullptr) {
      if (has_unreleased() && !is_told_later()) continue;
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

  const std::uint64_t renewal = next_renewal();
  CellContext context(*this);
  std::optional<Unconfirmed> unconfirmed;
  if (renewal != 0) unconfirmed.emplace(context.outputs);
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
  if (renewal == 0) context.outputs.release();
  else if (!context.outputs.empty()) cold().unreleased.push_back({.held = context.outputs.take(), .renewal = renewal});
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
  const std::uint64_t renewal = next_renewal();
  CellContext context(*this);
  std::optional<Unconfirmed> unconfirmed;
  if (renewal != 0) unconfirmed.emplace(context.outputs);
  Result<void> outcome;
  Bytes reply;
  try {
    outcome = invoke(type(), *actor_, context, *envelope, reply);
  } catch (...) {
    const auto text = text_of_current_exception();
    context.outputs.drop(Error{ErrorCode::actor_crashed, text});
    if (renewal == 0) return crashed(std::move(envelope), text);
    outcome = fail(ErrorCode::actor_crashed, text);
    return hold({.envelope = std::move(envelope), .outcome = std::move(outcome), .then = Unreleased::Then::crashes, .renewal = renewal});
  }
  if (type_.keeps_use) activation_.used.store(at.ns, std::memory_order_relaxed);
  host().tallies.mine().messages.fetch_add(1, std::memory_order_relaxed);
  const Instant over = host().clock.now();
  if (renewal != 0 || !may_release(over)) {
    return hold({.envelope = std::move(envelope),
                 .outcome = std::move(outcome),
                 .reply = std::move(reply),
                 .held = context.outputs.take(),
                 .then = context.stop_wanted() ? Unreleased::Then::stops_itself : Unreleased::Then::goes_on,
                 .renewal = renewal});
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

ActorCell::Step ActorCell::hold(Unreleased done) {
  const bool ends_too = done.renewal != 0 && done.then == Unreleased::Then::stops_itself;
  if (!ends_too) {
    cold().unreleased.push_back(std::move(done));
    return Step::more;
  }
  // It is closed at once, and who has sent the message is answered at its end.
  cold().unreleased.push_back({.held = std::move(done.held), .renewal = done.renewal});
  return stop(StopReason::stopped_self, std::move(done));
}

ActorCell::Step ActorCell::settle() {
  auto& waiting = cold_->unreleased;
  while (!waiting.empty()) {
    const bool may = may_release(host().clock.now());
    const bool over = !may && (is_revoked() || host().gate.is_abandoned() || host().gate.is_closing());
    if (!may && !over) {
      if (suspend() == Step::suspended) return Step::suspended;
      continue;
    }
    if (may && !host().confirmations.is_granted(waiting.front().renewal)) return wait_for_grant();
    Unreleased first = std::move(waiting.front());
    waiting.pop_front();
    if (waiting.empty()) forget_grants();
    const Step step = over ? drop(std::move(first)) : release(std::move(first));
    if (step != Step::more) return step;
  }
  return Step::more;
}

/// Later messages are handled meanwhile: within a bound, and none after the actor's end.
ActorCell::Step ActorCell::wait_for_grant() {
  const auto& waiting = cold_->unreleased;
  const bool is_last = waiting.back().then != Unreleased::Then::goes_on;
  if (!is_last && waiting.size() < limits::unconfirmed_turns_max) return Step::more;
  cold_->is_to_be_told = true;
  const bool waits = host().confirmations.tell(*this, waiting.front().renewal, true, host().gate);
  return waits ? Step::suspended : Step::again;
}

bool ActorCell::is_told_later() {
  const std::uint64_t renewal = cold_->unreleased.front().renewal;
  cold_->is_to_be_told = true;
  return host().confirmations.tell(*this, renewal, false, host().gate);
}

void ActorCell::forget_grants() {
  if (std::exchange(cold_->is_to_be_told, false)) host().confirmations.forget(*this);
}

ActorCell::Step ActorCell::release(Unreleased done) {
  using Then = Unreleased::Then;
  for (auto& held : done.held) held.to->submit(std::move(held.posting.submission), std::move(held.posting.done));
  if (done.then == Then::stops_itself) return stop_itself(std::move(done.envelope), std::move(done.outcome), std::move(done.reply));
  if (done.then == Then::crashes) return crashed(std::move(done.envelope), done.outcome.error().text);
  if (done.then == Then::goes_on) {
    if (done.envelope) answer(std::move(done.envelope), std::move(done.outcome), std::move(done.reply));
    return Step::more;
  }
  if (done.state) host().hand_over(activation_, cold_->args, std::move(*done.state));
  Completion told = done.envelope ? std::move(done.envelope->done) : Completion{};
  Answer last = told ? answer_of_handler(std::move(done.envelope), std::move(done.outcome), std::move(done.reply)) : Answer{};
  const Step step = end(done.reason);
  if (told) told(std::move(last));
  return step;
}

ActorCell::Step ActorCell::drop(Unreleased lost) {
  using Then = Unreleased::Then;
  const Error why{ErrorCode::unknown_outcome, "the node lost its lease while the message was handled; it has had no effect "
                                              "inside the cluster"};
  for (auto& held : lost.held) held.posting.done(Answer{why});
  if (lost.envelope && lost.envelope->done) std::exchange(lost.envelope->done, {})(Answer{why});
  if (lost.then == Then::crashes) return crashed(std::move(lost.envelope), lost.outcome.error().text);
  return lost.then == Then::ends ? end(lost.reason) : Step::more;
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

ActorCell::Step ActorCell::stop(StopReason reason, Unreleased last) {
  if (reason == StopReason::stopped_self) host().close(*this);
  // Without the lease another may run already: nothing of this one's may interfere.
  const bool says_goodbye = actor_ && !is_revoked() && host().gate.is_open(host().clock.now());
  if (type_.confirmed && (says_goodbye || has_unreleased())) {
    last.reason = reason;
    last.then = Unreleased::Then::ends;
    last.held.clear();
    return say_confirmed_goodbye(std::move(last), says_goodbye);
  }
  if (says_goodbye) say_goodbye(reason);
  return end(reason);
}

ActorCell::Step ActorCell::end(StopReason reason) {
  if (actor_) {
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

/// The same, and what it does is held, with the end itself.
ActorCell::Step ActorCell::say_confirmed_goodbye(Unreleased last, bool says_goodbye) {
  CellContext context(*this);
  const Unconfirmed unconfirmed(context.outputs);
  last.renewal = next_renewal();
  try {
    if (says_goodbye) actor_->on_stop(context, last.reason);
    if (says_goodbye && last.reason == StopReason::moved) last.state = actor_->save();
    last.held = context.outputs.take();
  } catch (...) {
    host().log("on_stop_threw", activation_, text_of_current_exception());
  }
  cold().unreleased.push_back(std::move(last));
  return Step::more;
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
