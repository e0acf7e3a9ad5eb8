#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "reki/core/base/cond_var.hpp"
#include "reki/core/base/mutex.hpp"
#include "reki/net/name_resolver.hpp"

namespace reki::test {

using Numbers = std::vector<std::string>;

/// A name server of the test's own. Look-ups outlive who has asked.
struct Names : std::enable_shared_from_this<Names> {
  Mutex mutex;
  CondVar changed;
  std::map<std::string, Numbers> all ABSL_GUARDED_BY(mutex);
  bool is_silent ABSL_GUARDED_BY(mutex) = true;  ///< About what ends with silent.test.
  bool is_broken ABSL_GUARDED_BY(mutex) = false;  ///< Look-ups throw.
  std::atomic<int> asked = 0;

  void set(const std::string& host, Numbers numbers) {
    const MutexLock lock(mutex);
    all[host] = std::move(numbers);
  }
  void set_broken(bool broken) {
    const MutexLock lock(mutex);
    is_broken = broken;
  }
  NameResolver::Lookup lookup() {
    return [self = shared_from_this()](const std::string& host) {
      ++self->asked;
      const MutexLock lock(self->mutex);
      while (self->is_silent && host.ends_with("silent.test")) self->changed.wait(self->mutex);
      if (self->is_broken) throw std::runtime_error("no name server");
      return self->all[host];
    };
  }
  void speak() {
    const MutexLock lock(mutex);
    is_silent = false;
    changed.notify_all();
  }
};

}  // namespace reki::test
