#include "player.hpp"

#include <utility>

#include "reki/node/actors/outputs.hpp"

namespace reki::contract {

using wire::Op;

Player::Player(World& world, std::span<const Operation> operations)
    : world_(world), operations_(operations), wire_(world), watchers_(world), lists_(world) {
  world_.meanwhile = [this](Duration time) { meanwhile(time); };
}

void Player::play() {
  const Operation& o = operations_[next_];
  world_.schedule.run_for(std::chrono::microseconds(o.pause_us));
  if (next_ == operations_.size() || &operations_[next_] != &o) return;  // it was done meanwhile
  ++next_;
  do_it(o);
}

/// As other threads would.
void Player::meanwhile(Duration time) {
  if (depth_ >= depth_max) return world_.pass(static_cast<std::uint32_t>(time.count() / 1000));
  ++depth_;
  {
    const Outputs::Blocking others;  // what is done here is not the function's that runs
    const bool before = std::exchange(detail::on_worker_thread, false);
    for (int i = 0; i < 3 && !is_through(); ++i) play();
    world_.schedule.run_for(time);
    detail::on_worker_thread = before;
  }
  --depth_;
}

bool Player::next_joins(std::uint32_t caller) const {
  if (is_through()) return false;
  const Operation& o = operations_[next_];
  return o.joins && o.caller == caller;
}

void Player::do_it(const Operation& o) {
  const bool done = o.kind < Kind::watch       ? request(o)
                    : o.kind < Kind::next_slot ? look_on(o)
                    : o.kind == Kind::end_lease || o.kind == Kind::resume_lease || o.kind == Kind::start_over
                        ? change_lease(o)
                        : move_slot(o);
  if (done) world_.oracle.coverage.has(o.kind);
}

bool Player::request(const Operation& o) {
  switch (o.kind) {
    case Kind::lookup:
      return request(Op::lookup, o), true;
    case Kind::lookup_or_start:
      return request(Op::lookup_or_start, o), true;
    case Kind::start:
      return request(Op::start, o), true;
    case Kind::stop:
      return request(Op::stop, o), true;
    case Kind::call:
      return request(Op::call, o), true;
    case Kind::send:
      return request(Op::send, o), true;
    case Kind::keep_ref:
      return keep_ref(o), true;
    case Kind::use_ref:
      return use_ref(o, false);
    case Kind::pinned:
      return use_ref(o, true);
    case Kind::pinned_stop:
      return stop_pinned(o);
    case Kind::blocking:
      return block(o), true;
    case Kind::many:
      return many(o), true;
    default:
      return repeat(o);
  }
}

bool Player::look_on(const Operation& o) {
  switch (o.kind) {
    case Kind::watch:
      return watchers_.begin(o), true;
    case Kind::unwatch:
      return watchers_.end(o);
    case Kind::ask_watch:
      return watchers_.ask(o);
    case Kind::list:
      return lists_.list(o), true;
    default:
      return lists_.count(o), true;
  }
}

bool Player::move_slot(const Operation& o) {
  HostedRegistry& registry = *world_.registry;
  switch (o.kind) {
    case Kind::next_slot:
      return world_.slots.go_on(registry, o.key), true;
    case Kind::revoke_slot:
      return world_.slots.revoke(registry, o.key);
    case Kind::back_slot:
      return world_.slots.turn_back(registry, o.key);
    default:
      if (world_.slots.is_held(o.key)) return false;
      return world_.slots.go_on(registry, o.key), true;
  }
}

bool Player::change_lease(const Operation& o) {
  switch (o.kind) {
    case Kind::end_lease:
      return extend_lease(world_.schedule.now() + std::chrono::microseconds(o.amount_us)), true;
    case Kind::resume_lease:
      return extend_lease(Instant::never()), true;
    default:
      return start_over();
  }
}

/// As a node that hears of it does (MembershipDriver::extended).
void Player::extend_lease(Instant end) {
  const bool was_over = world_.schedule.now() >= world_.page.lease_end();
  world_.page.set_lease_end(end);
  if (!was_over) return;
  world_.oracle.reopened();
  world_.registry->resume();
}

/// As a node that was dropped from the view does (MembershipDriver::fenced).
bool Player::start_over() {
  if (depth_ > 0) return false;  // it waits for the functions that run
  world_.page.set_lease_end(Instant{});
  world_.oracle.abandoned();
  world_.slots.start_over();
  by_number_.clear();  // the next incarnation does not know what this one has done
  world_.registry->start_over(Incarnation{++incarnation_});
  return true;
}

Ask& Player::issue(Op op, const Operation& o, Fence pin, std::uint32_t first) {
  Ask& ask = world_.oracle.ask(op, o.key);
  ask.caller = o.caller;
  ask.pin = pin;
  const bool is_message = wire::is_message(op);
  ask.starts = op == Op::start || op == Op::lookup_or_start || (is_message && o.with_args && pin.value == 0);
  ask.does = is_message ? o.does : 0;
  if (first != 0) ask.first = first;
  ask.is_answered_to = !(o.caller != 0 && op == Op::send && o.no_reply);
  const std::uint32_t timeout_us = o.caller != 0 ? std::max(1U, o.timeout_us / 1000) * 1000 : o.timeout_us;
  // A call from the wire that is with its actor has the deadline that its caller keeps.
  const bool is_kept = o.caller == 0 || op != Op::call;
  ask.deadline = is_kept ? world_.schedule.now() + std::chrono::microseconds(timeout_us) : Instant::never();
  return ask;
}

void Player::request(Op op, const Operation& o, Fence pin) {
  if (o.caller != 0) return from_wire(o, op, pin);
  Ask& ask = issue(op, o, pin);
  world_.oracle.issued(ask);
  world_.registry->submit(World::submission_of(ask, o), world_.answer_to(ask, o.then_start));
}

/// Those behind it that join it go along.
void Player::from_wire(const Operation& o, Op op, Fence pin) {
  Ask& ask = issue(op, o, pin);
  world_.oracle.issued(ask);
  by_number_[o.number] = &o;
  ask_of_[o.number] = ask.number;
  wire_.add(ask, o);
  if (next_joins(o.caller)) do_it(operations_[next_++]);
  if (!wire_.empty()) wire_.serve(o.caller);
}

bool Player::repeat(const Operation& o) {
  const auto found = by_number_.find(o.of);
  if (found == by_number_.end()) return false;
  const Operation& first = *found->second;
  const std::uint32_t number = ask_of_[o.of];
  Operation again = first;
  again.timeout_us = o.timeout_us;
  const Ask& before = world_.oracle.of(number);
  Ask& ask = issue(before.op, again, before.pin, number);
  world_.oracle.issued(ask);
  wire_.add(ask, again);
  wire_.serve(first.caller);
  return true;
}

bool Player::stop_pinned(const Operation& o) {
  const Fence fence = some_fence(o);
  if (fence.value == 0) return false;
  request(Op::stop, o, fence);
  return true;
}

Fence Player::some_fence(const Operation& o) const {
  for (auto i = refs_.size(); i > 0 && refs_.size() - i < 16; --i) {
    if (refs_[i - 1].key == o.key) return refs_[i - 1].fence;
  }
  return {};
}

void Player::keep_ref(const Operation& o) {
  Ask& ask = issue(o.with_args ? Op::lookup_or_start : Op::lookup, o);
  world_.oracle.issued(ask);
  const std::uint32_t number = ask.number;
  with_interface(o.key, [&]<class A>() {
    const auto keep = [this, number, key = o.key, starts = o.with_args](const Result<ActorRef<A>>& ref) {
      world_.answered(number, ref, ref ? ref->fence() : Fence{}, ref && ref->started());
      if (!ref) return;
      Ref kept{key, {}, ref->fence(), starts};
      std::get<ActorRef<A>>(kept.refs) = *ref;
      refs_.push_back(std::move(kept));
    };
    const CallOptions options{std::chrono::microseconds(o.timeout_us), !o.fail_if_restarting};
    HostedRegistry& registry = *world_.registry;
    if (o.with_args)
      registry.lookup_or_start<A>(name_of_key(o.key), World::args_of(ask, o), options).then(keep);
    else
      registry.lookup<A>(name_of_key(o.key), options).then(keep);
  });
}

bool Player::use_ref(const Operation& o, bool pinned) {
  if (refs_.empty()) return false;
  const Ref& kept = refs_[refs_.size() - 1 - o.amount_us % std::min<std::size_t>(refs_.size(), 6)];
  Operation of = o;
  of.key = kept.key;
  of.caller = 0;
  of.with_args = kept.starts;
  const Op op = o.sends ? Op::send : Op::call;
  Ask& ask = issue(op, of, pinned ? kept.fence : Fence{});
  // Who started the ref's actor is whose arguments a start by it has.
  ask.starts = false;
  world_.oracle.issued(ask);
  const std::uint32_t number = ask.number;
  const CallOptions options{std::chrono::microseconds(o.timeout_us), !o.fail_if_restarting};
  with_interface(kept.key, [&]<class A>() {
    const auto& ref = std::get<ActorRef<A>>(kept.refs);
    const Work work = World::work_of(ask, of);
    if (op == Op::send) {
      // Its fence is not told.
      const auto told = [this, number](const Result<void>& r) { world_.answered(number, r, Fence{}, false); };
      if (pinned)
        ref.pinned().send(work, options).then(told);
      else
        ref.send(work, options).then(told);
    } else {
      const auto told = [this, number](const Result<Done>& r) {
        world_.answered(number, r, Fence{r ? r->fence : 0}, false);
      };
      if (pinned)
        ref.pinned().call(work, options).then(told);
      else
        ref.call(work, options).then(told);
    }
  });
  return true;
}

/// Short, since what runs below on the stack cannot go on meanwhile.
void Player::block(const Operation& o) {
  Operation of = o;
  of.caller = 0;
  of.timeout_us = std::min(o.timeout_us, 20'000U);
  const Op op = o.sends ? Op::call : o.with_args ? Op::lookup_or_start : Op::lookup;
  Ask& ask = issue(op, of);
  ask.deadline = Instant::never();
  ask.is_told_late = true;
  world_.oracle.issued(ask);
  const std::uint32_t number = ask.number;
  Registry& registry = *world_.registry;
  const CallOptions options{std::chrono::microseconds(of.timeout_us), !o.fail_if_restarting};
  with_interface(o.key, [&]<class A>() {
    const std::string key = name_of_key(o.key);
    if (op == Op::call) {
      Submission submission = World::submission_of(ask, of);
      return world_.answered(number, registry.exchange(submission));
    }
    const auto ref = op == Op::lookup ? registry.lookup<A>(key, options).get()
                                      : registry.lookup_or_start<A>(key, World::args_of(ask, of), options).get();
    world_.answered(number, ref, ref ? ref->fence() : Fence{}, ref && ref->started());
  });
}

/// Each key is a request of its own to the oracle.
void Player::many(const Operation& o) {
  const Op op = o.sends ? Op::stop : o.with_args ? Op::lookup_or_start : Op::lookup;
  Operation of = o;
  of.caller = 0;
  std::vector<Posting> postings;
  std::vector<std::string> keys;
  std::vector<std::uint32_t> asks;
  for (std::uint32_t count = 2 + o.amount_us % 4; count > 0; --count) {
    Ask& ask = issue(op, of);
    ask.is_told_late = op == Op::lookup;
    world_.oracle.issued(ask);
    asks.push_back(ask.number);
    keys.push_back(name_of_key(of.key));
    if (op != Op::lookup) postings.push_back({World::submission_of(ask, of), world_.answer_to(ask)});
    of.key += type_count;
    if (of.key >= world_.oracle.keys()) of.key = type_of_key(of.key);
  }
  if (op == Op::lookup) return look_up_many(std::move(keys), std::move(asks), of);
  world_.registry->submit_many(std::move(postings));
}

/// By the typed call, which tells all results together.
void Player::look_up_many(std::vector<std::string> keys, std::vector<std::uint32_t> asks, const Operation& o) {
  const CallOptions options{std::chrono::microseconds(o.timeout_us), !o.fail_if_restarting};
  with_interface(o.key, [&]<class A>() {
    const auto told = [this, asks = std::move(asks)](const std::vector<Result<ActorRef<A>>>& refs) {
      if (refs.size() != asks.size())
        return world_.oracle.break_rule(Rule::one_answer, "look-ups of " + std::to_string(asks.size()) + " keys have " +
                                                              std::to_string(refs.size()) + " results");
      for (std::size_t i = 0; i < refs.size(); ++i)
        world_.answered(asks[i], refs[i], refs[i] ? refs[i]->fence() : Fence{}, refs[i] && refs[i]->started());
    };
    world_.registry->lookup_many<A>(keys, options).then(told);
  });
}

}  // namespace reki::contract
