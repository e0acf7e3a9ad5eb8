#include "reki/net/deferred_wakeups.hpp"

#include <algorithm>
#include <utility>

namespace reki {
namespace {

thread_local DeferredWakeups* deferred_here = nullptr;

}  // namespace

DeferredWakeups::Here::Here(DeferredWakeups& all) : all_(all) { deferred_here = &all; }

DeferredWakeups::Here::~Here() {
  deferred_here = nullptr;
  all_.flush();
}

DeferredWakeups* DeferredWakeups::of_this_thread() { return deferred_here; }

void DeferredWakeups::flush_if_late(Instant now) {
  DeferredWakeups* const here = deferred_here;
  if (here == nullptr) return;
  if (!here->any_) {
    here->looked_ = now;
  } else if (now - here->looked_ >= patience) {
    here->looked_ = now;
    here->flush();
  }
}

void DeferredWakeups::defer(const std::shared_ptr<Wakeup>& wakeup) {
  any_ = true;
  const MutexLock lock(mutex_);
  if (std::ranges::find(deferred_, wakeup) == deferred_.end()) deferred_.push_back(wakeup);
}

void DeferredWakeups::flush() {
  any_ = false;
  give();
}

void DeferredWakeups::give() {
  std::vector<std::shared_ptr<Wakeup>> due;
  {
    const MutexLock lock(mutex_);
    due.swap(deferred_);
  }
  for (const auto& wakeup : due) wakeup->signal();
}

}  // namespace reki
