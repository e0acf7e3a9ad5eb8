#include "reki/node/local_registry.hpp"

#include "reki/core/watch_codec.hpp"
#include "reki/node/local_watch.hpp"
#include "reki/node/runtime.hpp"

namespace reki {

LocalRegistry::LocalRegistry(Factories factories, const RuntimeOptions& options)
    : make_([factories = std::make_shared<const Factories>(std::move(factories)), options](Incarnation incarnation) {
        RuntimeOptions own = options;
        own.incarnation = incarnation;
        return std::make_shared<Runtime>(factories, std::move(own));
      }),
      runtime_(make_(options.incarnation)),
      front_(this) {
  runtime_->start(*this);
}

LocalRegistry::~LocalRegistry() {
  close(limits::stop_grace_default);
  for (std::thread& end : ends_) end.join();
}

std::shared_ptr<Runtime> LocalRegistry::current() const {
  const std::lock_guard lock(mutex_);
  return runtime_;
}

bool LocalRegistry::close(Duration grace) { return current()->close(grace); }

void LocalRegistry::submit(Submission submission, Completion done) {
  current()->submit(std::move(submission), std::move(done));
}

Answer LocalRegistry::exchange(Submission& submission) {
  if (auto found = current()->find_live(submission)) return std::move(*found);
  return Registry::exchange(submission);
}

Result<NodeId> LocalRegistry::owner(std::string_view, std::string_view) const { return current()->options().node; }

void LocalRegistry::serve(const wire::Request& request, Incarnation from, Completion done) {
  current()->serve(request, from, std::move(done));
}

Result<Watch> LocalRegistry::watch(WatchFilter filter, WatchCallback callback) {
  return LocalWatch::begin(current(), std::move(filter), std::move(callback));
}

void LocalRegistry::serve_watch(const wire::Request& request, std::optional<OtherOwner> other, Completion done) {
  const auto position = wire::decode_watch_args(request.args);
  if (!position) return done(Answer{position.error()});
  const auto wait = std::chrono::milliseconds(request.remaining_ms);
  current()->watch({request.type, request.key, *position, wait, std::move(other)}, std::move(done));
}

void LocalRegistry::release_watches(const std::function<bool(std::uint64_t hash)>& chosen) {
  current()->release_watches(chosen);
}

void LocalRegistry::end_watches_if_vacated() { current()->end_watches_if_vacated(); }

void LocalRegistry::set_front(Registry& front) {
  front_ = &front;
  current()->set_front(front);
}

RuntimeStats LocalRegistry::stats() const { return current()->stats(); }

void LocalRegistry::expect(const SlotSet& owned) { current()->expect(owned); }
void LocalRegistry::expect_only(const SlotSet& owned) { current()->expect_only(owned); }
void LocalRegistry::gain(const SlotSet& slots, Epoch epoch) { current()->gain(slots, epoch); }
void LocalRegistry::lose(const SlotSet& slots) { current()->lose(slots); }
void LocalRegistry::revoke(const SlotSet& slots) { current()->revoke(slots); }
bool LocalRegistry::is_empty(const SlotSet& slots) { return current()->is_empty(slots); }
bool LocalRegistry::is_quiet() { return current()->is_quiet(); }
Duration LocalRegistry::delay(Instant now, Duration step_max) { return current()->delay(now, step_max); }
void LocalRegistry::resume() { current()->resume(); }

void LocalRegistry::start_over(Incarnation incarnation) {
  auto next = make_(incarnation);
  next->start(*front_);
  const auto old = [&] {
    const std::lock_guard lock(mutex_);
    return std::exchange(runtime_, std::move(next));
  }();
  old->abandon();
  // Its handlers may take long, and the caller must not.
  ends_.emplace_back([old] { old->close(limits::stop_grace_default); });
}

Result<void> LocalRegistry::arrive(HandedOver&& state) { return current()->arrive(std::move(state)); }

void LocalRegistry::readmit(std::string_view type, std::string_view key, EnvelopePtr request) {
  current()->readmit(type, key, std::move(request));
}

}  // namespace reki
