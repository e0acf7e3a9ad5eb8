#include "watchers.hpp"

#include <utility>

#include "reki/core/watch/watch_codec.hpp"

namespace reki::contract {

namespace {

WatchFilter filter_of(const Operation& o) {
  const std::string type(type_names[type_of_key(o.key)]);
  return o.sends ? WatchFilter::of_type(type) : WatchFilter::of_key(type, name_of_key(o.key));
}

/// Questions that are asked one with the answer to the other, and how late an answer may be.
constexpr int goes_on_max = 50;
constexpr auto slack = std::chrono::milliseconds(100);

}  // namespace

void Watchers::begin(const Operation& o) {
  auto told = std::make_shared<Told>(world_.oracle, filter_of(o));
  auto watch = world_.registry->watch(told->filter(), [told](const WatchEvent& event) { told->event(event); });
  if (!watch) return world_.oracle.break_rule(Rule::watched, "a watch is refused: " + watch.error().text);
  local_.push_back({std::move(told), std::move(*watch)});
  if (local_.size() > local_max) (void)end({});
}

bool Watchers::end(const Operation& o) {
  if (local_.empty()) return false;
  const auto at = local_.begin() + static_cast<std::ptrdiff_t>(o.amount_us % local_.size());
  at->watch.cancel();
  at->told->cancelled();
  local_.erase(at);
  return true;
}

bool Watchers::ask(const Operation& o) {
  const WatchFilter filter = filter_of(o);
  RemotePtr& remote = remote_[{filter.type + "/" + filter.key, o.joins ? 1U : 0U}];
  if (!remote) remote = std::make_shared<Remote>(world_, filter);
  if (remote->open || remote->told.has_ended()) return false;
  remote->goes_on = o.then_start ? goes_on_max : 0;
  ask(remote, o.with_args ? o.timeout_us / 1000 : 0);
  return true;
}

void Watchers::ask(const RemotePtr& remote, std::uint32_t wait_ms) {
  World& world = remote->world;
  const WatchFilter& filter = remote->told.filter();
  const Bytes args = wire::encode_watch_args(remote->position);
  wire::Request request;
  request.op = wire::Op::watch;
  request.type = filter.type;
  request.key = filter.key;
  request.remaining_ms = wait_ms;
  request.args = args;
  remote->open = true;
  remote->deadline = world.schedule.now() + std::chrono::milliseconds(wait_ms);
  remote->passed = world.oracle.passed();
  remote->refused = ErrorCode::ok;
  std::optional<HostedRegistry::OtherOwner> other;
  if (filter.about_key() && world.slots.is_elsewhere(filter.key)) other = {NodeId{"n2"}, Epoch{1}};
  world.registry->serve_watch(request, std::move(other),
                              Completion::of([remote](Answer&& answer) { answered(remote, answer); }));
}

void Watchers::answered(const RemotePtr& remote, const Answer& answer) {
  World& world = remote->world;
  Told& told = remote->told;
  if (!std::exchange(remote->open, false))
    return world.oracle.break_rule(Rule::watched, "a watcher's question is answered twice");
  const Duration passed = std::chrono::nanoseconds(world.oracle.passed() - remote->passed);
  if (world.schedule.now() > remote->deadline + slack + passed)
    world.oracle.break_rule(Rule::one_answer, "a watcher's question is answered late");
  remote->refused = answer.code;
  if (!answer.ok()) return check_refusal(*remote);
  const auto reply = wire::decode_watch_reply(answer.payload);
  if (!reply) return world.oracle.break_rule(Rule::watched, "a watcher's answer cannot be read");
  if (!reply->events.empty()) told.check_first(reply->events.front());
  for (WatchEvent event : reply->events) {
    if (event.key.empty()) event.key = told.filter().key;
    told.event(event);
  }
  told.replied();
  remote->position = reply->position;
  if (told.has_ended() || remote->goes_on-- <= 0) return;
  ask(remote, 50);
}

/// Of a key alone: its slot is not here, or nobody knows how it is without the lease; or the node begins anew.
void Watchers::check_refusal(const Remote& remote) {
  const Oracle& oracle = remote.world.oracle;
  const std::string& key = remote.told.filter().key;
  const bool is_away = !key.empty() && !remote.world.slots.is_held(key);
  if (remote.refused == ErrorCode::shutting_down && remote.told.has_ended()) return;
  if (remote.refused == ErrorCode::unavailable && (is_away || !oracle.has_lease())) return;
  remote.world.oracle.break_rule(Rule::watched,
                                 "a watcher's question is answered " + std::string(name_of(remote.refused)));
}

void Watchers::check_at_rest() {
  for (const Local& local : local_) {
    if (!local.told->may_be_dropped()) local.told->check_is_up_to_date();
  }
  for (const auto& [what, remote] : remote_) {
    remote->goes_on = goes_on_max;
    if (!remote->open) ask(remote, 1000);
    if (remote->open && remote->told.has_begun()) remote->told.check_is_up_to_date();
  }
}

/// Whatever it knew before, it is told the rest and that this was all; and then nothing more.
void Watchers::end_with_all(const RemotePtr& remote) {
  World& world = remote->world;
  if (remote->open) return world.oracle.break_rule(Rule::one_answer, "a watcher's question is never answered");
  remote->goes_on = 0;
  if (!remote->told.has_ended()) ask(remote, 1000);
  if (remote->refused == ErrorCode::unavailable) return;
  if (!remote->told.has_ended())
    return world.oracle.break_rule(Rule::watched, "a watcher is not told that it has ended");
  remote->told.check_is_up_to_date();
  ask(remote, 1000);
  const bool refused = remote->refused == ErrorCode::shutting_down || remote->refused == ErrorCode::unavailable;
  if (!refused)
    world.oracle.break_rule(Rule::watched, "who has been told `ended` asks again, and is not refused");
}

void Watchers::check_at_the_end() {
  for (const Local& local : local_) {
    if (local.told->may_be_dropped()) continue;
    if (!local.told->has_ended())
      world_.oracle.break_rule(Rule::watched, "who watches " + local.told->filter().key + " is not told `ended`");
    local.told->check_is_up_to_date();
  }
  for (const auto& [what, remote] : remote_) end_with_all(remote);
}

}  // namespace reki::contract
