#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "reki/core/membership/voter_record.hpp"
#include "reki/node/disk/data_dir.hpp"
#include "reki/node/support/file.hpp"

namespace reki {

/// A voter's record on disk: the file `register` in a node's data directory.
///
/// Three slots (voter_record.hpp), from byte 4096 of the file on; the one with the highest counter is the record. A
/// write goes to the oldest, so that one that a crash has cut short leaves the record before. Two would do, if no sync
/// ever failed: but then the system may show what is not on the disk, and drop it later. So what is read at opening is
/// written once more, beside the newest and the one before it, before it is believed. The file has its full size from
/// the beginning, so that a full disk is found out then.
///
/// That what was once accepted is never forgotten rests on the disk: it must not lose what it has synced, nor go back
/// to an earlier state. Never restore a `register` from a copy; remove it, and the cluster replaces the voter.
///
/// Thread: one at a time; `write` blocks until the disk has it, some milliseconds.
class VoterStore {
 public:
  /// The store of a directory that stays open for at least as long; `fresh`, a random number that no other store has
  /// had and not 0, becomes the number of a new, empty one if there is none.
  ///
  /// Fails with `bad_data_dir`, and changes nothing, if the file is no register, if no slot can be read, or if it is of
  /// another cluster or node.
  [[nodiscard]] static Result<VoterStore> open(const DataDir& dir, std::uint64_t fresh, FileOps& ops = system_files());

  /// False only if there is certainly none.
  [[nodiscard]] static bool is_in(const DataDir& dir);

  [[nodiscard]] const membership::VoterRecord& record() const { return record_; }
  /// A slot that had been written could not be read at opening: a write cut short, or a disk that is going bad.
  [[nodiscard]] bool was_damaged() const { return damaged_; }

  /// Returns once the record is on the disk. After an error nobody knows what is: the process must end
  /// without saying anything that depends on this record or the one before; every further call fails.
  /// REQUIRES: the store's number as it was.
  [[nodiscard]] Result<void> write(const membership::VoterRecord& record);

 private:
  static constexpr std::size_t places = 3;
  using Counters = std::array<std::uint64_t, places>;

  VoterStore(File file, membership::VoterRecord record, const Counters& counters, FileOps& ops)
      : file_(std::move(file)), ops_(&ops), record_(std::move(record)), counters_(counters) {}
  static Result<void> create(const DataDir& dir, std::uint64_t fresh, FileOps& ops);
  static Result<VoterStore> read(File file, const DataDir& dir, FileOps& ops);
  Result<void> write_again();
  Result<void> put(std::size_t place, std::uint64_t counter, const membership::VoterRecord& record);

  File file_;
  FileOps* ops_;
  membership::VoterRecord record_;
  Counters counters_;  ///< Of the slots; 0: free to be written over.
  bool damaged_ = false;
  bool failed_ = false;
};

}  // namespace reki
