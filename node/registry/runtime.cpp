#include "reki/node/registry/runtime.hpp"

#include <algorithm>

#include "reki/actor/answer_promise.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/actors/outputs.hpp"
#include "reki/node/actors/thread_executor.hpp"

namespace reki {

using State = Activation::State;
using Verdict = ActivationTable::Verdict;
using What = Verdict::What;
using wire::Op;

namespace {

/// What a refusal says beyond its code.
std::string refusal_text(const Verdict& verdict) {
  if (verdict.activation == nullptr) return {};
  const Activation& a = *verdict.activation;
  switch (verdict.code) {
    case ErrorCode::restarting:
      return "it crashed: " + std::string{a.last_error()};
    case ErrorCode::crash_loop:
      return "it crashed too often, last: " + std::string{a.last_error()};
    case ErrorCode::overloaded:
      return std::to_string(a.waiters.size()) + " callers wait for this key already";
    default:
      return {};
  }
}

Answer refusal(const Verdict& verdict) {
  return Answer{Error{verdict.code, refusal_text(verdict), verdict.retry_after}};
}

const std::atomic<std::int64_t>* lease_end_of(const HostedOptions& options) {
  const bool has_page = options.cluster_hooks && options.cluster_hooks->page != nullptr;
  return has_page ? &options.cluster_hooks->page->lease_end_ns() : nullptr;
}

std::unique_ptr<Executor> executor_of(const HostedOptions& options) {
  if (options.executor) return options.executor();
  return std::make_unique<ThreadExecutor>(
      ThreadExecutor::Options{.workers = options.workers, .blocking_threads_max = options.blocking_threads_max});
}

/// Lets a caller's deadline pass while its message waits or is handled. Owned by the message's completion and by the
/// timers; whoever comes first answers.
class CallGuard final : public Timers::Entry, public PoolAllocated {
 public:
  static Completion wrap(Timers& timers, Completion done, Instant deadline) {
    auto* guard = new CallGuard(timers, std::move(done));
    timers.add(*guard, deadline);
    return Completion{[](void* self, std::uint64_t, std::uint64_t, Answer&& answer) {
                        static_cast<CallGuard*>(self)->answered(std::move(answer));
                      },
                      guard};
  }

  void fire(Instant) override {
    finish(Answer{Error{ErrorCode::unknown_outcome, "the handler had not answered at the deadline"}});
    release();
  }

 private:
  CallGuard(Timers& timers, Completion done) : timers_(timers), done_(std::move(done)) {}

  void answered(Answer&& answer) {
    const bool will_not_fire = timers_.remove(*this);
    finish(std::move(answer));
    if (will_not_fire) release();
    release();
  }
  void finish(Answer&& answer) {
    if (!finished_.exchange(true, std::memory_order_acq_rel)) done_(std::move(answer));
  }
  void release() {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  Timers& timers_;
  Completion done_;
  std::atomic<bool> finished_{false};
  std::atomic<int> owners_{2};
};

}  // namespace

Effects::Effects() = default;
Effects::~Effects() = default;

void Effects::destroy(std::unique_ptr<ActorCell> cell) { dead_.push_back(std::move(cell)); }

void Effects::run(Runtime& runtime) {
  for (auto& [key, due] : restarts_) runtime.timers.add_restart(std::move(key), due);
  runtime.schedule(cells_);
  for (auto& answered : answers_) answered.done(std::move(answered.answer));
  for (auto& [key, request] : rerouted_) runtime.reroute(key, std::move(request));
  if (over_cap_ != nullptr) runtime.passivate_oldest(*over_cap_);
  if (!dead_.empty()) runtime.retire(std::move(dead_));
  if (slot_emptied_) runtime.options().cluster_hooks->slot_emptied();
}

Runtime::Runtime(std::shared_ptr<const Factories> factories, HostedOptions options)
    : CellHost(options.node, lease_end_of(options), executor_of(options),
               {.message_due =
                    [this](const KeyName& key, Fence start, EnvelopePtr message) {
                      message->pin = start;
                      Effects effects;
                      Shard& shard = shard_of(key.hash);
                      {
                        const std::lock_guard lock(shard.mutex);
                        readmit_locked(shard, key, std::move(message), clock.now(), effects);
                      }
                      effects.run(*this);
                    },
                .restart_due =
                    [this](const KeyName& key) {
                      Effects effects;
                      Shard& shard = shard_of(key.hash);
                      {
                        const std::lock_guard lock(shard.mutex);
                        Activation* a = shard.table->find(key.hash, key.type, key.key);
                        if (a == nullptr || !shard.table->restart_due(*a, clock.now())) return;
                        if (cell_of(*a).push_wake()) effects.schedule(&cell_of(*a));
                      }
                      effects.run(*this);
                    },
                .each_tick = [this](Instant now) { return tick(now); }}),
      factories_(std::move(factories)),
      options_(std::move(options)) {
  for (const auto& [name, type] : factories_->types()) {
    const TypeIndex index{static_cast<std::uint16_t>(types_.size())};
    TypeEntry& entry = types_.emplace_back(*this, type, index, hash_type(name, options_.hash_seed), options_.incarnation);
    types_by_name_.emplace(type.name, &entry);
    policies_.push_back(type.options.restart);
  }
  constexpr std::size_t few = 4;  // to compare that many names takes less time than to hash one
  if (types_by_name_.size() <= few) few_types_.assign(types_by_name_.begin(), types_by_name_.end());
  for (std::uint32_t i = 0; i < shard_count; ++i) {
    shards_[i].table = std::make_unique<ActivationTable>(
        ActivationTable::Options{.shard = i, .shards = shard_count, .policies = policies_});
    if (options_.cluster_hooks) shards_[i].slots = std::vector<std::atomic<SlotState>>(slot_count / shard_count);
  }
}

Runtime::~Runtime() {
  executor->stop(clock.now());
  // Cells that never came back from a turn before a bounded close; nobody runs them any more.
  for (Shard& shard : shards_) {
    for (std::uint32_t slot = 0; slot < slot_count; ++slot) {
      if (&shard_of(slot) != &shard) continue;
      for (Activation* a = shard.table->first_in(SlotId{static_cast<std::uint16_t>(slot)}); a != nullptr; a = shard.table->next_in_slot(*a)) {
        delete static_cast<ActorCell*>(a->cell.exchange(nullptr));
        while (Waiter* w = a->waiters.pop()) EnvelopePtr{static_cast<Envelope*>(w)};
      }
    }
  }
}

void Runtime::start(Registry& registry) {
  set_self_registry(registry);
  coarse_now_.store(clock.now().ns, std::memory_order_relaxed);
  executor->start([this](Instant now) { return timers.step(now); }, weak_from_this());
}

// Requests

std::optional<Error> Runtime::check(const TypeEntry* type, std::string_view type_name, std::string_view key) const {
  if (gate.is_closing()) return Error{ErrorCode::shutting_down};
  if (type == nullptr) return Error{ErrorCode::unknown_type, "no factory of type '" + std::string{type_name} + "' here"};
  if (key.empty()) return Error{ErrorCode::invalid_argument, "the key is empty"};
  if (key.size() > limits::key_bytes_max) {
    return Error{ErrorCode::too_large, "the key has " + std::to_string(key.size()) + " bytes, more than " +
                                           std::to_string(limits::key_bytes_max)};
  }
  return std::nullopt;
}

void Runtime::submit(Submission submission, Completion done) {
  if (Outputs::hold(*self_registry.load(), submission, done)) return;
  if (!wire::about_a_key(submission.op)) {
    const std::optional<BytesView> args = submission.args ? std::optional<BytesView>{*submission.args} : std::nullopt;
    if (auto answer = query(submission.op, submission.type, submission.key, args)) return done(std::move(*answer));
  }
  Request request;
  request.type = find_type(submission.type);
  if (auto error = check(request.type, submission.type, submission.key)) return done(Answer{std::move(*error)});
  if (submission.timeout <= Duration{0} || submission.timeout > limits::timeout_max) {
    return done(Answer{Error{ErrorCode::invalid_argument, "the time-out must be above 0 and at most an hour"}});
  }
  const Instant at = clock.now();
  static_cast<Demand&>(request) = demand_of(submission, at + submission.timeout, {});
  request.hash = hash_key(submission.key, request.type->hash);
  request.key = submission.key;
  if (submission.args) request.args = *submission.args;
  if (wire::is_message(submission.op)) {
    request.envelope = std::move(submission.message);
    if (!request.envelope) return done(Answer{Error{ErrorCode::invalid_argument, "a call without a message"}});
    if (submission.op == Op::call) done = CallGuard::wrap(timers, std::move(done), request.deadline);
    if (submission.args) request.envelope->args = std::move(*submission.args);
    request.args = {};
    request.envelope->done = std::move(done);
  } else {
    request.done = std::move(done);
  }
  run(std::move(request), at);
}

Answer Runtime::exchange_by_running_turns(Submission submission) {
  if (detail::on_worker_thread) return Answer{Error{ErrorCode::would_block}};
  constexpr auto grace = std::chrono::milliseconds(50);  // it answers by the deadline itself, up to some ticks late
  const bool is_message = submission.message != nullptr;
  const Instant deadline = clock.now() + std::min<Duration>(submission.timeout, limits::timeout_max) + grace;
  const auto promise = std::make_shared<AnswerPromise>();
  submit(std::move(submission), AnswerPromise::completion(promise));
  if (executor->wait_until([&] { return promise->has_arrived(); }, deadline)) return promise->take();
  return Answer{Error{is_message ? ErrorCode::unknown_outcome : ErrorCode::deadline_exceeded}};
}

void Runtime::run(Request request, Instant at) {
  if (request.envelope && deliver_live(request, at)) return;
  Shard& shard = shard_of(request.hash);
  Effects effects;
  {
    const std::lock_guard lock(shard.mutex);
    admit_locked(shard, std::move(request), at, effects);
  }
  effects.run(*this);
}

void Runtime::admit_locked(Shard& shard, Request request, Instant at, Effects& effects) {
  if (options_.cluster_hooks && !is_here_locked(shard, request, at, effects)) return;
  const Verdict verdict = shard.table->request(request.hash, request.type->index, request.key, request, at);
  Completion& done = request.envelope ? request.envelope->done : request.done;
  switch (verdict.what) {
    case What::found:
      ++shard.lookups;
      verdict.activation->used.store(at.ns, std::memory_order_relaxed);
      return effects.answer(std::move(done), found_answer(verdict.activation->fence, verdict.started));
    case What::deliver:
      static_cast<Demand&>(*request.envelope) = request;
      request.envelope->begins = false;
      return deliver_locked(*verdict.activation, std::move(request.envelope), effects);
    case What::wait:
    case What::start:
    case What::stop:
      return keep_locked(shard, verdict, std::move(request), effects);
    case What::refuse:
      break;
  }
  if (verdict.code == ErrorCode::overloaded) counters.overloaded.fetch_add(1, std::memory_order_relaxed);
  effects.answer(std::move(done), refusal(verdict));
}

void Runtime::readmit_locked(Shard& shard, const KeyName& key, EnvelopePtr envelope, Instant at, Effects& effects) {
  Request request;
  static_cast<Demand&>(request) = *envelope;
  request.type = &types_[key.type.value];
  request.hash = key.hash;
  request.key = key.key;
  request.envelope = std::move(envelope);
  if (!wire::is_message(request.op) && request.deadline <= at) {
    counters.expired.fetch_add(1, std::memory_order_relaxed);
    return effects.answer(std::move(request.envelope->done), Answer{Error{ErrorCode::deadline_exceeded}});
  }
  admit_locked(shard, std::move(request), at, effects);
}

void Runtime::deliver_locked(Activation& a, EnvelopePtr envelope, Effects& effects) {
  ActorCell& cell = cell_of(a);
  if (cell.queued() >= types_[a.type.value].type.options.mailbox) {  // the cell's own reference is where its turn writes
    counters.overloaded.fetch_add(1, std::memory_order_relaxed);
    return effects.answer(std::move(envelope->done), Answer{Error{ErrorCode::overloaded, "the actor's mailbox is full: " +
                                                                        std::to_string(cell.queued()) + " messages wait"}});
  }
  if (envelope->op == Op::send) effects.answer(std::move(envelope->done), found_answer(a.fence, envelope->begins));
  if (cell.push(std::move(envelope))) effects.schedule(&cell);
}

EnvelopePtr Runtime::envelope_of(Request request) {
  EnvelopePtr out = std::move(request.envelope);
  if (!out) {
    out.reset(new LookupEnvelope);
    out->done = std::move(request.done);
    out->args = request.args;
  }
  static_cast<Demand&>(*out) = request;
  return out;
}

void Runtime::keep_locked(Shard& shard, const Verdict& verdict, Request request, Effects& effects) {
  Activation& a = *verdict.activation;
  TypeEntry& type = *request.type;
  shard.table->wait(verdict, envelope_of(std::move(request)).release());
  timers.hurry();
  if (verdict.what == What::start) {
    auto* cell = new ActorCell(a, type);
    a.cell = cell;
    cell->claim_first_turn();
    effects.schedule(cell);
  } else if (verdict.what == What::stop && a.cell == nullptr) {
    auto after = shard.table->stopped(a);  // a crash loop: there is nothing to end but the entry
    tell_end_locked(a, watch_reason(stop_reason_locked(shard, a.slot())), {}, effects);
    while (Waiter* w = after.released.pop()) {
      Answer stopped;
      stopped.fence = a.fence;
      stopped.node = node;
      EnvelopePtr owned{static_cast<Envelope*>(w)};
      effects.answer(std::move(owned->done), std::move(stopped));
    }
    follow_locked(shard, a, after.next, clock.now(), effects);
  } else if (verdict.what == What::stop) {
    ActorCell& cell = cell_of(a);
    const auto reason = stop_reason_locked(shard, a.slot());
    if (cell.push_stop(reason, clock.now() + stop_grace(cell, reason))) effects.schedule(&cell);
  }
}

bool Runtime::follow_locked(Shard& shard, Activation& a, ActivationTable::Next next, Instant, Effects& effects) {
  if (next == ActivationTable::Next::start) return false;
  if (next == ActivationTable::Next::nothing && a.state == State::restarting) {
    effects.restart_at(name_of(a), a.due());
    return false;
  }
  if (a.cell != nullptr) effects.destroy(std::unique_ptr<ActorCell>{&cell_of(a)});
  a.cell = nullptr;
  if (next != ActivationTable::Next::erase) return true;
  const SlotId slot = a.slot();
  shard.table->erase(a);
  if (options_.cluster_hooks && state_of(shard, slot) != SlotState::held && shard.table->first_in(slot) == nullptr) {
    effects.slot_emptied();
  }
  return true;
}

void Runtime::welcome_locked(Activation& a, WaiterList waiters, Effects& effects) {
  while (Waiter* w = waiters.pop()) {
    EnvelopePtr envelope{static_cast<Envelope*>(w)};
    if (wire::is_message(envelope->op)) deliver_locked(a, std::move(envelope), effects);
    else effects.answer(std::move(envelope->done), found_answer(a.fence, envelope->begins));
  }
}

Answer Runtime::found_answer(Fence fence, bool started) const {
  Answer out;
  out.fence = fence;
  out.started = started;
  out.node = node;
  return out;
}

}  // namespace reki
