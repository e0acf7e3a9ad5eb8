#include "reki/node/actors/actor_cell.hpp"

#include <algorithm>

#include "reki/net/clock.hpp"
#include "reki/net/deferred_wakeups.hpp"
#include "reki/node/actors/outputs.hpp"

namespace reki {

using State = Activation::State;
using For = Waiter::For;

constinit thread_local Outputs* Outputs::current_ = nullptr;
thread_local std::vector<Outputs::Held> Outputs::spare_;

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::stopped:
      return "stopped";
    case StopReason::stopped_self:
      return "stopped_self";
    case StopReason::passivated:
      return "passivated";
    case StopReason::closing:
      return "closing";
    case StopReason::moved:
      return "moved";
  }
  return "unknown";
}

namespace {

EnvelopePtr envelope_of(Waiter* waiter) { return EnvelopePtr{static_cast<Envelope*>(waiter)}; }

std::string text_of_current_exception() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

/// Counts a turn that runs, so that a node knows when no function of an actor does. Counted before the gate is looked at:
/// whoever sees the gate closed and then the count at 0 knows that nothing runs until the gate opens.
class Running {
 public:
  explicit Running(Runtime& runtime) : turns_(runtime.tallies.mine().turns) { turns_.fetch_add(1); }
  ~Running() { turns_.fetch_sub(1); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  std::atomic<int>& turns_;
};

}  // namespace

/// The context of one call into user code.
class ActorCell::Scope final : public Context {
 public:
  explicit Scope(ActorCell& cell) : cell_(cell) {}

  std::string_view type() const override { return cell_.type_.type->name; }
  std::string_view key() const override { return cell_.activation_.key(); }
  Fence fence() const override { return cell_.activation_.fence; }
  const NodeId& node() const override { return cell_.runtime().options().node; }
  Registry& registry() override { return cell_.runtime().self_registry(); }
  void stop_self() override { stop_wanted_ = true; }
  TimerId set_timer(Duration after, EnvelopePtr message) override;
  void cancel_timer(TimerId id) override;

  [[nodiscard]] bool stop_wanted() const { return stop_wanted_; }
  Outputs outputs;

 private:
  ActorCell& cell_;
  bool stop_wanted_ = false;
};

TimerId ActorCell::Scope::set_timer(Duration after, EnvelopePtr message) {
  auto& ids = cell_.cold().timers;
  auto& timers = cell_.runtime().timers();
  if (ids.size() >= limits::timers_per_actor_max) std::erase_if(ids, [&](TimerId id) { return !timers.is_pending(id); });
  if (ids.size() >= limits::timers_per_actor_max) {
    throw std::length_error("more than " + std::to_string(limits::timers_per_actor_max) + " timers of one actor");
  }
  const Activation& a = cell_.activation_;
  message->op = wire::Op::send;
  const auto id = timers.add_message(reki::name_of(a), a.fence, std::move(message), boot_time() + after);
  ids.push_back(id);
  return id;
}

void ActorCell::Scope::cancel_timer(TimerId id) {
  if (cell_.cold_ && std::erase(cell_.cold_->timers, id) > 0) cell_.runtime().timers().cancel_message(id);
}

ActorCell::~ActorCell() {
  (void)mailbox_.wake();  // an idle one holds its mark, which is no message
  while (Waiter* waiter = mailbox_.pop(taken_)) envelope_of(waiter);
}

bool ActorCell::push_stop(StopReason reason, Instant drain_until) {
  drain_until_.store(drain_until.ns, std::memory_order_relaxed);
  mailbox_.close();  // nothing comes behind it
  return mailbox_.push(new ControlEnvelope(reason));
}

void ActorCell::run() {
  if (turn() == Step::more) runtime().schedule_last(this);
}

ActorCell::Step ActorCell::turn() {
  const Running running(runtime());
  const Instant began = boot_time();
  DeferredWakeups::flush_if_late(began);
  Instant at = began;  // 0: has to be read again
  for (int handled = 0; handled < limits::messages_per_turn;) {
    if (has_unreleased() || !actor_) {
      at = {};
      const bool settles = has_unreleased();
      const Step step = settles ? settle() : start();
      if (step != Step::more) return step;
      if (settles) continue;
    }
    Waiter* waiter = mailbox_.pop(taken_);
    if (waiter == nullptr) {
      if (mailbox_.try_idle(taken_)) return Step::idle;
      continue;
    }
    if (at == Instant{}) at = boot_time();
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
  bool begun = false;
  bool here = true;
  {
    const std::lock_guard lock(shard().mutex);
    if (activation_.state != State::starting) return Step::more;  // in back-off, or to be stopped
    here = runtime().gate(boot_time()) && runtime().stop_reason_locked(shard(), activation_.slot()) != StopReason::moved;
    const bool told_to_end = activation_.stop_requested || runtime().closing();
    if (!here && !told_to_end && runtime().suspend(this)) return Step::suspended;
    begun = here && !runtime().closing() && shard().table->begin_start(activation_, boot_time());
    if (begun && !has_args_) {
      has_args_ = true;
      const auto starts = [&](bool beginner) {
        return activation_.waiters.any([&](const Waiter& w) {
          const bool chosen = w.waits_for == For::start && w.starts && (w.begins || !beginner);
          if (chosen) keep_args(static_cast<const Envelope&>(w).args);
          return chosen;
        });
      };
      if (!starts(true)) starts(false);  // the one who began may have given up meanwhile
    }
  }
  if (!begun) {
    if (runtime().closing()) return start_failed(Error{ErrorCode::shutting_down});
    if (!here) return start_failed(Error{ErrorCode::unavailable, "the key moves to another node"});
    return start_failed(Error{ErrorCode::deadline_exceeded, "the start was not begun in time"});
  }

  Scope scope(*this);
  auto made = construct(scope);
  if (!made) {
    scope.outputs.drop(made.error());
    return start_failed(std::move(made).error());
  }
  if (!may_release(boot_time())) {
    scope.outputs.drop(Error{ErrorCode::unavailable});
    return start_failed(Error{ErrorCode::unavailable, "the node's lease ended during the start"});
  }
  scope.outputs.release();

  Effects effects;
  {
    const std::lock_guard lock(shard().mutex);
    actor_ = std::move(*made);
    born_ = runtime().counters.starts.fetch_add(1, std::memory_order_relaxed) + 1;
    const bool again = activation_.restart;
    if (again) runtime().counters.restarts.fetch_add(1, std::memory_order_relaxed);
    const auto live = type_.live.fetch_add(1, std::memory_order_relaxed) + 1;
    auto waiters = shard().table->started(activation_, boot_time());
    runtime().tell_start_locked(activation_, again, effects);
    runtime().welcome_locked(activation_, std::move(waiters), effects);
    if (activation_.state == State::stopping || scope.stop_wanted()) {
      if (activation_.state == State::live) shard().table->close(activation_);
      const auto told = runtime().stop_reason_locked(shard(), activation_.slot());
      const auto reason = scope.stop_wanted() ? StopReason::stopped_self : told;
      const Duration grace = reason == StopReason::moved ? Duration{0} : type().options.stop_grace;
      (void)push_stop(reason, boot_time() + grace);  // this turn goes on anyway
    }
    // Not before those who waited have put in their messages: who comes later stays behind them.
    if (activation_.state == State::live) mailbox_.open();
    const auto cap = static_cast<std::int64_t>(type().options.cap);
    if (cap > 0 && live > cap) effects.over_cap(type_);
  }
  effects.run(runtime());
  return Step::more;
}

Result<std::unique_ptr<AnyActor>> ActorCell::construct(Scope& scope) {
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
    if (auto ready = (*made)->on_start(scope); !ready) return fail(ErrorCode::start_failed, ready.error().text);
    return made;
  } catch (...) {
    return fail(ErrorCode::start_failed, text_of_current_exception());
  }
}

ActorCell::Step ActorCell::start_failed(const Error& error) {
  drop_timers();
  Effects effects;
  Step step = Step::more;
  {
    const std::lock_guard lock(shard().mutex);
    const bool supervised = activation_.restart && !activation_.stop_requested;
    if (error.code == ErrorCode::start_failed) {
      runtime().counters.start_failures.fetch_add(1, std::memory_order_relaxed);
      runtime().log("start_failed", activation_, error.text);
    }
    const bool known = activation_.restart;  // to watchers, as crashed; a first start that fails is its callers' affair
    auto after = shard().table->start_failed(activation_, error.text, boot_time());
    if (known) {
      const auto told_to = watch_reason(runtime().stop_reason_locked(shard(), activation_.slot()));
      runtime().tell_end_locked(activation_, supervised ? WatchReason::start_failed : told_to, error.text, effects);
    }
    if (!supervised && error.code != ErrorCode::unavailable) {
      // Nothing was supervised yet: it is the callers' failure. Who only looked it up, or wanted it stopped, finds none.
      WaiterList failed = after.released.take_if([](const Waiter&) { return true; });
      while (Waiter* w = failed.pop()) {
        auto envelope = envelope_of(w);
        const bool wanted_start = w->waits_for == For::start && w->starts;
        effects.answer(std::move(envelope->done), Answer{wanted_start ? error : Error{ErrorCode::not_running}});
      }
    }
    step = ended_locked(std::move(after), effects);
  }
  effects.run(runtime());
  return step;
}

// Messages

ActorCell::Step ActorCell::handle(EnvelopePtr envelope, Instant& at) {
  const Instant now = std::exchange(at, Instant{});
  if (envelope->tag() == &message_tag<ControlEnvelope>) {
    const auto reason = static_cast<ControlEnvelope&>(*envelope).reason;
    return reason ? stop(*reason) : Step::more;
  }
  if (now.ns >= drain_until_.load(std::memory_order_relaxed) || !actor_ || runtime().abandoned()) {
    Effects effects;
    {
      const std::lock_guard lock(shard().mutex);
      runtime().readmit_locked(shard(), reki::name_of(activation_), std::move(envelope), now, effects);
    }
    effects.run(runtime());
    return Step::more;
  }
  if (envelope->deadline <= now) {
    runtime().counters.expired.fetch_add(1, std::memory_order_relaxed);
    if (envelope->done) envelope->done(Answer{Error{ErrorCode::deadline_exceeded, "it waited too long in the actor's mailbox"}});
    return Step::more;
  }
  if (!runtime().gate(now)) {
    if (runtime().closing()) {
      if (envelope->done) envelope->done(Answer{Error{ErrorCode::unavailable, "the node closes without a lease"}});
      return Step::more;
    }
    mailbox_.put_back(taken_, envelope.release());
    return runtime().suspend(this) ? Step::suspended : Step::more;
  }
  return run_handler(std::move(envelope), now, at);
}

ActorCell::Step ActorCell::run_handler(EnvelopePtr envelope, Instant at, Instant& after) {
  Scope scope(*this);
  Result<void> outcome;
  Bytes reply;
  try {
    outcome = invoke(scope, *envelope, reply);
  } catch (...) {
    const auto text = text_of_current_exception();
    scope.outputs.drop(Error{ErrorCode::actor_crashed, text});
    return crashed(std::move(envelope), text);
  }
  if (type_.keeps_use) activation_.used.store(at.ns, std::memory_order_relaxed);
  runtime().tallies.mine().messages.fetch_add(1, std::memory_order_relaxed);
  const Instant over = boot_time();
  if (!may_release(over)) {
    cold().unreleased.emplace(Unreleased{std::move(envelope), std::move(outcome), std::move(reply), scope.outputs.take(),
                                         scope.stop_wanted()});
    return Step::more;
  }
  const bool tells_others = envelope->done || !scope.outputs.empty();
  scope.outputs.release();
  answer(std::move(envelope), std::move(outcome), std::move(reply));
  if (scope.stop_wanted()) return stopped_self();
  if (!tells_others) after = over;  // else their code may have taken its time
  return Step::more;
}

bool ActorCell::may_release(Instant at) const {
  return !runtime().options().cluster_hooks || (!revoked_.load(std::memory_order_acquire) && runtime().gate(at));
}

ActorCell::Step ActorCell::settle() {
  if (may_release(boot_time())) {
    auto done = std::exchange(cold_->unreleased, std::nullopt);
    for (auto& held : done->held) held.to->submit(std::move(held.posting.submission), std::move(held.posting.done));
    answer(std::move(done->envelope), std::move(done->outcome), std::move(done->reply));
    return done->stop_wanted ? stopped_self() : Step::more;
  }
  const bool over = revoked_.load() || runtime().abandoned() || runtime().closing();
  if (!over) return runtime().suspend(this) ? Step::suspended : Step::more;
  auto lost = std::exchange(cold_->unreleased, std::nullopt);
  const Error why{ErrorCode::unknown_outcome, "the node lost its lease while the message was handled; it has had no effect "
                                              "inside the cluster"};
  for (auto& held : lost->held) held.posting.done(Answer{why});
  if (lost->envelope->done) lost->envelope->done(Answer{why});
  return Step::more;
}

Result<void> ActorCell::invoke(Scope& scope, Envelope& envelope, Bytes& reply) {
  const auto& handlers = type().handlers;
  if (envelope.tag() != nullptr) {
    const auto typed = std::ranges::find(handlers, envelope.tag(), &MessageHandler::tag);
    if (typed != handlers.end()) return typed->typed(*actor_, scope, envelope);
  }
  const auto handler = std::ranges::find(handlers, envelope.name(), &MessageHandler::name);
  if (handler == handlers.end()) {
    return fail(ErrorCode::unknown_message, "type '" + type().name + "' has no message '" + std::string{envelope.name()} + "'");
  }
  Bytes message;
  envelope.encode(message);
  auto result = handler->encoded(*actor_, scope, message);
  if (!result) return tl::make_unexpected(std::move(result).error());
  reply = std::move(*result);
  return {};
}

void ActorCell::answer(EnvelopePtr envelope, Result<void> outcome, Bytes reply) {
  if (!envelope->done) {
    if (!outcome) runtime().log(name_of(outcome.error().code), activation_, outcome.error().text);
    return;
  }
  Answer out = outcome ? Answer{} : Answer{std::move(outcome).error()};
  out.fence = activation_.fence;
  out.started = envelope->begins;
  out.node = runtime().node();
  out.payload = std::move(reply);
  Completion done = std::move(envelope->done);
  out.envelope = std::move(envelope);
  done(std::move(out));
}

// Ends

ActorCell::Step ActorCell::crashed(EnvelopePtr envelope, const std::string& text) {
  runtime().counters.crashes.fetch_add(1, std::memory_order_relaxed);
  runtime().log("crashed", activation_, text);
  destroy_actor();
  Effects effects;
  Step step = Step::more;
  {
    const std::lock_guard lock(shard().mutex);
    Answer out{Error{ErrorCode::actor_crashed, text}};
    out.fence = activation_.fence;
    effects.answer(std::move(envelope->done), std::move(out));
    auto after = shard().table->ended(activation_, ExitKind::crashed, text, boot_time());
    runtime().tell_end_locked(activation_, WatchReason::crashed, text, effects);
    step = ended_locked(std::move(after), effects);
  }
  effects.run(runtime());
  return step;
}

ActorCell::Step ActorCell::stopped_self() {
  {
    const std::lock_guard lock(shard().mutex);
    if (activation_.state == State::live) shard().table->close(activation_);
  }
  return stop(StopReason::stopped_self);
}

ActorCell::Step ActorCell::stop(StopReason reason) {
  if (actor_) {
    // Without the lease another may run already: nothing of this one's may interfere.
    if (!revoked_.load() && runtime().gate(boot_time())) say_goodbye(reason);
    destroy_actor();
    auto& counter = reason == StopReason::passivated ? runtime().counters.passivations : runtime().counters.stops;
    counter.fetch_add(1, std::memory_order_relaxed);
  }
  Effects effects;
  Step step = Step::more;
  {
    const std::lock_guard lock(shard().mutex);
    auto after = reason == StopReason::stopped_self
                     ? shard().table->ended(activation_, ExitKind::stopped_itself, {}, boot_time())
                     : shard().table->stopped(activation_);
    runtime().tell_end_locked(activation_, watch_reason(reason), {}, effects);
    step = ended_locked(std::move(after), effects);
  }
  effects.run(runtime());
  return step;
}

void ActorCell::say_goodbye(StopReason reason) {
  Scope scope(*this);
  try {
    actor_->on_stop(scope, reason);
    std::optional<Bytes> state;
    if (reason == StopReason::moved) state = actor_->save();
    if (!may_release(boot_time())) return scope.outputs.drop(Error{ErrorCode::unavailable, "the sender's node lost its lease"});
    scope.outputs.release();
    if (state) runtime().hand_over(activation_, cold_ ? cold_->args : Bytes{}, std::move(*state));
  } catch (...) {
    runtime().log("on_stop_threw", activation_, text_of_current_exception());
  }
}

ActorCell::Step ActorCell::ended_locked(ActivationTable::After after, Effects& effects) {
  drain_until_.store(Instant::never().ns, std::memory_order_relaxed);
  WaiterList again;  // those in the mailbox first: who waits in the entry has come later
  mailbox_.close();
  while (Waiter* w = mailbox_.pop(taken_)) {
    if (static_cast<Envelope*>(w)->tag() == &message_tag<ControlEnvelope>) envelope_of(w);
    else again.push(w);
  }
  while (Waiter* w = after.released.pop()) {
    if (w->waits_for != For::stop) {
      again.push(w);
      continue;
    }
    Answer stopped;
    stopped.fence = activation_.fence;
    stopped.node = runtime().node();
    effects.answer(std::move(envelope_of(w)->done), std::move(stopped));
  }
  // The entry may be erased here, and this cell with it; what is decided over again may make a new one.
  Runtime& runtime = this->runtime();
  Shard& shard = this->shard();
  const KeyName name = reki::name_of(activation_);
  if (!activation_.restart) {  // the next start is another request's
    has_args_ = false;
    if (cold_) cold_->args.clear();
  }
  const bool gone = runtime.follow_locked(shard, activation_, after.next, boot_time(), effects);
  while (Waiter* w = again.pop()) runtime.readmit_locked(shard, name, envelope_of(w), boot_time(), effects);
  return gone ? Step::gone : Step::more;
}

void ActorCell::destroy_actor() {
  actor_.reset();
  type_.live.fetch_sub(1, std::memory_order_relaxed);
  drop_timers();
}

void ActorCell::drop_timers() {
  if (!cold_) return;
  for (const TimerId id : std::exchange(cold_->timers, {})) runtime().timers().cancel_message(id);
}

}  // namespace reki
