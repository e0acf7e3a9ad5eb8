#include "reki/node/registry/local_registry.hpp"

#include "reki/node/actors/outputs.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/registry/local_watch.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {
namespace {

HostedOptions alone(const RuntimeOptions& options) {
  HostedOptions out;
  static_cast<RuntimeOptions&>(out) = options;
  return out;
}

}  // namespace

LocalRegistry::LocalRegistry(Factories factories, const RuntimeOptions& options)
    : runtime_(std::make_shared<Runtime>(std::make_shared<const Factories>(std::move(factories)), alone(options))) {
  runtime_->start(*this);
}

LocalRegistry::~LocalRegistry() {
  if (runtime_->is_in_child()) {
    // Never destroyed: its threads are the parent's.
    new std::shared_ptr<Runtime>(runtime_);  // NOLINT(bugprone-unhandled-exception-at-new): without memory the child ends
  } else {
    close(limits::stop_grace_default);
  }
}

bool LocalRegistry::close(Duration grace) { return runtime_->close(grace); }

void LocalRegistry::submit(Submission submission, Completion done) {
  runtime_->submit(std::move(submission), std::move(done));
}

Answer LocalRegistry::exchange(Submission& submission) {
  const Outputs::Blocking blocking;
  if (runtime_->waits_run_turns()) return runtime_->exchange_by_running_turns(*this, submission.with_message());
  return Registry::exchange(submission);
}

Result<NodeId> LocalRegistry::owner(std::string_view, std::string_view) const { return NodeId{}; }

Result<Watch> LocalRegistry::watch(WatchFilter filter, WatchCallback callback) {
  return LocalWatch::begin(runtime_, std::move(filter), std::move(callback));
}

RuntimeStats LocalRegistry::stats() const { return runtime_->stats(); }

}  // namespace reki
