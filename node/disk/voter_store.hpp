#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "reki/core/membership/voter_record.hpp"
#include "reki/node/disk/data_dir.hpp"
#include "reki/node/disk/register_file.hpp"

namespace reki {

/// A voter's record on disk: the file `register` in a node's data directory (register_file.hpp).
///
/// Of its three slots the one with the highest counter is the record. A write goes to the oldest, so that one that a crash
/// has cut short leaves the record before. Two would do, if no sync ever failed: but then the system may show what is not
/// on the disk, and drop it later. So what is read at opening is written once more, beside the newest and the one before
/// it, before it is believed.
///
/// A slot is there twice, and a write is acknowledged once both copies are on the disk. So a byte or a sector that the disk
/// has lost since takes nothing: the other copy counts, and both are written anew. A record of which neither copy can be
/// read was never acknowledged.
///
/// That what was once accepted is never forgotten rests on the disk: of what it has synced it must not lose both copies,
/// nor go back to an earlier state. Never restore a `register` from a copy; remove it, and the cluster replaces the voter.
///
/// Thread: one at a time; `write` blocks until the disk has it, some milliseconds.
class VoterStore {
 public:
  /// The store of a directory that stays open for at least as long; `fresh`, a random number that no other store has
  /// had and not 0, becomes the number of a new, empty one if there is none. One of form 1 is converted. `levels`: that the
  /// program supports.
  ///
  /// Fails with `bad_data_dir`, and changes nothing, if the file is no register, is of a later form than this reki's, has no
  /// slot that can be read, is of form 1 with one that cannot, is of another cluster or node, is retired by a rescue, or has a
  /// view of a level that the program does not have: what it promised may be kept by one that has it alone.
  [[nodiscard]] static Result<VoterStore> open(const DataDir& dir, std::uint64_t fresh, FileOps& ops = system_files(),
                                               const LevelRange& levels = supported_levels);

  [[nodiscard]] const membership::VoterRecord& record() const { return record_; }
  /// What could not be read at opening, and where: of a write cut short, or a disk that is going bad. It is repaired.
  [[nodiscard]] const std::vector<RegisterFile::Damage>& damage() const { return damage_; }

  /// Returns once the record is on the disk, in the form of its level; a file of an earlier form is converted before. After an error nobody knows what is: the process must end
  /// without saying anything that depends on this record or the one before; every further call fails.
  /// REQUIRES: the store's number as it was, or an empty record or another lineage: the store has been retired for another.
  [[nodiscard]] Result<void> write(const membership::VoterRecord& record);

 private:
  static constexpr std::size_t places = RegisterFile::slots;

  /// False only if there is certainly none.
  static bool is_in(const DataDir& dir);
  explicit VoterStore(RegisterFile file) : file_(std::move(file)) {}
  static Result<VoterStore> read(RegisterFile file, const DataDir& dir, const LevelRange& levels);
  Result<void> check(std::uint64_t newest, const DataDir& dir, const LevelRange& levels) const;
  Result<void> make_sure(const std::vector<std::size_t>& damaged);
  Result<std::size_t> write_again();
  Result<void> failed(Result<void> why);
  Result<void> put(std::size_t place, std::uint64_t counter, const membership::VoterRecord& record);

  RegisterFile file_;
  membership::VoterRecord record_;
  std::array<std::uint64_t, places> counters_{};  ///< Of the slots; 0: free to be written over.
  std::vector<RegisterFile::Damage> damage_;
  bool failed_ = false;
};

}  // namespace reki
