#include "reki/node/registry/runtime.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "reki/actor/answer_promise.hpp"
#include "reki/node/actors/outputs.hpp"
#include "reki/node/actors/thread_executor.hpp"
#include "reki/node/registry/call_guard.hpp"
#include "reki/node/registry/registry_queries.hpp"

namespace reki {

using wire::Op;

namespace {

const LeaseEnds* lease_of(const HostedOptions& options) {
  const bool has_page = options.cluster_hooks && options.cluster_hooks->page != nullptr;
  return has_page ? &options.cluster_hooks->page->lease_ends() : nullptr;
}

std::unique_ptr<Executor> executor_of(const HostedOptions& options) {
  if (options.executor) return options.executor();
  return std::make_unique<ThreadExecutor>(
      ThreadExecutor::Options{.workers = options.workers, .blocking_threads_max = options.blocking_threads_max});
}

}  // namespace

Runtime::Runtime(std::shared_ptr<const Factories> factories, HostedOptions options)
    : CellHost(options.node, lease_of(options), executor_of(options), timer_callbacks(*this)),
      options_(std::move(options)),
      types_(std::move(factories), *this, options_.hash_seed, options_.incarnation),
      shards_(*this, types_, options_.cluster_hooks.get()),
      watches_(shards_, options_.incarnation),
      slots_(shards_, watches_) {
  if (options_.cluster_hooks) confirmations.ask_by(options_.cluster_hooks->want_granted);
}

void Runtime::install_output_hooks() {
  static constexpr detail::OutputHooks hooks{&Outputs::hold, &Outputs::release_before_blocking, &Outputs::release_to,
                                               &Outputs::begin_blocking, &Outputs::end_blocking};
  detail::output_hooks.store(&hooks, std::memory_order_release);
}

Runtime::~Runtime() { executor->stop(clock.now()); }

void Runtime::start(Registry& registry) {
  set_self_registry(registry);
  install_output_hooks();
  coarse_now_.store(clock.now().ns, std::memory_order_relaxed);
  executor->start([this](Instant now) { return timers.step(now); }, weak_from_this());
}

// Requests

void Runtime::submit(Submission submission, Completion done) {
  if (Outputs::hold(*self_registry.load(), submission, done)) return;
  if (is_in_child()) return done(Answer{Error{ErrorCode::unavailable, used_after_fork}});
  if (auto error = submission.fault()) return done(Answer{std::move(*error)});
  if (!wire::about_a_key(submission.op)) {
    const std::optional<BytesView> args = submission.args ? std::optional<BytesView>{*submission.args} : std::nullopt;
    if (auto answer = query(shards_, submission.op, submission.type, submission.key, args)) return done(std::move(*answer));
  }
  Request request;
  request.type = types_.find(submission.type);
  if (auto error = check(*this, request.type, submission.type)) return done(Answer{std::move(*error)});
  const Instant at = clock.now();
  static_cast<Demand&>(request) = demand_of(submission, at + submission.timeout, {});
  request.hash = hash_key(submission.key, request.type->hash);
  request.key = submission.key;
  if (submission.args) request.args = *submission.args;
  if (wire::is_message(submission.op)) {
    request.envelope = std::move(submission.message);
    if (submission.op == Op::call) done = answer_by(timers, std::move(done), request.deadline);
    if (submission.args) request.envelope->args = std::move(*submission.args);
    request.args = {};
    request.envelope->done = std::move(done);
  } else {
    request.done = std::move(done);
  }
  run(std::move(request), at);
}

void Runtime::run(Request request, Instant at) {
  if (request.envelope && deliver_live(request, at)) return;
  shards_.with(request.hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    shard.admit(std::move(request), at, effects);
  });
}

Answer Runtime::exchange_by_running_turns(Registry& registry, Submission submission) {
  if (detail::on_worker_thread) return Answer{Error{ErrorCode::would_block}};
  constexpr auto grace = std::chrono::milliseconds(50);  // it answers by the deadline itself, up to some ticks late
  const bool is_message = submission.message != nullptr;
  const Instant deadline = clock.now() + std::min<Duration>(submission.timeout, limits::timeout_max) + grace;
  const auto promise = std::make_shared<AnswerPromise>();
  registry.submit(std::move(submission), AnswerPromise::completion(promise));
  if (executor->wait_until([&] { return promise->has_arrived(); }, deadline)) return promise->take();
  return Answer{Error{is_message ? ErrorCode::unknown_outcome : ErrorCode::deadline_exceeded}};
}

// Cells

Result<StartPermit> Runtime::permit_start(ActorCell& cell) {
  Shard& shard = shards_.of(cell.activation().hash);
  const MutexLock lock(shard.mutex());
  return shard.permit_start(cell);
}

void Runtime::started(ActorCell& cell, bool stop_wanted) {
  shards_.with(cell.activation().hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    shard.started(cell, stop_wanted, effects);
  });
}

bool Runtime::start_failed(ActorCell& cell, const Error& error) {
  return shards_.with(cell.activation().hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    return shard.start_failed(cell, error, effects);
  });
}

bool Runtime::crashed(ActorCell& cell, EnvelopePtr envelope, const std::string& text) {
  return shards_.with(cell.activation().hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    return shard.crashed(cell, std::move(envelope), text, effects);
  });
}

bool Runtime::stopped(ActorCell& cell, StopReason reason) {
  return shards_.with(cell.activation().hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    return shard.stopped(cell, reason, effects);
  });
}

void Runtime::close(ActorCell& cell) {
  Shard& shard = shards_.of(cell.activation().hash);
  const MutexLock lock(shard.mutex());
  shard.close(cell);
}

void Runtime::readmit(ActorCell& cell, EnvelopePtr envelope, Instant now) {
  const KeyName name = name_of(cell.activation());
  shards_.with(name.hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    shard.readmit(name, std::move(envelope), now, effects);
  });
}

void Runtime::hand_over(const Activation& a, Bytes args, Bytes state) {
  if (state.size() > limits::state_bytes_max || !options_.cluster_hooks) {
    return log("state_too_large", a, "its saved state has " + std::to_string(state.size()) + " bytes, and was dropped");
  }
  options_.cluster_hooks->hand_over({types_.of(a).type.name, std::string{a.key()}, std::move(args), std::move(state)});
}

void Runtime::log(std::string_view event, const Activation& a, std::string_view text) const {
  if (options_.log) detail::call_back(options_.log, event, types_.of(a).type.name, a.key(), text);
}

// Time

Timers::Callbacks Runtime::timer_callbacks(Runtime& self) {
  return {.message_due =
              [&self](const KeyName& key, Fence start, EnvelopePtr message) {
                message->pin = start;
                self.shards_.with(key.hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
                  shard.readmit(key, std::move(message), self.clock.now(), effects);
                });
              },
          .restart_due =
              [&self](const KeyName& key) {
                self.shards_.with(key.hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
                  shard.restart_due(key, self.clock.now(), effects);
                });
              },
          .each_tick = [&self](Instant now) { return self.tick(now); }};
}

bool Runtime::tick(Instant at) {
  coarse_now_.store(at.ns, std::memory_order_relaxed);
  const bool turns_run = executor->watch(at);
  bool anybody_waits = false;
  shards_.each([&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    if (shard.tick(at, effects)) anybody_waits = true;
    shards_.reclaimer().retire(shard.take_retired());
  });
  shards_.reclaimer().reclaim();
  watches_.tick(at);
  if (gate.is_closing()) slots_.resume();  // what waits for a grant, while the lease ends without one
  return turns_run || anybody_waits;
}

// The end

bool Runtime::close(Duration grace) {
  const Instant deadline = clock.now() + grace;
  if (gate.close()) {
    watches_.hold_back();
    stop_everything();
  }
  slots_.resume();  // what stands still at the gate has to be told
  executor->wait_until([this] { return shards_.size() == 0; }, deadline);
  const bool all = executor->stop(std::max(deadline, clock.now() + std::chrono::milliseconds(100)));
  timers.finish();
  shards_.each([](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
    shard.expire(Instant::never(), ErrorCode::shutting_down, effects);
  });
  watches_.close();
  return all;
}

void Runtime::stop_everything() {
  struct Found {
    std::uint64_t born;
    KeyName key;
  };
  std::vector<Found> all;
  for (Shard& shard : shards_) {
    const MutexLock lock(shard.mutex());
    shard.each_entry([&](const Activation& a) { all.push_back({a.cell != nullptr ? cell_of(a).born() : 0, name_of(a)}); });
  }
  // The youngest first: what was started later may lean on what was there before.
  std::ranges::sort(all, std::greater{}, &Found::born);
  for (const Found& found : all) {
    EnvelopePtr stop{new LookupEnvelope};
    stop->op = Op::stop;
    shards_.with(found.key.hash, [&](Shard& shard, Effects& effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex()) {
      shard.readmit(found.key, std::move(stop), clock.now(), effects);
    });
  }
}

// How it is

bool Runtime::is_quiet() const {
  return std::ranges::all_of(tallies, [](const Tally& tally) { return tally.turns.load() == 0; });
}

RuntimeStats Runtime::stats() {
  const auto read = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
  RuntimeStats out;
  out.actors = shards_.size();
  out.lookups = lookups_.total() + shards_.lookups();
  out.starts = read(counters.starts);
  out.start_failures = read(counters.start_failures);
  for (const Tally& tally : tallies) out.messages += read(tally.messages);
  out.crashes = read(counters.crashes);
  out.restarts = read(counters.restarts);
  out.stops = read(counters.stops);
  out.passivations = read(counters.passivations);
  out.expired = read(counters.expired);
  out.overloaded = read(counters.overloaded);
  return out;
}

}  // namespace reki
