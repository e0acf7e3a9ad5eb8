#include "reki/node/local_registry.hpp"

#include "reki/node/runtime.hpp"

namespace reki {

LocalRegistry::LocalRegistry(Factories factories, RuntimeOptions options)
    : make_([factories = std::make_shared<const Factories>(std::move(factories)), options = std::move(options)] {
        return std::make_shared<Runtime>(factories, options);
      }),
      runtime_(make_()),
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

void LocalRegistry::set_front(Registry& front) {
  front_ = &front;
  current()->set_front(front);
}

RuntimeStats LocalRegistry::stats() const { return current()->stats(); }

void LocalRegistry::set_owned(const SlotSet& owned) { current()->set_owned(owned); }
void LocalRegistry::gain(const SlotSet& slots, Epoch epoch) { current()->gain(slots, epoch); }
void LocalRegistry::lose(const SlotSet& slots) { current()->lose(slots); }
void LocalRegistry::revoke(const SlotSet& slots) { current()->revoke(slots); }
bool LocalRegistry::is_empty(const SlotSet& slots) { return current()->is_empty(slots); }
bool LocalRegistry::is_quiet() { return current()->is_quiet(); }
Duration LocalRegistry::delay(Instant now, Duration step_max) { return current()->delay(now, step_max); }
void LocalRegistry::resume() { current()->resume(); }

void LocalRegistry::start_over() {
  auto next = make_();
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
