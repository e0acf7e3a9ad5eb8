#include "reki/net/poll.hpp"

#include <algorithm>

namespace reki {

int poll_until(std::vector<zmq::pollitem_t>& items, Instant now, Instant until) {
  // Up to the next millisecond, which is libzmq's unit: a wait that is too short would spin. At most a minute.
  const auto wait = until <= now ? Duration{0} : std::min<Duration>(until - now, std::chrono::minutes(1));
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(wait);
  try {
    return zmq::poll(items, timeout);
  } catch (const zmq::error_t& e) {
    if (e.num() != EINTR) throw;
    for (auto& item : items) item.revents = 0;
    return 0;
  }
}

}  // namespace reki
