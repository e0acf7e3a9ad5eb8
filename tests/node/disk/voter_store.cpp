#include "reki/node/disk/voter_store.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

#include "../core/membership/control_messages.hpp"
#include "temporary_dir.hpp"

using namespace reki;
using membership::voter_slot_bytes;
using membership::VoterRecord;

namespace {

const NodeId n1{"n1"};

struct Opened {
  explicit Opened(const std::string& path, const std::string& cluster = "shop", const NodeId& node = n1)
      : dir(DataDir::open(path, cluster, node).value()) {}
  Result<VoterStore> store(FileOps& ops = system_files()) { return VoterStore::open(dir, 77, ops); }
  DataDir dir;
};

VoterRecord with(std::uint64_t promised, membership::ViewPtr view = nullptr, std::uint64_t store = 77) {
  return {view ? view->cluster_id() : "", store, Term{promised}, Term{promised / 2}, view};
}

/// What somebody who opens the directory anew finds.
VoterRecord found(const std::string& path) { return Opened{path}.store().value().record(); }

bool refused(const Result<VoterStore>& store, std::string_view text, ErrorCode code = ErrorCode::bad_data_dir) {
  BOOST_REQUIRE(!store.has_value());
  BOOST_TEST((store.error().code == code));
  BOOST_TEST_MESSAGE(store.error().text);
  return store.error().text.find(text) != std::string::npos;
}

bool disk_failed(const Result<VoterStore>& store, std::string_view text) {
  return refused(store, text, ErrorCode::data_dir_unavailable);
}

Bytes bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

void put_bytes(const std::string& path, const Bytes& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

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

class FullDisk : public FileOps {
 public:
  ssize_t pwrite(int, const void*, std::size_t, off_t) override { return errno = ENOSPC, -1; }
};

class NoSync : public FileOps {
 public:
  int fdatasync(int) override { return errno = EIO, -1; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(voter_store)

BOOST_AUTO_TEST_CASE(an_empty_directory_gives_an_empty_store_that_is_on_the_disk_at_once) {
  const test::TemporaryDir temporary;
  Opened opened{temporary / "d"};
  const auto store = opened.store();
  BOOST_REQUIRE_MESSAGE(store, store.error().text);
  BOOST_TEST((store->record().store == 77U && store->record().view == nullptr && store->record().cluster.empty()));
  BOOST_TEST(!store->was_damaged());
  BOOST_TEST(bytes_of(temporary / "d/register").starts_with("reki register, version 1\n"));
  BOOST_TEST(VoterStore::open(opened.dir, 78).value().record().store == 77U);  // it keeps its number
}

BOOST_AUTO_TEST_CASE(what_was_written_is_found_again) {
  const test::TemporaryDir temporary;
  const auto view = test::control_view("shop", 9);
  for (std::uint64_t i = 1; i <= 7; ++i) {
    Opened opened{temporary / "d"};
    auto store = opened.store().value();
    for (std::uint64_t k = 0; k < i; ++k) BOOST_REQUIRE(store.write(with(10 * i + k, view)));
    BOOST_TEST((store.record().promised == Term{11 * i - 1}));
    BOOST_TEST(!store.was_damaged());
  }
  const VoterRecord record = found(temporary / "d");
  BOOST_TEST((record.promised == Term{76} && record.accepted == Term{38} && record.cluster == "shop"));
  BOOST_TEST((*record.view == *view && record.store == 77U));
}

BOOST_AUTO_TEST_CASE(a_write_torn_at_any_byte_leaves_the_record_before) {
  const test::TemporaryDir temporary;
  const std::string path = temporary / "d";
  { BOOST_REQUIRE(Opened{path}.store().value().write(with(1))); }
  const std::size_t whole = encode(membership::VoterSlot{1, with(2)}).size();
  for (std::size_t n = 0; n < whole; ++n) {
    {
      Opened opened{path};
      auto store = opened.store().value();
      // The next one, torn after n bytes, over what is in the oldest slot.
      TornFiles torn{n + whole};
      auto again = VoterStore::open(opened.dir, 77, torn).value();
      const auto written = again.write(with(1000 + n));
      BOOST_REQUIRE(!written);
      BOOST_TEST((again.record().promised == Term{1 + n}));
      BOOST_TEST(!again.write(with(5000)));  // never again
    }
    BOOST_REQUIRE((found(path).promised == Term{1 + n}));
    BOOST_REQUIRE(Opened{path}.store().value().write(with(2 + n)));
  }
}

BOOST_AUTO_TEST_CASE(a_large_write_torn_somewhere_leaves_the_record_before) {
  const test::TemporaryDir temporary;
  const std::string path = temporary / "d";
  std::mt19937_64 random{1};
  const auto view = [](std::uint64_t mix) { return test::control_view("shop", 5, mix); };
  const std::size_t whole = encode(membership::VoterSlot{1, with(1, view(1))}).size();
  { BOOST_REQUIRE(Opened{path}.store().value().write(with(1, view(1)))); }
  for (std::uint64_t i = 1; i <= 40; ++i) {
    const std::size_t n = i < 20 ? random() % 200 : random() % (whole - 200);
    {
      Opened opened{path};
      TornFiles torn{whole + n};  // one to open, and n bytes
      auto store = opened.store(torn).value();
      BOOST_REQUIRE(!store.write(with(i + 100, view(i + 100))));
    }
    BOOST_REQUIRE((found(path).promised == Term{i}));
    BOOST_REQUIRE(Opened{path}.store().value().write(with(i + 1, view(i + 1))));
  }
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_in_any_slot_is_told_and_its_neighbours_are_used) {
  const test::TemporaryDir temporary{test::TemporaryDir::in_memory()};
  const std::string path = temporary / "d";
  for (std::uint64_t i = 1; i <= 3; ++i) BOOST_REQUIRE(Opened{path}.store().value().write(with(i)));
  const Bytes good = bytes_of(path + "/register");
  const std::size_t whole = encode(membership::VoterSlot{1, with(3)}).size();
  for (std::size_t bit = 0; bit < 3 * whole * 8; ++bit) {
    Bytes bytes = good;
    const std::size_t at = 4096 + bit % 3 * voter_slot_bytes + bit / 3 / 8;
    bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit / 3 % 8);
    put_bytes(path + "/register", bytes);
    Opened opened{path};
    const auto store = opened.store();
    BOOST_REQUIRE(store);
    BOOST_REQUIRE(store->was_damaged());
    BOOST_REQUIRE((store->record().promised >= Term{2}));
    BOOST_REQUIRE(!opened.store()->was_damaged());  // it has been written over
  }
}

BOOST_AUTO_TEST_CASE(a_foreign_register_is_refused_and_never_written) {
  const test::TemporaryDir temporary;
  const std::string path = temporary / "d";
  const std::string file = path + "/register";
  BOOST_REQUIRE(Opened{path}.store().value().write(with(5, test::control_view("shop", 5))));
  const Bytes good = bytes_of(file);

  std::filesystem::remove(path + "/lock");
  BOOST_TEST(refused(Opened(path, "shop-eu").store(), "is of cluster 'shop', not of 'shop-eu'; correct data_dir"));
  BOOST_TEST((bytes_of(file) == good));
  std::filesystem::remove(path + "/lock");
  // Store 77 is nobody's voter in that view; 0x1001 is n1's.
  BOOST_TEST(Opened(path, "shop", NodeId{"n2"}).store().has_value());
  BOOST_REQUIRE(std::filesystem::remove(file) && std::filesystem::remove(path + "/lock"));
  {
    Opened opened{path};
    auto store = VoterStore::open(opened.dir, 0x1001).value();
    BOOST_REQUIRE(store.write(with(5, test::control_view("shop", 5), 0x1001)));
  }
  const Bytes of_n1 = bytes_of(file);
  std::filesystem::remove(path + "/lock");
  BOOST_TEST(refused(Opened(path, "shop", NodeId{"n2"}).store(), "is that of node 'n1', not of 'n2'"));
  BOOST_TEST((bytes_of(file) == of_n1));
  std::filesystem::remove(path + "/lock");
  BOOST_TEST(VoterStore::open(Opened(path).dir, 77).has_value());
  put_bytes(file, good);

  Bytes broken = good;
  for (std::size_t place = 0; place < 3; ++place) broken[4096 + place * voter_slot_bytes + 45] ^= 1;
  for (const Bytes& bad : {broken, "x" + good, Bytes{}, good.substr(0, 4096), Bytes(good.size(), '\0')}) {
    put_bytes(file, bad);
    BOOST_TEST(refused(Opened{path}.store(), "remove the data directory"));
    BOOST_TEST((bytes_of(file) == bad));
  }
  put_bytes(file, good);
  BOOST_TEST((found(path).promised == Term{5}));
}

BOOST_AUTO_TEST_CASE(an_empty_store_belongs_to_no_cluster_yet) {
  const test::TemporaryDir temporary;
  { BOOST_REQUIRE(Opened(temporary / "d", "old-name").store()); }
  std::filesystem::remove(temporary / "d/lock");
  BOOST_TEST(Opened(temporary / "d", "new-name").store().has_value());
}

BOOST_AUTO_TEST_CASE(a_sync_that_fails_ends_all_writing) {
  const test::TemporaryDir temporary;
  Opened opened{temporary / "d"};
  BOOST_REQUIRE(opened.store().value().write(with(1)));
  NoSync no_sync;
  BOOST_TEST(disk_failed(opened.store(no_sync), "cannot sync"));
  class LaterNoSync : public FileOps {
   public:
    int fdatasync(int fd) override { return ++calls == 2 ? (errno = EIO, -1) : FileOps::fdatasync(fd); }
    int calls = 0;
  } later;
  auto store = opened.store(later).value();
  const auto written = store.write(with(2));
  BOOST_REQUIRE(!written);
  BOOST_TEST((written.error().text.find("cannot sync") != std::string::npos));
  BOOST_TEST((written.error().text.find("the process must end") != std::string::npos));
  BOOST_TEST((store.record().promised == Term{1}));
  BOOST_TEST(!store.write(with(3)));
  BOOST_TEST(later.calls == 2);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error_and_leaves_the_record_before) {
  const test::TemporaryDir temporary;
  FullDisk full;
  {
    Opened opened{temporary / "d"};
    BOOST_TEST(disk_failed(opened.store(full), "No space left on device"));
    BOOST_TEST(!std::filesystem::exists(temporary / "d/register"));
    BOOST_TEST(!std::filesystem::exists(temporary / "d/register.new"));
    BOOST_REQUIRE(opened.store().value().write(with(1)));
    BOOST_TEST(disk_failed(opened.store(full), "No space left on device"));
  }
  BOOST_TEST((found(temporary / "d").promised == Term{1}));
}

BOOST_AUTO_TEST_CASE(a_store_that_does_not_get_its_room_is_not_made) {
  const test::TemporaryDir temporary;
  Opened opened{temporary / "d"};
  rlimit before{};
  BOOST_REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{64 << 10, before.rlim_max};
  BOOST_REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto store = opened.store();
  BOOST_REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  BOOST_TEST(disk_failed(store, "cannot get 784 KiB of disk"));
  BOOST_TEST(!std::filesystem::exists(temporary / "d/register.new"));
  BOOST_TEST(opened.store().has_value());
}

BOOST_AUTO_TEST_CASE(openings_whose_syncs_fail_leave_the_record_that_is_surely_on_the_disk) {
  class SyncsOnce : public FileOps {
   public:
    int fdatasync(int fd) override { return calls_++ > 0 ? (errno = EIO, -1) : FileOps::fdatasync(fd); }

   private:
    int calls_ = 0;
  };
  for (std::uint64_t writes = 1; writes <= 3; ++writes) {  // so that each slot is the newest once
    const test::TemporaryDir temporary;
    const std::string path = temporary / "d";
    for (std::uint64_t i = 1; i <= writes; ++i) BOOST_REQUIRE(Opened{path}.store().value().write(with(i)));
    SyncsOnce syncs_once;
    Bytes sure;
    {
      Opened opened{path};
      auto store = opened.store(syncs_once).value();
      sure = bytes_of(path + "/register");
      BOOST_REQUIRE(!store.write(with(9)));  // can be read from now on, and is only in the system's memory
    }
    NoSync no_sync;
    for (int process = 0; process < 6; ++process) BOOST_TEST(disk_failed(Opened{path}.store(no_sync), "cannot sync"));
    // Power is lost: what was written since is neither old nor new.
    const Bytes seen = bytes_of(path + "/register");
    Bytes left = sure;
    for (std::size_t place = 0; place < 3; ++place) {
      const std::size_t at = 4096 + place * voter_slot_bytes;
      if (seen.compare(at, voter_slot_bytes, sure, at, voter_slot_bytes) != 0) left.replace(at, 64, Bytes(64, 'x'));
    }
    BOOST_TEST((left != sure));
    put_bytes(path + "/register", left);
    BOOST_TEST((found(path).promised == Term{writes}));
  }
}

// --- a disk that loses what it may lose

namespace {

/// What is written stands in the system's memory until a sync; a sync that fails leaves of it on the disk what it
/// likes, and the rest is never tried again, though it can still be read; a loss of power leaves of what was not synced
/// what it likes. All by sectors.
class MeanDisk : public FileOps {
 public:
  MeanDisk(std::string file, std::uint64_t seed) : file_(std::move(file)), random_(seed), disk_(bytes_of(file_)) {}

  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    if (random_() % 10 == 0) size = random_() % size;  // cut short: by a crash, or to be continued
    const ssize_t n = size == 0 ? 0 : FileOps::pwrite(fd, data, size, offset);
    for (auto at = offset / sector; at * sector < offset + n; ++at) pending_.push_back(static_cast<std::size_t>(at));
    if (random_() % 10 == 0) return errno = EIO, -1;
    return n;
  }
  int fdatasync(int) override {
    const bool fails = random_() % 2 == 0;
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
  [[nodiscard]] bool happens(std::uint64_t one_in) { return random_() % one_in == 0; }

 private:
  static constexpr off_t sector = 512;

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
  std::vector<std::size_t> lost_;  ///< What the disk did not get: the next loss of power tells.
};

/// Writes, crashes, failed syncs and losses of power in any order. The greatest record that was ever acknowledged is
/// there whenever the store can be opened.
void survives(std::uint64_t seed, const membership::ViewPtr& view) {
  const test::TemporaryDir temporary{test::TemporaryDir::in_memory()};
  const std::string path = temporary / "d";
  { BOOST_REQUIRE(Opened{path}.store()); }
  MeanDisk disk{path + "/register", seed};
  std::uint64_t acknowledged = 0;
  std::uint64_t next = 0;
  int opened_times = 0;
  for (int process = 0; process < 100; ++process) {
    if (disk.happens(3)) disk.lose_power();
    Opened opened{path};
    auto store = opened.store(disk);
    if (!store) {
      BOOST_REQUIRE_MESSAGE(store.error().text.find("cannot") != std::string::npos, store.error().text);
      continue;
    }
    ++opened_times;
    const std::uint64_t has = store->record().promised.value;
    BOOST_REQUIRE_MESSAGE(has >= acknowledged && has <= next, "process " << process << " of seed " << seed << " has " << has
                                                                      << ", acknowledged was " << acknowledged);
    acknowledged = has;  // whoever reads it acts on it
    while (!disk.happens(4) && store->write(with(++next, view))) acknowledged = next;
  }
  BOOST_TEST(opened_times > 5);
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_record_that_was_acknowledged_or_read_is_lost_whatever_the_disk_may_lose) {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) survives(seed, nullptr);
  for (std::uint64_t seed = 25; seed <= 27; ++seed) survives(seed, test::control_view("shop", 5));
}

BOOST_AUTO_TEST_SUITE_END()
