// Preloaded into a node: a disk that keeps what was synced, and of what was not any part, so that kill -9 is a power cut.
// While the file REKI_SLOW_DISK is there, a sync takes half a second.
//
// Half of the sectors of a write get there at once, the others with the next sync of their file; who reads sees them all.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <mutex>
#include <string>

namespace {

constexpr off_t sector = 512;
constexpr timespec slow_sync{0, 500'000'000};

struct Cache {
  std::mutex mutex;
  std::map<int, std::map<off_t, std::string>> held;  // by descriptor and offset: sectors, or parts of them
  std::uint64_t random = static_cast<std::uint64_t>(getpid());
};

/// Never destroyed: threads may still write while the process ends.
Cache& cache() {
  static Cache* const out = new Cache;
  return *out;
}

bool is_held(Cache& c) {
  c.random = c.random * 6364136223846793005U + 1442695040888963407U;
  return (c.random >> 40 & 1) != 0;
}

ssize_t write_through(int fd, const char* data, std::size_t size, off_t offset) {
  return syscall(SYS_pwrite64, fd, data, size, offset);
}

bool is_slow() {
  const char* const sign = std::getenv("REKI_SLOW_DISK");
  return sign != nullptr && access(sign, F_OK) == 0;
}

/// Lays what is held over what was read.
void overlay(const std::map<off_t, std::string>& held, char* data, off_t from, off_t to) {
  for (const auto& [at, bytes] : held) {
    const off_t first = std::max(at, from);
    const off_t end = std::min(at + static_cast<off_t>(bytes.size()), to);
    if (first < end) std::memcpy(data + (first - from), bytes.data() + (first - at), static_cast<std::size_t>(end - first));
  }
}

}  // namespace

extern "C" ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  Cache& c = cache();
  const std::scoped_lock lock(c.mutex);
  const char* bytes = static_cast<const char*>(data);
  const off_t end = offset + static_cast<off_t>(size);
  for (off_t at = offset; at < end;) {
    const off_t next = std::min((at / sector + 1) * sector, end);
    const auto length = static_cast<std::size_t>(next - at);
    auto& held = c.held[fd];
    if (is_held(c)) {
      held[at] = std::string(bytes, length);
    } else {
      held.erase(at);
      const ssize_t written = write_through(fd, bytes, length, at);
      if (written != static_cast<ssize_t>(length)) return at > offset ? at - offset : written;
    }
    bytes += length;
    at = next;
  }
  return static_cast<ssize_t>(size);
}

extern "C" ssize_t pread(int fd, void* data, std::size_t size, off_t offset) {
  Cache& c = cache();
  const std::scoped_lock lock(c.mutex);
  const ssize_t got = syscall(SYS_pread64, fd, data, size, offset);
  if (const auto held = c.held.find(fd); got > 0 && held != c.held.end())
    overlay(held->second, static_cast<char*>(data), offset, offset + got);
  return got;
}

extern "C" int fdatasync(int fd) {
  if (is_slow()) nanosleep(&slow_sync, nullptr);
  Cache& c = cache();
  const std::scoped_lock lock(c.mutex);
  for (const auto& [at, bytes] : c.held[fd]) {
    if (write_through(fd, bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size())) return -1;
  }
  c.held.erase(fd);
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

// What is not synced when a file is closed may be lost, and the descriptor's number is used again.
extern "C" int close(int fd) {
  {
    Cache& c = cache();
    const std::scoped_lock lock(c.mutex);
    c.held.erase(fd);
  }
  return static_cast<int>(syscall(SYS_close, fd));
}
