#include "reki/node/local_registry.hpp"

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

void LocalRegistry::set_front(Registry& front) { runtime_->set_front(front); }

RuntimeStats LocalRegistry::stats() const { return runtime_->stats(); }

}  // namespace reki
