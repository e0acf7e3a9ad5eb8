#include "reki/node/disk/register_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace reki {
namespace {

using membership::voter_slot_bytes;
using membership::VoterSlot;

static_assert(voter_slot_bytes % 4096 == 0 && register_head_bytes % 4096 == 0, "no block of the disk belongs to two");
constexpr std::size_t half_bytes = register_head_bytes + RegisterFile::slots * voter_slot_bytes;

off_t slot_at(std::size_t half, std::size_t place) {
  return static_cast<off_t>(half * half_bytes + register_head_bytes + place * voter_slot_bytes);
}

std::string at_byte(off_t offset) { return "at byte " + std::to_string(offset); }

constexpr std::uint32_t twice_form = 2;  ///< The first that has all twice.

Bytes new_head(std::uint32_t form) { return encode(RegisterHead{form, this_reki()}); }

}  // namespace

off_t RegisterFile::head_at(std::size_t half) { return static_cast<off_t>(half * half_bytes); }

tl::unexpected<Error> RegisterFile::refuse(const std::string& what) const {
  return fail(ErrorCode::bad_data_dir, "the voter's register '" + path() + "' " + what);
}

std::string RegisterFile::how_to_replace() {
  return "; if it cannot be had back, remove the data directory: the node comes back with an empty one, and the cluster "
         "makes that its voter as long as the other voters are a majority";
}

/// Under another name until all of it is on the disk: so that a register which is there is a whole one.
Result<void> RegisterFile::create(const std::string& path, std::uint32_t form, const VoterSlot& first, FileOps& ops) {
  const std::string temporary = path + ".new";
  auto file = File::open(temporary, O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return tl::make_unexpected(std::move(file).error());
  RegisterFile made{std::move(*file), ops};
  made.form_ = form;
  made.head_ = new_head(form);
  auto done = made.fill(first);
  if (done && std::rename(temporary.c_str(), path.c_str()) != 0) done = file_error("rename", temporary, errno);
  if (!done) ::unlink(temporary.c_str());
  return done;
}

Result<void> RegisterFile::fill(const VoterSlot& first) const {
  if (const int number = ::posix_fallocate(file_.fd(), 0, head_at(halves_)); number != 0) {
    return file_error("get " + std::to_string(head_at(halves_) / 1024) + " KiB of disk for", path(), number);
  }
  auto done = write(0, first);
  return done ? make_heads_sure() : done;
}

Result<RegisterFile> RegisterFile::open(const std::string& path, std::uint32_t newest, FileOps& ops) {
  auto file = File::open(path, O_RDWR);
  if (!file) return tl::make_unexpected(std::move(file).error());
  RegisterFile out{std::move(*file), ops};
  if (auto chosen = out.choose_form(newest); !chosen) return tl::make_unexpected(std::move(chosen).error());
  return out;
}

/// The first head decides, so that writing it is the one step that makes another form of the file.
Result<void> RegisterFile::choose_form(std::uint32_t newest) {
  const std::array<Bytes, halves_max> blocks{read_head(0), read_head(1)};
  const std::size_t counts = decode_register_head(blocks[0]) ? 0 : 1;
  const auto head = decode_register_head(blocks[counts]);
  if (!head) {
    return refuse("has no head that can be read. If a later reki than this one (" + this_reki() +
                  ") has run here, start that again and leave the data directory as it is; else the file is damaged" +
                  how_to_replace());
  }
  if (head->form > newest) {
    return refuse("has form " + std::to_string(head->form) + " and was written by " + head->written_by + ". This is " +
                  this_reki() + ", which reads forms up to " + std::to_string(newest) + ": start " + head->written_by +
                  " or a later one on this node again, and leave the data directory as it is, for in it is what this voter "
                  "has promised");
  }
  form_ = head->form;
  if (form_ < twice_form) {
    halves_ = 1;
    return {};
  }
  head_ = blocks[counts];
  if (blocks[1 - counts] != head_) {
    head_damage_ = Damage{"the head " + at_byte(head_at(1 - counts)) + " cannot be read; the other one counts", false};
  }
  return {};
}

/// Empty: the disk has lost it.
Bytes RegisterFile::read_head(std::size_t half) const {
  return file_.read(register_head_bytes, head_at(half), *ops_).value_or(Bytes{});
}

/// The good one is written over with the same bytes, so that it does no harm if it is cut short.
Result<void> RegisterFile::make_heads_sure() const {
  auto done = write_head(1);
  if (done) done = write_head(0);
  if (done) done = sync();
  return done;
}

RegisterFile::Copy RegisterFile::read_copy(std::size_t half, std::size_t place) const {
  Copy out;
  const off_t at = slot_at(half, place);
  auto bytes = file_.read(membership::voter_slot_head_bytes, at, *ops_);
  const auto length = bytes ? membership::voter_slot_length(*bytes) : std::nullopt;
  // Where no slot begins all of it is looked at: only its first sector may be lost.
  if (bytes) bytes = file_.read(length.value_or(voter_slot_bytes), at, *ops_);
  if (!bytes) {
    out.unreadable = std::move(bytes).error();
    return out;
  }
  out.blank = !length && bytes->find_first_not_of('\0') == Bytes::npos;
  if (auto slot = membership::decode_voter_slot(*bytes)) {
    out.slot = std::move(*slot);
    out.bytes = std::move(*bytes);
  }
  return out;
}

Result<RegisterFile::Slot> RegisterFile::read(std::size_t place) const {
  std::array<Copy, halves_max> copies;
  const Copy* newest = nullptr;
  for (std::size_t half = 0; half < halves_; ++half) {
    const Copy& copy = copies[half] = read_copy(half, place);
    if (copy.slot && (newest == nullptr || newest->slot->counter < copy.slot->counter)) newest = &copy;
  }
  if (halves_ == 1) copies[1] = copies[0];
  for (const Copy& copy : copies) {
    if (newest == nullptr && copy.unreadable) return refuse("is damaged: " + copy.unreadable->text + how_to_replace());
  }
  if (newest == nullptr) return Slot{std::nullopt, damage_of(copies, place, nullptr)};
  return Slot{newest->slot, damage_of(copies, place, &*newest->slot)};
}

std::optional<RegisterFile::Damage> RegisterFile::damage_of(const std::array<Copy, halves_max>& copies, std::size_t place,
                                                            const VoterSlot* newest) {
  if (newest == nullptr) {
    if (copies[0].blank && copies[1].blank) return std::nullopt;
    return Damage{"no copy of the record " + at_byte(slot_at(0, place)) + " can be read; the one before counts", true};
  }
  for (std::size_t half = 0; half < halves_max; ++half) {
    const Copy& copy = copies[half];
    if (copy.slot && copy.slot->counter == newest->counter) continue;
    const std::string where = "a copy of a record, " + at_byte(slot_at(half, place));
    if (copy.slot) return Damage{where + ", is an earlier record; the other copy counts", true};
    return Damage{where + ", cannot be read; the other copy counts", false};
  }
  return std::nullopt;
}

Result<void> RegisterFile::write(std::size_t place, const VoterSlot& slot) const {
  const Bytes bytes = encode(slot);
  for (std::size_t half = 0; half < halves_; ++half) {
    if (auto done = file_.write(bytes, slot_at(half, place), *ops_); !done) return done;
  }
  return {};
}

Result<void> RegisterFile::raise(std::uint32_t form) {
  head_ = new_head(form);
  auto done = write_head(1);
  if (done) done = sync();
  if (done) done = write_head(0);
  if (done) done = sync();
  if (done) form_ = form;
  return done;
}

/// The second half is made of the first, which stays as it is, and is on the disk before the first head says that there
/// is one. A head that is torn then is no head, and the second one counts.
Result<void> RegisterFile::convert() {
  if (const int number = ::posix_fallocate(file_.fd(), 0, head_at(halves_max)); number != 0) {
    return file_error("get " + std::to_string(head_at(halves_max) / 1024) + " KiB of disk for", path(), number);
  }
  Result<void> done;
  for (std::size_t place = 0; done && place < slots; ++place) {
    const Copy copy = read_copy(0, place);
    if (copy.unreadable) return tl::make_unexpected(*copy.unreadable);  // since it was read before
    done = file_.write(copy.bytes, slot_at(1, place), *ops_);
  }
  if (done) done = raise(twice_form);
  if (done) halves_ = halves_max;
  return done;
}

}  // namespace reki
