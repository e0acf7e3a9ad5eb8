#include "reki/node/support/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace reki {
namespace {

ErrorCode code_of(int number) {
  switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EOPNOTSUPP:
      return ErrorCode::bad_data_dir;  // as long as nobody changes the path, or what this user may
    default:
      return ErrorCode::data_dir_unavailable;
  }
}

}  // namespace

ssize_t FileOps::pread(int fd, void* data, std::size_t size, off_t offset) { return ::pread(fd, data, size, offset); }

ssize_t FileOps::pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  return ::pwrite(fd, data, size, offset);
}

int FileOps::fdatasync(int fd) { return ::fdatasync(fd); }

FileOps& system_files() {
  static FileOps ops;
  return ops;
}

tl::unexpected<Error> file_error(std::string_view verb, std::string_view path, int number) {
  return fail(code_of(number), "cannot " + std::string(verb) + " '" + std::string(path) +
                                   "': " + std::generic_category().message(number));
}

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<File> File::open(std::string path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  if (fd < 0) return file_error("open", path, errno);
  return File{fd, std::move(path)};
}

Result<Bytes> File::read(std::size_t size, off_t offset, FileOps& ops) const {
  Bytes out(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ops.pread(fd_, out.data() + done, size - done, offset + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("read", path_, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  out.resize(done);
  return out;
}

Result<void> File::write(BytesView bytes, off_t offset, FileOps& ops) const {
  while (!bytes.empty()) {
    const ssize_t n = ops.pwrite(fd_, bytes.data(), bytes.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("write", path_, errno);
    if (n == 0) return file_error("write", path_, ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += n;
  }
  return {};
}

Result<void> File::sync(FileOps& ops) const {
  if (ops.fdatasync(fd_) != 0) return file_error("sync", path_, errno);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  return File::open(path, O_RDONLY | O_DIRECTORY).and_then([&](const File& dir) -> Result<void> {
    if (::fsync(dir.fd()) != 0) return file_error("sync", path, errno);
    return {};
  });
}

Result<void> make_directories(const std::string& path) {
  const std::filesystem::path whole = std::filesystem::path(path).lexically_normal();
  std::filesystem::path made;
  for (const auto& part : whole) {
    const std::filesystem::path parent = made.empty() ? std::filesystem::path(".") : made;
    made /= part;
    if (part.empty() || part == "/") continue;
    if (::mkdir(made.c_str(), 0750) == 0) {
      if (auto synced = sync_directory(parent.string()); !synced) return synced;
      continue;
    }
    const int number = errno;
    struct stat found {};
    const bool there = ::stat(made.c_str(), &found) == 0;
    if (!there) return file_error("make the directory", made.string(), number);
    if (!S_ISDIR(found.st_mode)) return file_error("make the directory", made.string(), ENOTDIR);
  }
  return {};
}

}  // namespace reki
