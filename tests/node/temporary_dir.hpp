#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace test {

/// A directory that is gone at the end.
class TemporaryDir {
 public:
  explicit TemporaryDir(const std::filesystem::path& in = std::filesystem::temp_directory_path()) {
    std::string name = (in / "reki-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
  }
  TemporaryDir(const TemporaryDir&) = delete;
  ~TemporaryDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  /// Where a test that writes much and syncs nothing does not wait for the disk, if there is such a place.
  [[nodiscard]] static std::filesystem::path in_memory() {
    const bool shm = ::access("/dev/shm", W_OK | X_OK) == 0;
    return shm ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace test
