#include "reki/net/name_resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <deque>
#include <exception>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "reki/core/base/mutex.hpp"
#include "reki/net/wakeup.hpp"

namespace reki {

/// What the threads have a part in, so that it outlives them.
struct NameResolver::Shared {
  Shared(Lookup l, int max) : lookup(std::move(l)), lookups_max(max) { wakeup.arm(); }

  const Lookup lookup;
  const int lookups_max;
  Wakeup wakeup;
  Mutex mutex;
  std::set<std::string> asked ABSL_GUARDED_BY(mutex);  ///< All that wait or are looked up.
  std::deque<std::string> waiting ABSL_GUARDED_BY(mutex);
  std::vector<Found> found ABSL_GUARDED_BY(mutex);
  int threads ABSL_GUARDED_BY(mutex) = 0;
};

NameResolver::NameResolver(Lookup lookup, int lookups_max)
    : shared_(std::make_shared<Shared>(std::move(lookup), lookups_max)) {}

NameResolver::~NameResolver() {
  const MutexLock lock(shared_->mutex);
  shared_->waiting.clear();
}

int NameResolver::fd() const { return shared_->wakeup.fd(); }

void NameResolver::ask(const std::string& host) {
  {
    const MutexLock lock(shared_->mutex);
    if (!shared_->asked.insert(host).second) return;
    shared_->waiting.push_back(host);
    if (shared_->threads >= shared_->lookups_max) return;
    ++shared_->threads;
  }
  try {
    // Nothing can end a look-up, so nobody waits for its thread.
    std::thread([shared = shared_] { work(shared); }).detach();
  } catch (const std::system_error&) {  // no thread to be had: it is asked again
    const MutexLock lock(shared_->mutex);
    --shared_->threads;
    shared_->asked.erase(host);
    std::erase(shared_->waiting, host);
  }
}

void NameResolver::cancel(const std::string& host) {
  const MutexLock lock(shared_->mutex);
  if (std::erase(shared_->waiting, host) > 0) shared_->asked.erase(host);
}

/// What is thrown on a thread of its own would end the process.
NameResolver::Found NameResolver::look_up(const Lookup& lookup, std::string host) {
  Found out{std::move(host), {}};
  try {
    out.numbers = lookup(out.host);
  } catch (const std::exception& e) {
    out.thrown = std::string("the look-up has thrown: ") + e.what();
  } catch (...) {
    out.thrown = "the look-up has thrown something";
  }
  return out;
}

void NameResolver::work(const std::shared_ptr<Shared>& shared) {
  for (;;) {
    std::string host;
    {
      const MutexLock lock(shared->mutex);
      if (shared->waiting.empty()) {
        --shared->threads;
        return;
      }
      host = std::move(shared->waiting.front());
      shared->waiting.pop_front();
    }
    Found found = look_up(shared->lookup, std::move(host));
    {
      const MutexLock lock(shared->mutex);
      shared->asked.erase(found.host);
      shared->found.push_back(std::move(found));
    }
    shared->wakeup.signal();
  }
}

std::vector<NameResolver::Found> NameResolver::take() {
  shared_->wakeup.disarm(true);
  shared_->wakeup.arm();  // before the look: what comes later is told of
  const MutexLock lock(shared_->mutex);
  return std::exchange(shared_->found, {});
}

std::vector<std::string> NameResolver::by_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* first = nullptr;
  std::vector<std::string> out;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &first) != 0) return out;
  for (const addrinfo* each = first; each != nullptr; each = each->ai_next) {
    char number[NI_MAXHOST];
    if (getnameinfo(each->ai_addr, each->ai_addrlen, number, sizeof number, nullptr, 0, NI_NUMERICHOST) == 0) out.emplace_back(number);
  }
  freeaddrinfo(first);
  return out;
}

}  // namespace reki
