#include "reki/net/wakeup.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace reki {

Wakeup::Wakeup() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Wakeup::~Wakeup() { close(fd_); }

void Wakeup::signal() {
  if (!armed_.exchange(false)) return;
  const std::uint64_t one = 1;
  // It can only fail if the counter is full, and then the descriptor is readable already.
  [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
}

void Wakeup::disarm(bool readable) {
  armed_.exchange(false);
  // Whoever came between poll() and here writes after this read: that wakes the next poll() for nothing, once.
  if (!readable) return;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
}

}  // namespace reki
