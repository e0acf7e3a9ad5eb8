#include "reki/node/registry/hosted_registry.hpp"

#include <algorithm>

#include "reki/core/watch/watch_codec.hpp"
#include "reki/node/actors/outputs.hpp"
#include "reki/node/registry/local_watch.hpp"
#include "reki/node/registry/remote_requests.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {

HostedRegistry::HostedRegistry(Factories factories, const HostedOptions& options)
    : node_(options.node),
      make_([factories = std::make_shared<const Factories>(std::move(factories)), options](Incarnation incarnation) {
        HostedOptions own = options;
        own.incarnation = incarnation;
        return std::make_shared<Runtime>(factories, std::move(own));
      }),
      runtime_(make_(options.incarnation)),
      waits_run_turns_(runtime_.use()->waits_run_turns()),
      self_registry_(this) {
  runtime_.use()->start(*this);
}

HostedRegistry::~HostedRegistry() {
  close(limits::stop_grace_default);
  for (Dropped& each : dropped_) {
    if (each.end.joinable()) each.end.join();
  }
  for (const auto& end : ends_later_) end();
}

bool HostedRegistry::close(Duration grace) { return runtime_.use()->close(grace); }

void HostedRegistry::submit(Submission submission, Completion done) {
  runtime_.use()->submit(std::move(submission), std::move(done));
}

Answer HostedRegistry::exchange(Submission& submission) { return exchange_by(*this, submission); }

Answer HostedRegistry::exchange_by(Registry& registry, Submission& submission) {
  const Outputs::Blocking blocking;
  if (waits_run_turns_) return runtime_.share()->exchange_by_running_turns(registry, submission.with_message());
  return registry.Registry::exchange(submission);
}

Result<NodeId> HostedRegistry::owner(std::string_view, std::string_view) const { return node_; }

void HostedRegistry::serve(std::span<const wire::Request> requests, Incarnation from, ReplySink& sink) {
  serve_requests(runtime_.use()->shards(), requests, from, sink);
}

Result<Watch> HostedRegistry::watch(WatchFilter filter, WatchCallback callback) {
  return LocalWatch::begin(runtime_.share(), std::move(filter), std::move(callback));
}

void HostedRegistry::serve_watch(const wire::Request& request, std::optional<OtherOwner> other, Completion done) {
  const auto position = wire::decode_watch_args(request.args);
  if (!position) return done(Answer{position.error()});
  const auto wait = std::chrono::milliseconds(request.remaining_ms);
  runtime_.use()->watches().ask({request.type, request.key, *position, wait, std::move(other)}, std::move(done));
}

void HostedRegistry::release_watches(const std::function<bool(std::uint64_t hash)>& chosen) {
  runtime_.use()->watches().release(chosen);
}

void HostedRegistry::end_watches_if_vacated() { runtime_.use()->watches().close_if_vacated(); }

void HostedRegistry::set_self_registry(Registry& self_registry) {
  self_registry_ = &self_registry;
  runtime_.use()->set_self_registry(self_registry);
}

RuntimeStats HostedRegistry::stats() const { return runtime_.use()->stats(); }

void HostedRegistry::expect(const SlotSet& owned) { runtime_.use()->slots().expect(owned); }
void HostedRegistry::expect_only(const SlotSet& owned) { runtime_.use()->slots().expect_only(owned); }
void HostedRegistry::gain(const SlotSet& slots, Epoch epoch) { runtime_.use()->slots().gain(slots, epoch); }
void HostedRegistry::lose(const SlotSet& slots) { runtime_.use()->slots().lose(slots); }
void HostedRegistry::revoke(const SlotSet& slots) { runtime_.use()->slots().revoke(slots); }
bool HostedRegistry::is_empty(const SlotSet& slots) { return runtime_.use()->slots().is_empty(slots); }
bool HostedRegistry::is_quiet() {
  const auto runs = [](const Dropped& each) {
    const auto runtime = each.runtime.lock();
    return runtime && !runtime->is_quiet();
  };
  return runtime_.use()->is_quiet() && std::ranges::none_of(dropped_, runs);
}
Duration HostedRegistry::delay(Instant now, Duration step_max) { return runtime_.use()->delay(now, step_max); }
Duration HostedRegistry::backlog(Instant now, Duration step_max) { return runtime_.use()->backlog(now, step_max); }
void HostedRegistry::resume() { runtime_.use()->slots().resume(); }
void HostedRegistry::granted() { runtime_.use()->slots().granted(); }

void HostedRegistry::start_over(Incarnation incarnation) {
  forget_ended();
  auto next = make_(incarnation);
  next->start(*self_registry_);
  auto old = runtime_.replace(std::move(next));
  old->slots().abandon();
  const bool is_quiet = old->is_quiet();
  Dropped& dropped = dropped_.emplace_back(Dropped{old, {}});
  auto end = [this, old = std::move(old)] {
    old->close(limits::stop_grace_default);
    runtime_.wait_until_unused();
  };
  if (!waits_run_turns_) dropped.end = std::thread(std::move(end));  // its handlers may take long, and the caller must not
  else if (is_quiet) end();
  else ends_later_.emplace_back(std::move(end));  // there is no other thread, and this one runs a handler of it
}

void HostedRegistry::forget_ended() {
  std::erase_if(dropped_, [](Dropped& each) {
    if (!each.runtime.expired()) return false;
    if (each.end.joinable()) each.end.join();
    return true;
  });
}

Result<void> HostedRegistry::arrive(HandedOver&& state) { return runtime_.use()->slots().arrive(std::move(state)); }

void HostedRegistry::readmit(std::string_view type, std::string_view key, EnvelopePtr request) {
  readmit_request(runtime_.use()->shards(), type, key, std::move(request));
}

}  // namespace reki
