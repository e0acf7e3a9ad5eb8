#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "reki/core/membership/acceptor.hpp"

namespace reki {

/// What a node keeps on its disk: the record of its voter, and who it was last.
///
/// One process at a time has a directory: a lock that ends with the process says so. Two files take the record in turn,
/// each with a count and a checksum, so that a write that is cut off leaves the one before. Nothing is ever read back
/// after an error of a write or an fsync: the process has to end then.
///
/// One thread at a time.
class VoterStore {
 public:
  /// Opens the directory, or makes it with an empty record and a store number that nobody has had, on disk at once.
  /// Fails with `bad_config`: another process has it, it is another cluster's, its files cannot be read as what they
  /// should be, or the system says no. Nothing is overwritten then.
  [[nodiscard]] static Result<std::unique_ptr<VoterStore>> open(const std::filesystem::path& directory,
                                                               const std::string& cluster);
  ~VoterStore();
  VoterStore(const VoterStore&) = delete;
  VoterStore& operator=(const VoterStore&) = delete;

  /// As read or written last.
  [[nodiscard]] const membership::VoterRecord& record() const { return record_; }
  /// On disk when it returns. An error: what the disk has is not known, and the process must end.
  [[nodiscard]] Result<void> write(const membership::VoterRecord& record);

  /// Of the last process that had the directory and joined the cluster, which is dead: 0 if it is not known.
  [[nodiscard]] Incarnation previous_incarnation() const { return previous_; }
  /// Remembered for the next process. Not synced: to forget it costs the next start some time, and nothing else.
  [[nodiscard]] Result<void> set_incarnation(Incarnation incarnation) const;

 private:
  VoterStore(std::filesystem::path directory, int lock) : directory_(std::move(directory)), lock_(lock) {}
  [[nodiscard]] Result<void> load(const std::string& cluster);
  [[nodiscard]] std::filesystem::path slot(std::uint64_t count) const;

  const std::filesystem::path directory_;
  const int lock_;
  membership::VoterRecord record_;
  std::uint64_t count_ = 0;  ///< Of writes, over all lives.
  Incarnation previous_;
};

}  // namespace reki
