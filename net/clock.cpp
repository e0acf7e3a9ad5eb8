#include "reki/net/clock.hpp"

#include <ctime>

namespace reki {

Instant boot_time() {
  timespec ts{};
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return Instant{std::int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec};
}

}  // namespace reki
