#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "../core/membership/control_messages.hpp"
#include "reki/node/disk/voter_store.hpp"
#include "temporary_dir.hpp"

/// Registers in directories of their own, and disks that are worse than real ones.
namespace test {

using namespace reki;

inline constexpr std::size_t half_bytes = 784 << 10;  ///< Of a register of form 2; all of one of form 1.

/// Where the parts of a register are.
inline std::size_t slot_at(std::size_t half, std::size_t place) {
  return half * half_bytes + 4096 + place * membership::voter_slot_bytes;
}

inline const NodeId n1{"n1"};

struct Opened {
  explicit Opened(const std::string& path, const std::string& cluster = "shop", const NodeId& node = n1)
      : dir(DataDir::open(path, cluster, node).value()) {}
  Result<VoterStore> store(FileOps& ops = system_files(), const LevelRange& levels = {}) { return VoterStore::open(dir, 77, ops, levels); }
  DataDir dir;
};

inline membership::VoterRecord with(std::uint64_t promised, membership::ViewPtr view = nullptr, std::uint64_t store = 77) {
  return {view ? view->cluster_id() : "", store, Term{promised}, Term{promised / 2}, view};
}

/// What somebody who opens the directory anew finds.
inline membership::VoterRecord found(const std::string& path) { return Opened{path}.store().value().record(); }

inline bool refused(const Result<VoterStore>& store, std::string_view text, ErrorCode code = ErrorCode::bad_data_dir) {
  BOOST_REQUIRE(!store.has_value());
  BOOST_TEST((store.error().code == code));
  BOOST_TEST_MESSAGE(store.error().text);
  return store.error().text.find(text) != std::string::npos;
}

/// What may pass.
inline bool disk_failed(const Result<VoterStore>& store, std::string_view text) {
  return refused(store, text, ErrorCode::data_dir_unavailable);
}

inline Bytes bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void put_bytes(const std::string& path, const Bytes& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// A register as the reki before wrote it.
inline Bytes form_1(const std::vector<membership::VoterSlot>& slots) {
  Bytes out = "reki register, version 1\n";
  out.resize(half_bytes, '\0');
  for (std::size_t place = 0; place < slots.size(); ++place) {
    const Bytes slot = encode(slots[place]);
    out.replace(slot_at(0, place), slot.size(), slot);
  }
  return out;
}

/// Writes only so many bytes, then says that it cannot.
class TornFiles : public FileOps {
 public:
  explicit TornFiles(std::size_t bytes) : left_(bytes) {}
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    if (left_ == 0) return errno = EIO, -1;
    const ssize_t n = FileOps::pwrite(fd, data, std::min(size, left_), offset);
    left_ -= static_cast<std::size_t>(n);
    return n;
  }

 private:
  std::size_t left_;
};

/// What is written stands in the system's memory until a sync; a sync that fails leaves of it on the disk what it
/// likes, and the rest is never tried again, though it can still be read; a loss of power leaves of what was not synced
/// what it likes. All by sectors.
class MeanDisk : public FileOps {
 public:
  MeanDisk(std::string file, std::uint64_t seed) : file_(std::move(file)), random_(seed), disk_(bytes_of(file_)) {
    disk_.resize(2 * half_bytes);
  }

  ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override {
    const auto begin = static_cast<std::size_t>(offset);
    if (unreadable_ && *unreadable_ < begin + size && begin < *unreadable_ + sector) return errno = EIO, -1;
    return FileOps::pread(fd, data, size, offset);
  }
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    const auto begin = static_cast<std::size_t>(offset);
    if (unreadable_ && *unreadable_ < begin + size && begin < *unreadable_ + sector) unreadable_.reset();  // it has spare ones
    if (random_() % 10 == 0) size = random_() % size;  // cut short: by a crash, or to be continued
    const ssize_t n = size == 0 ? 0 : FileOps::pwrite(fd, data, size, offset);
    for (auto at = begin / sector; at * sector < begin + static_cast<std::size_t>(n); ++at) pending_.push_back(at);
    if (random_() % 20 == 0) return errno = EIO, -1;
    return n;
  }
  int fdatasync(int) override {
    const bool fails = random_() % 3 == 0;
    settle(fails ? 2 : 1);
    return fails ? (errno = EIO, -1) : 0;  // the real disk is not what is tested
  }
  void lose_power() {
    settle(2);
    std::fstream memory(file_, std::ios::binary | std::ios::in | std::ios::out);
    for (const std::size_t at : lost_) {
      memory.seekp(static_cast<std::streamoff>(at * sector));
      memory.write(disk_.data() + at * sector, sector);
    }
    lost_.clear();
  }
  /// A bit, a byte, a sector or a block that it has lost, in a head or in the first `used` bytes of a slot.
  void lose_something(std::size_t used) {
    const std::size_t half = random_() % 2;
    const std::size_t part = random_() % 4;
    const std::size_t at = part == 3 ? half * half_bytes + random_() % 80 : slot_at(half, part) + random_() % used;
    const std::size_t in_sector = at / sector * sector;
    const std::uint64_t noise = random_() | 1;
    switch (random_() % 6) {
      case 0: return change(at, 1, [&](char c) { return static_cast<char>(c ^ 1 << noise % 7); });
      case 1: return change(at, 1, [&](char c) { return static_cast<char>(c ^ static_cast<char>(noise)); });
      case 2: return change(in_sector, sector, [](char) { return '\0'; });
      case 3: return change(in_sector, sector, [&](char) { return static_cast<char>(random_()); });
      case 4: return change(at / 4096 * 4096, 4096, [](char) { return '\0'; });
      default: unreadable_ = in_sector;
    }
  }
  [[nodiscard]] bool happens(std::uint64_t one_in) { return random_() % one_in == 0; }

 private:
  static constexpr std::size_t sector = 512;

  /// Of what is on the disk, and so of what is read the next time.
  template <class Make>
  void change(std::size_t at, std::size_t size, Make make) {
    std::fstream memory(file_, std::ios::binary | std::ios::in | std::ios::out);
    for (std::size_t i = at; i < at + size; ++i) disk_[i] = make(disk_[i]);
    memory.seekp(static_cast<std::streamoff>(at));
    memory.write(disk_.data() + at, static_cast<std::streamsize>(size));
  }

  /// Of each sector that is pending, one in `one_in` gets onto the disk; none is pending afterwards.
  void settle(std::uint64_t one_in) {
    std::ranges::sort(pending_);
    pending_.erase(std::unique(pending_.begin(), pending_.end()), pending_.end());
    std::ifstream memory(file_, std::ios::binary);
    for (const std::size_t at : pending_) {
      if (random_() % one_in != 0) {
        lost_.push_back(at);
        continue;
      }
      memory.seekg(static_cast<std::streamoff>(at * sector));
      memory.read(disk_.data() + at * sector, sector);
    }
    pending_.clear();
  }

  std::string file_;
  std::mt19937_64 random_;
  Bytes disk_;
  std::vector<std::size_t> pending_;
  std::optional<std::size_t> unreadable_;  ///< Where the sector begins that gives an error.
  std::vector<std::size_t> lost_;  ///< What the disk did not get: the next loss of power tells.
};

}  // namespace test
