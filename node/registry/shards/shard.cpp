#include "reki/node/registry/shards/shard.hpp"

#include <utility>

namespace reki {

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

/// The answer to a `start` of a key whose actor another's request has started.
Answer already_started(const Activation& a, const SharedNodeId& node) {
  Answer out = answer_of(a.fence, node);
  out.code = ErrorCode::already_started;
  return out;
}

Answer refusal(const Verdict& verdict, const SharedNodeId& node) {
  if (verdict.code == ErrorCode::already_started) return already_started(*verdict.activation, node);
  return Answer{Error{verdict.code, refusal_text(verdict), verdict.retry_after}};
}

}  // namespace

Shard::Shard(ShardContext& context, std::uint32_t number)
    : table_(std::make_unique<ActivationTable>(
          ActivationTable::Options{.shard = number, .shards = count, .policies = context.types.policies()})),
      slots_(number, context.hooks != nullptr, context.parked),
      context_(context),
      number_(number) {}

Shard::~Shard() {
  each_entry([](Activation& a) {
    delete static_cast<ActorCell*>(a.cell.exchange(nullptr));
    while (Waiter* w = a.waiters.pop()) EnvelopePtr{static_cast<Envelope*>(w)};
  });
}

void Shard::admit(Request request, Instant at, Effects& effects) {
  if (context_.hooks != nullptr && !is_here(request, at, effects)) return;
  if (request.op == Op::stop && has_outlived_its_slot(request)) {
    return effects.answer(request.take_completion(), Answer{Error{ErrorCode::not_running}});
  }
  const Verdict verdict = table_->request(request.hash, request.type->index, request.key, request, at);
  switch (verdict.what) {
    case What::found:
      ++lookups_;
      verdict.activation->used.store(at.ns, std::memory_order_relaxed);
      return effects.answer(request.take_completion(), answer_of(verdict.activation->fence, context_.host.node, verdict.started));
    case What::deliver:
      static_cast<Demand&>(*request.envelope) = request;
      request.envelope->begins = false;
      if (request.op == Op::call) request.outlive_batch();
      else request.envelope->done = request.take_completion();
      return deliver(*verdict.activation, std::move(request.envelope), effects);
    case What::wait:
    case What::start:
    case What::stop:
      return keep(verdict, std::move(request), effects);
    case What::repeated:
      return effects.answer(request.take_completion(), answer_of(verdict.fence, context_.host.node, verdict.started));
    case What::refuse:
      break;
  }
  if (verdict.code == ErrorCode::overloaded) context_.host.counters.overloaded.fetch_add(1, std::memory_order_relaxed);
  effects.answer(request.take_completion(), refusal(verdict, context_.host.node));
}

/// Whether what there is of the key was revoked, so that later starts of it may have been elsewhere. Not for a repeat of a
/// request that came before that and still waits for the end of this one.
bool Shard::has_outlived_its_slot(const Request& stop) const {
  const Activation* const a = find(stop.hash, stop.type->index, stop.key);
  if (a == nullptr || a->cell == nullptr || !cell_of(*a).is_revoked() || !stop.is_waited_for()) return false;
  return !stop.origin || !a->waiters.any([&](const Waiter& w) { return w.origin == stop.origin; });
}

void Shard::readmit(const KeyName& key, EnvelopePtr envelope, Instant at, Effects& effects) {
  Request request;
  static_cast<Demand&>(request) = *envelope;
  request.type = &context_.types[key.type];
  request.hash = key.hash;
  request.key = key.key;
  request.envelope = std::move(envelope);
  if (!wire::is_message(request.op) && request.deadline <= at) {
    context_.host.counters.expired.fetch_add(1, std::memory_order_relaxed);
    return effects.answer(std::move(request.envelope->done), Answer{Error{ErrorCode::deadline_exceeded}});
  }
  admit(std::move(request), at, effects);
}

const Activation* Shard::live_for(const Request& request, Instant at) {
  if (request.op != Op::lookup && request.op != Op::lookup_or_start) return nullptr;
  const Gate& gate = context_.host.gate;
  if (gate.is_closing() || gate.is_abandoned() || !gate.lasts(at)) return nullptr;
  if (!holds(slot_of(request.hash))) return nullptr;
  Activation* const a = find(request.hash, request.type->index, request.key);
  if (a == nullptr || a->state != Activation::State::live) return nullptr;
  if (request.pin.value != 0 && request.pin != a->fence) return nullptr;
  ++lookups_;
  if (request.type->keeps_use) a->used.store(at.ns, std::memory_order_relaxed);
  return a;
}

bool Shard::is_here(Request& request, Instant at, Effects& effects) {
  const auto refuse = [&](Error why) {
    effects.answer(request.take_completion(), Answer{std::move(why)});
    return false;
  };
  const Gate& gate = context_.host.gate;
  const bool is_the_end = gate.is_closing() && request.op == Op::stop;  // Runtime::stop_everything
  if (is_the_end) return true;
  if (gate.is_abandoned()) return refuse(without_lease(gate));
  if (gate.is_closing()) return true;
  const SlotState state = slots_.state(slot_of(request.hash));
  if (state == SlotState::held) {
    // What nobody waits for waits itself until the lease goes on.
    if (gate.lasts(at) || !request.is_waited_for()) return true;
    return refuse(without_lease(gate));
  }
  KeyName key = request.name();
  if (state == SlotState::foreign) {
    effects.reroute(std::move(key), into_envelope(std::move(request)));
    return false;
  }
  if (!slots_.park(std::move(key), request)) {
    return refuse(Error{ErrorCode::overloaded, "too many requests wait for slots that are moving here"});
  }
  context_.host.timers.hurry();
  return false;
}

void Shard::keep(const Verdict& verdict, Request request, Effects& effects) {
  Activation& a = *verdict.activation;
  TypeEntry& type = *request.type;
  table_->wait(verdict, into_envelope(std::move(request)).release());
  context_.host.timers.hurry();
  if (verdict.what == What::start) start_cell(a, type, effects);
  if (verdict.what == What::stop) stop(a, effects);
}

void Shard::start_cell(Activation& a, TypeEntry& type, Effects& effects) {
  auto* cell = new ActorCell(a, type);
  a.cell = cell;
  effects.schedule(*cell);
}

void Shard::stop(Activation& a, Effects& effects) {
  const StopReason reason = stop_reason(a.slot());
  if (a.cell != nullptr) {
    ActorCell& cell = cell_of(a);
    if (cell.push_stop(reason, drain_until(cell, reason))) effects.schedule(cell);
    return;
  }
  auto after = table_->stopped(a);  // a crash loop: there is nothing to end but the entry
  tell_end(a, watch_reason(reason), {}, effects);
  while (Waiter* w = after.released.pop()) {
    EnvelopePtr owned{static_cast<Envelope*>(w)};
    effects.answer(std::move(owned->done), answer_of(a.fence, context_.host.node));
  }
  follow(a, after.next, effects);
}

void Shard::deliver(Activation& a, EnvelopePtr envelope, Effects& effects) {
  ActorCell& cell = cell_of(a);
  if (cell.queued() >= context_.types.of(a).type.options.mailbox) {  // the cell's own reference is where its turn writes
    context_.host.counters.overloaded.fetch_add(1, std::memory_order_relaxed);
    return effects.answer(std::move(envelope->done), Answer{Error{ErrorCode::overloaded, "the actor's mailbox is full: " +
                                                                        std::to_string(cell.queued()) + " messages wait"}});
  }
  if (envelope->op == Op::send) {
    effects.answer(std::move(envelope->done), answer_of(a.fence, context_.host.node, envelope->begins));
  }
  if (cell.push(std::move(envelope))) effects.schedule(cell);
}

void Shard::welcome(Activation& a, WaiterList waiters, Effects& effects) {
  while (Waiter* w = waiters.pop()) {
    EnvelopePtr envelope{static_cast<Envelope*>(w)};
    if (wire::is_message(envelope->op)) {
      deliver(a, std::move(envelope), effects);
      continue;
    }
    const bool retried = envelope->origin && envelope->origin == a.starter;
    const bool won = envelope->begins || retried;
    const SharedNodeId& node = context_.host.node;
    const bool lost = envelope->op == Op::start && !won;
    effects.answer(std::move(envelope->done), lost ? already_started(a, node) : answer_of(a.fence, node, won));
  }
}

bool Shard::is_shown(const Activation& a) {
  return ActivationTable::is_running(a) && (a.cell == nullptr || !cell_of(a).is_revoked());
}

std::size_t Shard::count_shown(const TypeEntry& type) {
  if (!may_have_revoked_) return count_of(type);
  std::size_t out = 0;
  bool is_one_revoked = false;
  each_entry([&](const Activation& a) {
    out += a.type == type.index && is_shown(a) ? 1 : 0;
    is_one_revoked |= a.cell != nullptr && cell_of(a).is_revoked();
  });
  may_have_revoked_ = is_one_revoked;
  return out;
}

std::size_t Shard::size() const {
  std::size_t out = 0;
  for (const TypeEntry& type : context_.types) out += count_of(type);
  return out;
}

}  // namespace reki
