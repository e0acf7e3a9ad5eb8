#include "tap.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

namespace chaos {
namespace {

[[noreturn]] void raise(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

class File {
 public:
  File(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC)) {
    if (fd_ < 0) raise(path);
  }
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// The thread is in another network namespace as long as this lives.
class Visit {
 public:
  explicit Visit(const std::string& name_space) : home_("/proc/thread-self/ns/net", O_RDONLY) {
    const File there("/run/netns/" + name_space, O_RDONLY);
    if (setns(there.get(), CLONE_NEWNET) != 0) raise("setns " + name_space);
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    // To go on in the wrong namespace would mix up the ports.
    if (setns(home_.get(), CLONE_NEWNET) != 0) std::terminate();
  }

 private:
  File home_;
};

ifreq request_for(const std::string& device) {
  ifreq out{};
  std::copy_n(device.data(), std::min(device.size(), std::size_t{IFNAMSIZ - 1}), out.ifr_name);
  return out;
}

}  // namespace

int open_tap(const std::string& name_space, const std::string& device, const Mac& mac) {
  const Visit visit(name_space);
  File tap("/dev/net/tun", O_RDWR | O_NONBLOCK);
  ifreq make = request_for(device);
  make.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(tap.get(), TUNSETIFF, &make) != 0) raise("TUNSETIFF in " + name_space);
  const File socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq address = request_for(device);
  address.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(address.ifr_hwaddr.sa_data, mac.data(), mac.size());
  if (ioctl(socket.get(), SIOCSIFHWADDR, &address) != 0) raise("SIOCSIFHWADDR in " + name_space);
  return tap.release();
}

}  // namespace chaos
