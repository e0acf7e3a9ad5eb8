// Preloaded into a node: while the file REKI_FAILING_DISK is there, nothing it syncs gets onto its disk.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

extern "C" int fdatasync(int fd) {
  const char* const sign = std::getenv("REKI_FAILING_DISK");
  if (sign != nullptr && access(sign, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
