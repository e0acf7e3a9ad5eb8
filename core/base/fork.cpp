#include "reki/core/base/fork.hpp"

#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace reki {
namespace {

constexpr int none = 0;  // no socket has that number

constinit std::array<std::atomic<int>, 64> listening{};

int port_if_listening(int fd) {
  int is_listening = 0;
  socklen_t size = sizeof is_listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0 || is_listening == 0) return none;
  sockaddr_storage address{};
  size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return none;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return none;
}

int find_listening(std::uint16_t port) {
  int out = none;
  DIR* const all = opendir("/proc/self/fd");
  if (all == nullptr) return none;
  while (const dirent* entry = readdir(all)) {
    const int fd = std::atoi(entry->d_name);
    if (fd > 2 && port_if_listening(fd) == port) out = fd;
  }
  closedir(all);
  return out;
}

}  // namespace

std::atomic<std::uint32_t> ForkMark::generation{0};

/// What is done in the child: only what is async-signal-safe, since other threads may have had any lock.
struct ForkHandler {
  static void install() {
    static const int installed = pthread_atfork(nullptr, nullptr, [] {
      ForkMark::generation.fetch_add(1, std::memory_order_relaxed);
      for (auto& fd : listening) {
        // Another may have its number by now: what libzmq has closed listens no more.
        if (const int old = fd.exchange(none); old != none && port_if_listening(old) != none) close(old);
      }
    });
    static_cast<void>(installed);
  }
};

ForkMark::ForkMark() : made_in_(generation.load(std::memory_order_relaxed)) { ForkHandler::install(); }

ClosedInChildren::ClosedInChildren(std::uint16_t port) {
  ForkHandler::install();
  const int fd = find_listening(port);
  for (std::size_t i = 0; fd != none && i < listening.size(); ++i) {
    int free = none;
    if (!listening[i].compare_exchange_strong(free, fd)) continue;
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
  if (place_ != -1) listening[static_cast<std::size_t>(place_)] = none;
}

}  // namespace reki
