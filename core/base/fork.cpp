#include "reki/core/base/fork.hpp"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace reki {
namespace {

constexpr int none = 0;  // nothing to be closed has that number

/// What it was when it was noted: another file may have its number since.
struct Noted {
  std::atomic<int> fd{none};
  std::atomic<dev_t> device{0};
  std::atomic<ino_t> inode{0};

  [[nodiscard]] bool is_still(int number) const {
    struct stat now {};
    return fstat(number, &now) == 0 && now.st_dev == device && now.st_ino == inode;
  }
};

constinit std::array<Noted, 64> noted{};

}  // namespace

std::atomic<std::uint32_t> ForkMark::generation{0};

/// What is done in the child: only what is async-signal-safe, since other threads may have had any lock.
struct ForkHandler {
  static void install() {
    static const int installed = pthread_atfork(nullptr, nullptr, [] {
      ForkMark::generation.fetch_add(1, std::memory_order_relaxed);
      for (Noted& one : noted) {
        if (const int fd = one.fd.exchange(none); fd != none && one.is_still(fd)) close(fd);
      }
    });
    static_cast<void>(installed);
  }
};

ForkMark::ForkMark() : made_in_(generation.load(std::memory_order_relaxed)) { ForkHandler::install(); }

ClosedInChildren::ClosedInChildren(int fd) {
  ForkHandler::install();
  struct stat now {};
  if (fd <= none || fstat(fd, &now) != 0) return;
  for (std::size_t i = 0; i < noted.size(); ++i) {
    int free = none;
    if (!noted[i].fd.compare_exchange_strong(free, fd)) continue;
    noted[i].device = now.st_dev;
    noted[i].inode = now.st_ino;
    place_ = static_cast<int>(i);
    return;
  }
}

ClosedInChildren::ClosedInChildren(ClosedInChildren&& other) noexcept : place_(std::exchange(other.place_, -1)) {}

ClosedInChildren& ClosedInChildren::operator=(ClosedInChildren&& other) noexcept {
  std::swap(place_, other.place_);
  return *this;
}

ClosedInChildren::~ClosedInChildren() {
  if (place_ != -1) noted[static_cast<std::size_t>(place_)].fd = none;
}

}  // namespace reki
