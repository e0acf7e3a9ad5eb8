#include "reki/actor/watch.hpp"

#include "reki/actor/user_code.hpp"

namespace reki {

void WatchSink::deliver(const WatchEvent& event) {
  const MutexLock lock(mutex_);
  if (cancelled()) return;
  delivering_.store(std::this_thread::get_id());
  detail::call_back(callback_, event);
  delivering_.store(std::thread::id{});
  if (cancelled()) callback_ = nullptr;
}

void WatchSink::cancel() {
  cancelled_.store(true, std::memory_order_release);
  // From within the callback: deliver() releases it once it has returned.
  if (delivering_.load() == std::this_thread::get_id()) return;
  const MutexLock lock(mutex_);
  callback_ = nullptr;
}

}  // namespace reki
