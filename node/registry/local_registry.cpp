#include "reki/node/registry/local_registry.hpp"

#include "reki/core/watch/watch_codec.hpp"
#include "reki/node/actors/outputs.hpp"
#include "reki/node/registry/local_watch.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {

LocalRegistry::LocalRegistry(Factories factories, const RuntimeOptions& options)
    : node_(options.node),
      make_([factories = std::make_shared<const Factories>(std::move(factories)), options](Incarnation incarnation) {
        RuntimeOptions own = options;
        own.incarnation = incarnation;
        return std::make_shared<Runtime>(factories, std::move(own));
      }),
      runtime_(make_(options.incarnation)),
      self_registry_(this) {
  runtime_.use()->start(*this);
}

LocalRegistry::~LocalRegistry() {
  close(limits::stop_grace_default);
  for (std::thread& end : ends_) end.join();
}

bool LocalRegistry::close(Duration grace) { return runtime_.use()->close(grace); }

void LocalRegistry::submit(Submission submission, Completion done) {
  runtime_.use()->submit(std::move(submission), std::move(done));
}

Answer LocalRegistry::exchange(Submission& submission) {
  Outputs::release_before_blocking();
  return Registry::exchange(submission);
}

Result<NodeId> LocalRegistry::owner(std::string_view, std::string_view) const { return node_; }

void LocalRegistry::serve(std::span<const wire::Request> requests, Incarnation from, ReplySink& sink) {
  runtime_.use()->serve(requests, from, sink);
}

Result<Watch> LocalRegistry::watch(WatchFilter filter, WatchCallback callback) {
  return LocalWatch::begin(runtime_.share(), std::move(filter), std::move(callback));
}

void LocalRegistry::serve_watch(const wire::Request& request, std::optional<OtherOwner> other, Completion done) {
  const auto position = wire::decode_watch_args(request.args);
  if (!position) return done(Answer{position.error()});
  const auto wait = std::chrono::milliseconds(request.remaining_ms);
  runtime_.use()->watch({request.type, request.key, *position, wait, std::move(other)}, std::move(done));
}

void LocalRegistry::release_watches(const std::function<bool(std::uint64_t hash)>& chosen) {
  runtime_.use()->release_watches(chosen);
}

void LocalRegistry::end_watches_if_vacated() { runtime_.use()->end_watches_if_vacated(); }

void LocalRegistry::set_self_registry(Registry& self_registry) {
  self_registry_ = &self_registry;
  runtime_.use()->set_self_registry(self_registry);
}

RuntimeStats LocalRegistry::stats() const { return runtime_.use()->stats(); }

void LocalRegistry::expect(const SlotSet& owned) { runtime_.use()->expect(owned); }
void LocalRegistry::expect_only(const SlotSet& owned) { runtime_.use()->expect_only(owned); }
void LocalRegistry::gain(const SlotSet& slots, Epoch epoch) { runtime_.use()->gain(slots, epoch); }
void LocalRegistry::lose(const SlotSet& slots) { runtime_.use()->lose(slots); }
void LocalRegistry::revoke(const SlotSet& slots) { runtime_.use()->revoke(slots); }
bool LocalRegistry::is_empty(const SlotSet& slots) { return runtime_.use()->is_empty(slots); }
bool LocalRegistry::is_quiet() { return runtime_.use()->is_quiet(); }
Duration LocalRegistry::delay(Instant now, Duration step_max) { return runtime_.use()->delay(now, step_max); }
Duration LocalRegistry::backlog(Instant now, Duration step_max) { return runtime_.use()->backlog(now, step_max); }
void LocalRegistry::resume() { runtime_.use()->resume(); }

void LocalRegistry::start_over(Incarnation incarnation) {
  auto next = make_(incarnation);
  next->start(*self_registry_);
  auto old = runtime_.replace(std::move(next));
  old->abandon();
  // Its handlers may take long, and the caller must not.
  ends_.emplace_back([this, old = std::move(old)] {
    old->close(limits::stop_grace_default);
    runtime_.wait_until_unused();
  });
}

Result<void> LocalRegistry::arrive(HandedOver&& state) { return runtime_.use()->arrive(std::move(state)); }

void LocalRegistry::readmit(std::string_view type, std::string_view key, EnvelopePtr request) {
  runtime_.use()->readmit(type, key, std::move(request));
}

}  // namespace reki
