#include "reki/node/local_registry.hpp"

#include "reki/core/watch_codec.hpp"
#include "reki/node/local_watch.hpp"
#include "reki/node/runtime.hpp"

namespace reki {

LocalRegistry::LocalRegistry(Factories factories, RuntimeOptions options)
    : runtime_(std::make_shared<Runtime>(std::move(factories), std::move(options))) {
  runtime_->start(*this);
}

LocalRegistry::~LocalRegistry() { close(limits::stop_grace_default); }

bool LocalRegistry::close(Duration grace) { return runtime_->close(grace); }

void LocalRegistry::submit(Submission submission, Completion done) {
  runtime_->submit(std::move(submission), std::move(done));
}

Answer LocalRegistry::exchange(Submission& submission) {
  if (auto found = runtime_->find_live(submission)) return std::move(*found);
  return Registry::exchange(submission);
}

Result<NodeId> LocalRegistry::owner(std::string_view, std::string_view) const { return runtime_->options().node; }

void LocalRegistry::serve(const wire::Request& request, Incarnation from, Completion done) {
  runtime_->serve(request, from, std::move(done));
}

Result<Watch> LocalRegistry::watch(WatchFilter filter, WatchCallback callback) {
  return LocalWatch::begin(runtime_, std::move(filter), std::move(callback));
}

void LocalRegistry::serve_watch(const wire::Request& request, std::optional<OtherOwner> other, Completion done) {
  const auto position = wire::decode_watch_args(request.args);
  if (!position) return done(Answer{position.error()});
  const auto wait = std::chrono::milliseconds(request.remaining_ms);
  runtime_->watch({request.type, request.key, *position, wait, std::move(other)}, std::move(done));
}

void LocalRegistry::release_watches(const std::function<bool(std::uint64_t hash)>& chosen) {
  runtime_->release_watches(chosen);
}

void LocalRegistry::set_front(Registry& front) { runtime_->set_front(front); }

RuntimeStats LocalRegistry::stats() const { return runtime_->stats(); }

}  // namespace reki
