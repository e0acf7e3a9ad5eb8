// Preloaded into a node: its machine's elapsed-time clocks lack the nanoseconds that stand in the file REKI_STOPPED_CLOCK,
// as those of a virtual machine that its host has stopped for so long. The wall clock has counted them, unless
// REKI_STOPPED_CLOCK_ALL is set.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

const std::atomic<std::int64_t>* map_file() {
  const char* const path = std::getenv("REKI_STOPPED_CLOCK");
  const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* const page = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  return page == MAP_FAILED ? nullptr : static_cast<const std::atomic<std::int64_t>*>(page);
}

const std::atomic<std::int64_t>* stopped = map_file();
const bool wall_too = std::getenv("REKI_STOPPED_CLOCK_ALL") != nullptr;

}  // namespace

extern "C" int clock_gettime(clockid_t id, timespec* out) noexcept {
  constexpr std::int64_t second = 1'000'000'000;
  const auto failed = static_cast<int>(syscall(SYS_clock_gettime, id, out));
  const bool elapsed = id == CLOCK_BOOTTIME || id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_RAW;
  const bool stood_still = elapsed || (wall_too && id == CLOCK_REALTIME);
  if (failed != 0 || !stood_still || stopped == nullptr) return failed;
  const std::int64_t now = out->tv_sec * second + out->tv_nsec - stopped->load();
  out->tv_sec = now / second;
  out->tv_nsec = now % second;
  return 0;
}
