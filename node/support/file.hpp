#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"

/// Files as the data directory needs them: every failure is `bad_data_dir`, or `data_dir_unavailable` if it may pass (a disk
/// that is full or fails), with what was tried, where, and the system's reason.
namespace reki {

/// What may fail when bytes are to reach the disk or come back, for tests that make it fail. As the system calls of these
/// names.
class FileOps {
 public:
  virtual ~FileOps() = default;
  virtual ssize_t pread(int fd, void* data, std::size_t size, off_t offset);
  virtual ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset);
  virtual int fdatasync(int fd);
};
[[nodiscard]] FileOps& system_files();

/// An open file, closed at the end.
class File {
 public:
  File() = default;
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  /// `flags` as for open(2); O_CLOEXEC is added.
  [[nodiscard]] static Result<File> open(std::string path, int flags);
  /// At most `size` bytes from `offset` on; fewer at the end of the file.
  [[nodiscard]] Result<Bytes> read(std::size_t size, off_t offset, FileOps& ops = system_files()) const;
  [[nodiscard]] Result<void> write(BytesView bytes, off_t offset, FileOps& ops = system_files()) const;
  /// Returns once what was written is on the disk.
  [[nodiscard]] Result<void> sync(FileOps& ops = system_files()) const;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  int fd_ = -1;
  std::string path_;
};

/// What the system says about `errno`, as an error: "cannot VERB 'PATH': REASON".
[[nodiscard]] tl::unexpected<Error> file_error(std::string_view verb, std::string_view path, int number);
/// Makes the names in a directory durable.
[[nodiscard]] Result<void> sync_directory(const std::string& path);
/// Makes a directory and those above it, durably.
[[nodiscard]] Result<void> make_directories(const std::string& path);

}  // namespace reki
