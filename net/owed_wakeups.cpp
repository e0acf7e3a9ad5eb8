#include "reki/net/owed_wakeups.hpp"

#include <algorithm>
#include <utility>

namespace reki {
namespace {

thread_local OwedWakeups* owed_here = nullptr;

}  // namespace

OwedWakeups::Here::Here(OwedWakeups& all) : all_(all) { owed_here = &all; }

OwedWakeups::Here::~Here() {
  owed_here = nullptr;
  all_.settle();
}

OwedWakeups* OwedWakeups::of_this_thread() { return owed_here; }

void OwedWakeups::settle_if_late(Instant now) {
  OwedWakeups* const here = owed_here;
  if (here == nullptr) return;
  if (!here->any_) {
    here->looked_ = now;
  } else if (now - here->looked_ >= patience) {
    here->looked_ = now;
    here->settle();
  }
}

void OwedWakeups::owe(const std::shared_ptr<Wakeup>& wakeup) {
  any_ = true;
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(owed_, wakeup) == owed_.end()) owed_.push_back(wakeup);
}

void OwedWakeups::settle() {
  any_ = false;
  give();
}

void OwedWakeups::give() {
  std::vector<std::shared_ptr<Wakeup>> owed;
  {
    const std::lock_guard lock(mutex_);
    owed.swap(owed_);
  }
  for (const auto& wakeup : owed) wakeup->signal();
}

}  // namespace reki
