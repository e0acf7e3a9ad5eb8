#include "reki/node/disk/voter_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "reki/core/base/assert.hpp"

namespace reki {
namespace {

using membership::voter_slot_bytes;
using membership::VoterRecord;
using membership::VoterSlot;

constexpr std::string_view title = "reki register, version 1\n";
constexpr off_t slots_at = 4096;
static_assert(voter_slot_bytes % 4096 == 0, "no block of the disk belongs to two slots");

off_t offset_of(std::size_t place) { return slots_at + static_cast<off_t>(place * voter_slot_bytes); }

std::string path_in(const DataDir& dir) { return dir.path() + "/register"; }

struct ReadSlot {
  std::optional<VoterSlot> slot;
  bool blank = false;  ///< It was never written.
};

Result<ReadSlot> read_slot(const File& file, std::size_t place) {
  const auto head = file.read(membership::voter_slot_head_bytes, offset_of(place));
  if (!head) return tl::make_unexpected(head.error());
  ReadSlot out;
  out.blank = head->find_first_not_of('\0') == Bytes::npos;
  const auto length = membership::voter_slot_length(*head);
  if (!length) return out;
  const auto bytes = file.read(*length, offset_of(place));
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (auto slot = membership::decode_voter_slot(*bytes)) out.slot = std::move(*slot);
  return out;
}

tl::unexpected<Error> refuse(const std::string& path, const std::string& what) {
  return fail(ErrorCode::bad_data_dir, "the voter's register '" + path + "' " + what);
}

constexpr const char* replace_it =
    "; if it cannot be had back, remove the data directory: the node comes back with an empty one, and the cluster "
    "makes that its voter as long as the other voters are a majority";

/// The node whose voter the store was when it was written last; null: nobody's.
const NodeId* voter_of(const VoterRecord& record) {
  if (!record.view) return nullptr;
  for (const auto voters : {record.view->voters(), record.view->old_voters()}) {
    const auto it = std::ranges::find(voters, record.store, &Voter::store);
    if (it != voters.end()) return &it->node;
  }
  return nullptr;
}

/// What is wrong with having this record in this directory; empty: nothing.
std::string misplacement(const VoterRecord& record, const DataDir& dir) {
  if (record.view && record.cluster != dir.cluster()) {
    return "is of cluster '" + record.cluster + "', not of '" + dir.cluster() +
           "'; correct data_dir or the cluster's name";
  }
  const NodeId* const node = voter_of(record);
  if (node == nullptr || *node == dir.node()) return {};
  return "is that of node '" + node->value + "', not of '" + dir.node().value +
         "'; give each node its own directory back";
}

}  // namespace

bool VoterStore::is_in(const DataDir& dir) { return ::access(path_in(dir).c_str(), F_OK) == 0 || errno != ENOENT; }

Result<VoterStore> VoterStore::open(const DataDir& dir, std::uint64_t fresh, FileOps& ops) {
  if (!is_in(dir)) {
    if (auto made = create(dir, fresh, ops); !made) return tl::make_unexpected(std::move(made).error());
  }
  auto file = File::open(path_in(dir), O_RDWR);
  if (!file) return tl::make_unexpected(std::move(file).error());
  return read(std::move(*file), dir, ops);
}

/// Under another name until all of it is on the disk: so that a register which is there is a whole one.
Result<void> VoterStore::create(const DataDir& dir, std::uint64_t fresh, FileOps& ops) {
  REKI_ASSERT(fresh != 0);
  const std::string path = path_in(dir);
  const std::string temporary = path + ".new";
  auto file = File::open(temporary, O_RDWR | O_CREAT | O_TRUNC);
  if (!file) return tl::make_unexpected(std::move(file).error());
  const auto fill = [&]() -> Result<void> {
    if (const int number = ::posix_fallocate(file->fd(), 0, offset_of(places)); number != 0) {
      return file_error("get " + std::to_string(offset_of(places) / 1024) + " KiB of disk for", temporary, number);
    }
    auto done = file->write(title, 0, ops);
    if (done) done = file->write(encode(VoterSlot{1, VoterRecord{{}, fresh, {}, {}, nullptr}}), offset_of(0), ops);
    if (done) done = file->sync(ops);
    if (done && std::rename(temporary.c_str(), path.c_str()) != 0) return file_error("rename", temporary, errno);
    return done;
  };
  if (auto filled = fill(); !filled) {
    ::unlink(temporary.c_str());
    return filled;
  }
  return sync_directory(dir.path());
}

Result<VoterStore> VoterStore::read(File file, const DataDir& dir, FileOps& ops) {
  const auto head = file.read(title.size(), 0);
  if (!head) return tl::make_unexpected(head.error());
  if (*head != title) return refuse(file.path(), "is none, or of another version of reki" + std::string(replace_it));
  Counters counters{};
  std::optional<VoterSlot> newest;
  bool damaged = false;
  for (std::size_t place = 0; place < places; ++place) {
    auto got = read_slot(file, place);
    if (!got) return tl::make_unexpected(std::move(got).error());
    damaged = damaged || (!got->slot && !got->blank);
    if (!got->slot) continue;
    counters[place] = got->slot->counter;
    if (!newest || newest->counter < got->slot->counter) newest = std::move(got->slot);
  }
  if (!newest) return refuse(file.path(), "is damaged: none of its records can be read" + std::string(replace_it));
  if (const auto wrong = misplacement(newest->record, dir); !wrong.empty()) return refuse(file.path(), wrong);
  VoterStore out{std::move(file), std::move(newest->record), counters, ops};
  out.damaged_ = damaged;
  if (auto written = out.write_again(); !written) return tl::make_unexpected(std::move(written).error());
  return out;
}

/// After this the record is on the disk, and its slot of before, of which that is not sure, is free.
Result<void> VoterStore::write_again() {
  const auto newest = std::ranges::max_element(counters_);
  const std::uint64_t counter = *newest;
  auto target = counters_.end();
  for (auto it = counters_.begin(); it != counters_.end(); ++it) {
    if (it == newest || (target != counters_.end() && *target == counter)) continue;
    // A copy that an earlier opening did not get onto the disk, else the oldest: never the one before the newest.
    if (target == counters_.end() || *it == counter || *it < *target) target = it;
  }
  auto done = put(static_cast<std::size_t>(target - counters_.begin()), counter, record_);
  if (done) *newest = 0;
  return done;
}

Result<void> VoterStore::write(const VoterRecord& record) {
  REKI_ASSERT(record.store == record_.store);
  if (failed_) return refuse(file_.path(), "could not be written before: the process must end");
  const auto oldest = std::ranges::min_element(counters_);
  auto done = put(static_cast<std::size_t>(oldest - counters_.begin()), std::ranges::max(counters_) + 1, record);
  if (done) record_ = record;
  return done;
}

Result<void> VoterStore::put(std::size_t place, std::uint64_t counter, const VoterRecord& record) {
  auto done = file_.write(encode(VoterSlot{counter, record}), offset_of(place), *ops_);
  if (done) done = file_.sync(*ops_);
  if (done) {
    counters_[place] = counter;
  } else {
    failed_ = true;
    done.error().text += "; the process must end: see to the disk, then start the node again";
  }
  return done;
}

}  // namespace reki
