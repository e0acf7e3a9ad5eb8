#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "reki/core/membership/voter_record.hpp"
#include "reki/node/disk/register_head.hpp"
#include "reki/node/support/file.hpp"

namespace reki {

/// The file of a voter's register: where its parts are, and reading and writing them.
///
/// Form 2 is two halves of 784 KiB, each a head (register_head.hpp) and three slots (voter_record.hpp). Both halves are
/// to be the same: so whatever happens to one byte, sector or block of the file, a copy of what was there is left. Form 1
/// was the first half alone; later forms differ from form 2 in what is in their records. The file has its full size from the beginning, so that a full disk is found out then.
///
/// Thread: one at a time.
class RegisterFile {
 public:
  static constexpr std::size_t slots = 3;

  struct Damage {
    std::string text;        ///< What is wrong, at which byte, and what counts instead.
    bool cut_short = false;  ///< It is what a crash leaves of a write; else the disk may be going bad.
  };
  /// What the copies of a slot have.
  struct Slot {
    std::optional<membership::VoterSlot> newest;  ///< Nothing: no copy can be read, or it was never written.
    std::optional<Damage> damage;                 ///< Nothing: all copies are whole and the same.
  };

  /// Makes a file of that form, 2 or later, with `first` in its first slot: whole and on the disk, or not there.
  [[nodiscard]] static Result<void> create(const std::string& path, std::uint32_t form, const membership::VoterSlot& first, FileOps& ops);
  /// Fails with `bad_data_dir`, as all below, if no head can be read, or if the form is later than `newest`.
  [[nodiscard]] static Result<RegisterFile> open(const std::string& path, std::uint32_t newest, FileOps& ops);

  /// Also if no copy can be read: unless the disk says so itself, which is no crash's work.
  [[nodiscard]] Result<Slot> read(std::size_t place) const;
  /// All copies; on the disk after the next `sync`.
  [[nodiscard]] Result<void> write(std::size_t place, const membership::VoterSlot& slot) const;
  [[nodiscard]] Result<void> sync() const { return file_.sync(*ops_); }

  [[nodiscard]] bool is_form_1() const { return halves_ == 1; }
  /// Makes form 2 of form 1. Until it has returned, and whenever it is interrupted, the file is whole in one of both.
  /// REQUIRES: form 1, and no slot is damaged.
  [[nodiscard]] Result<void> convert();
  [[nodiscard]] std::uint32_t form() const { return form_; }
  /// Says that the file has this form. It is on the disk when it returns: until then nothing may be written that is of it, and
  /// whenever it is interrupted, the file has one form or the other. REQUIRES: form 2 or later, and this one later still.
  [[nodiscard]] Result<void> raise(std::uint32_t form);

  /// Of the heads; nothing: both are whole.
  [[nodiscard]] const std::optional<Damage>& head_damage() const { return head_damage_; }
  /// Writes both heads once more, as the one that was read: after a sync that failed the system may show what is not on the
  /// disk, and on them rests how all else is read. They are on the disk when it returns.
  [[nodiscard]] Result<void> make_heads_sure() const;

  [[nodiscard]] const std::string& path() const { return file_.path(); }
  [[nodiscard]] tl::unexpected<Error> refuse(const std::string& what) const;
  /// What a refusal adds, if the record is lost.
  [[nodiscard]] static std::string how_to_replace();

 private:
  static constexpr std::size_t halves_max = 2;
  struct Copy {
    Bytes bytes;                                ///< Of `slot`.
    std::optional<membership::VoterSlot> slot;  ///< Nothing: it is not whole.
    bool blank = false;
    std::optional<Error> unreadable;  ///< What the system says.
  };

  RegisterFile(File file, FileOps& ops) : file_(std::move(file)), ops_(&ops) {}
  [[nodiscard]] Copy read_copy(std::size_t half, std::size_t place) const;
  [[nodiscard]] static std::optional<Damage> damage_of(const std::array<Copy, halves_max>& copies, std::size_t place,
                                                       const membership::VoterSlot* newest);
  [[nodiscard]] Bytes read_head(std::size_t half) const;
  [[nodiscard]] Result<void> write_head(std::size_t half) const { return file_.write(head_, head_at(half), *ops_); }
  [[nodiscard]] static off_t head_at(std::size_t half);
  [[nodiscard]] Result<void> choose_form(std::uint32_t newest);
  [[nodiscard]] Result<void> fill(const membership::VoterSlot& first) const;

  File file_;
  FileOps* ops_;
  std::size_t halves_ = halves_max;
  std::uint32_t form_ = 1;
  Bytes head_;
  std::optional<Damage> head_damage_;
};

}  // namespace reki
