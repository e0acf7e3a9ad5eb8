#include "reki/node/disk/voter_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/membership/reach.hpp"
#include "reki/core/membership/rescue.hpp"

namespace reki {
namespace {

using membership::VoterRecord;
using membership::VoterSlot;

std::string path_in(const DataDir& dir) { return dir.path() + "/register"; }

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

Result<VoterStore> VoterStore::open(const DataDir& dir, std::uint64_t fresh, FileOps& ops, const LevelRange& levels) {
  if (!is_in(dir)) {
    REKI_ASSERT(fresh != 0);
    const VoterSlot empty{1, VoterRecord{{}, fresh, {}, {}, nullptr}};
    auto made = RegisterFile::create(path_in(dir), register_form_of(levels.min), empty, ops);
    if (made) made = sync_directory(dir.path());
    if (!made) return tl::make_unexpected(std::move(made).error());
  }
  auto file = RegisterFile::open(path_in(dir), register_form_of(levels.max), ops);
  if (!file) return tl::make_unexpected(std::move(file).error());
  return read(std::move(*file), dir, levels);
}

Result<VoterStore> VoterStore::read(RegisterFile file, const DataDir& dir, const LevelRange& levels) {
  VoterStore out{std::move(file)};
  std::vector<std::size_t> damaged;
  std::uint64_t newest = 0;
  for (std::size_t place = 0; place < places; ++place) {
    auto got = out.file_.read(place);
    if (!got) return tl::make_unexpected(std::move(got).error());
    if (got->damage) {
      damaged.push_back(place);
      out.damage_.push_back(std::move(*got->damage));
    }
    if (!got->newest) continue;
    out.counters_[place] = got->newest->counter;
    if (newest < got->newest->counter) out.record_ = std::move(got->newest->record);
    newest = std::max(newest, out.counters_[place]);
  }
  if (auto usable = out.check(newest, dir, levels); !usable) return tl::make_unexpected(std::move(usable).error());
  if (auto believed = out.make_sure(damaged); !believed) return tl::make_unexpected(std::move(believed).error());
  return out;
}

/// Changes nothing.
Result<void> VoterStore::check(std::uint64_t newest, const DataDir& dir, const LevelRange& levels) const {
  if (newest == 0) {
    return file_.refuse("is damaged: none of its records can be read" + RegisterFile::how_to_replace());
  }
  if (const auto wrong = misplacement(record_, dir); !wrong.empty()) return file_.refuse(wrong);
  if (record_.view) {
    if (const std::string fault = membership::level_fault_of(*record_.view, levels); !fault.empty()) return file_.refuse("says that " + fault);
  }
  if (record_.is_over()) return file_.refuse("is retired: " + membership::retired_text(dir.cluster(), record_.lineage));
  if (!file_.is_form_1() || damage_.empty()) return {};
  return file_.refuse(
      "is of an earlier reki, which kept each record once, and one of them cannot be read. If the machine has crashed "
      "meanwhile, start that reki once more: it goes on with the record before. If it has not, the disk has damaged the "
      "record" +
      RegisterFile::how_to_replace());
}

/// What was read is on the disk afterwards, all of it twice and in this reki's form.
Result<void> VoterStore::make_sure(const std::vector<std::size_t>& damaged) {
  if (file_.head_damage()) damage_.push_back(*file_.head_damage());
  auto done = file_.is_form_1() ? file_.convert() : file_.make_heads_sure();
  if (!done) return failed(std::move(done));
  const auto sure = write_again();
  if (!sure) return tl::make_unexpected(sure.error());
  for (const std::size_t place : damaged) {
    if (place == *sure || !done) continue;
    done = put(place, counters_[*sure], record_);
    counters_[place] = 0;
  }
  return done;
}

/// After this the record is on the disk, and its slot of before, of which that is not sure, is free. Returns the new one.
Result<std::size_t> VoterStore::write_again() {
  const auto newest = std::ranges::max_element(counters_);
  const std::uint64_t counter = *newest;
  auto target = counters_.end();
  for (auto it = counters_.begin(); it != counters_.end(); ++it) {
    if (it == newest || (target != counters_.end() && *target == counter)) continue;
    // A copy that an earlier opening did not get onto the disk, else the oldest: never the one before the newest.
    if (target == counters_.end() || *it == counter || *it < *target) target = it;
  }
  const auto place = static_cast<std::size_t>(target - counters_.begin());
  if (auto done = put(place, counter, record_); !done) return tl::make_unexpected(std::move(done).error());
  *newest = 0;
  return place;
}

Result<void> VoterStore::write(const VoterRecord& record) {
  REKI_ASSERT(record.store == record_.store || !record.view || record.lineage != record_.lineage);
  if (failed_) return file_.refuse("could not be written before: the process must end");
  if (const std::uint32_t form = register_form_of(record.level); form > file_.form()) {
    if (auto raised = file_.raise(form); !raised) return failed(std::move(raised));
  }
  const auto oldest = std::ranges::min_element(counters_);
  auto done = put(static_cast<std::size_t>(oldest - counters_.begin()), std::ranges::max(counters_) + 1, record);
  if (done) record_ = record;
  return done;
}

Result<void> VoterStore::put(std::size_t place, std::uint64_t counter, const VoterRecord& record) {
  auto done = file_.write(place, VoterSlot{counter, record});
  if (done) done = file_.sync();
  if (!done) return failed(std::move(done));
  counters_[place] = counter;
  return done;
}

Result<void> VoterStore::failed(Result<void> why) {
  failed_ = true;
  why.error().text += "; the process must end: see to the disk, then start the node again";
  return why;
}

}  // namespace reki
