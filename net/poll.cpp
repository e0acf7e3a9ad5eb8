#include "reki/net/poll.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "reki/net/clock.hpp"

namespace reki {
namespace {

constexpr short failed = POLLERR | POLLHUP | POLLNVAL;  // whoever reads finds out what it is

/// What the socket is ready for. It takes note of what its I/O thread has told it, so that its file descriptor is readable
/// again only for what is newer.
short ready(const zmq::pollitem_t& item) {
  int events = 0;
  std::size_t size = sizeof events;
  if (zmq_getsockopt(item.socket, ZMQ_EVENTS, &events, &size) != 0) throw zmq::error_t();
  return static_cast<short>(events & item.events);
}

int descriptor_of(const zmq::pollitem_t& item) {
  if (item.socket == nullptr) return item.fd;
  int fd = 0;
  std::size_t size = sizeof fd;
  if (zmq_getsockopt(item.socket, ZMQ_FD, &fd, &size) != 0) throw zmq::error_t();
  return fd;
}

/// Up to the next millisecond, which is poll's unit: a wait that is too short would spin. At most a minute.
int milliseconds_until(Instant until, Instant now) {
  const auto wait = until <= now ? Duration{0} : std::min<Duration>(until - now, std::chrono::minutes(1));
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
}

/// Those of the sockets that something has come for since they were asked, and the plain descriptors. Returns how many.
int take_events(std::vector<zmq::pollitem_t>& items, const std::vector<pollfd>& descriptors) {
  int count = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    zmq::pollitem_t& item = items[i];
    const short seen = descriptors[i].revents;
    if (item.socket == nullptr) item.revents = static_cast<short>((seen & (POLLIN | failed)) != 0 ? ZMQ_POLLIN : 0);
    else if (seen != 0) item.revents = ready(item);
    if (item.revents != 0) ++count;
  }
  return count;
}

}  // namespace

int poll_until(std::vector<zmq::pollitem_t>& items, Instant now, Instant until) {
  thread_local std::vector<pollfd> descriptors;
  descriptors.clear();
  bool any = false;
  for (auto& item : items) {
    item.revents = item.socket != nullptr ? ready(item) : short{0};
    any |= item.revents != 0;
    descriptors.push_back({descriptor_of(item), POLLIN, 0});
  }
  for (int wait = any ? 0 : milliseconds_until(until, now);; wait = milliseconds_until(until, boot_time())) {
    const int seen = poll(descriptors.data(), descriptors.size(), wait);
    if (seen < 0 && errno != EINTR) throw zmq::error_t();
    if (seen < 0) {
      for (auto& item : items) item.revents = 0;
      return 0;
    }
    // What a socket's descriptor tells may be of no interest to anybody.
    const int count = take_events(items, descriptors);
    if (count > 0 || wait == 0 || seen == 0) return count;
  }
}

}  // namespace reki
