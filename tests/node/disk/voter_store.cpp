#include "reki/node/disk/voter_store.hpp"

#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <random>

#include "../core/membership/control_messages.hpp"
#include "store_stage.hpp"
#include "temporary_dir.hpp"

using namespace reki;
using membership::VoterRecord;
using test::bytes_of;
using test::disk_failed;
using test::found;
using test::n1;
using test::Opened;
using test::put_bytes;
using test::refused;
using test::slot_at;
using test::TornFiles;
using test::with;

namespace {

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
  BOOST_TEST(store->damage().empty());
  const Bytes file = bytes_of(temporary / "d/register");
  BOOST_TEST(file.starts_with("reki register, version 2\nwritten by reki "));
  BOOST_TEST(file.size() == 2 * test::half_bytes);
  BOOST_TEST((file.substr(0, test::half_bytes) == file.substr(test::half_bytes)));
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
    BOOST_TEST(store.damage().empty());
  }
  const VoterRecord record = found(temporary / "d");
  BOOST_TEST((record.promised == Term{76} && record.accepted == Term{38} && record.cluster == "shop"));
  BOOST_TEST((*record.view == *view && record.store == 77U));
}

BOOST_AUTO_TEST_CASE(a_write_torn_at_any_byte_leaves_the_record_before_or_is_there_whole) {
  const test::TemporaryDir temporary;
  const std::string path = temporary / "d";
  { BOOST_REQUIRE(Opened{path}.store().value().write(with(1))); }
  const std::size_t opening = 2 * (register_head_bytes + encode(membership::VoterSlot{1, with(2)}).size());
  const std::size_t copy = encode(membership::VoterSlot{1, with(1000)}).size();
  for (std::size_t n = 0; n < 2 * copy; ++n) {
    {
      Opened opened{path};
      auto store = opened.store().value();
      // The next one, torn after n bytes, over what is in the oldest slot.
      TornFiles torn{opening + n};
      auto again = VoterStore::open(opened.dir, 77, torn).value();
      const auto written = again.write(with(1000 + n));
      BOOST_REQUIRE(!written);
      BOOST_TEST((again.record().promised == Term{1 + n}));
      BOOST_TEST(!again.write(with(5000)));  // never again
    }
    BOOST_REQUIRE((found(path).promised == Term{n < copy ? 1 + n : 1000 + n}));
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
      TornFiles torn{2 * (register_head_bytes + whole) + n};  // to open, and n bytes
      auto store = opened.store(torn).value();
      BOOST_REQUIRE(!store.write(with(i + 100, view(i + 100))));
    }
    BOOST_REQUIRE((found(path).promised == Term{i}));
    BOOST_REQUIRE(Opened{path}.store().value().write(with(i + 1, view(i + 1))));
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
  for (std::size_t part = 0; part < 6; ++part) broken[slot_at(part / 3, part % 3) + 45] ^= 1;
  for (const Bytes& bad : {broken, "x" + good, Bytes{}, good.substr(0, 4096), Bytes(good.size(), '\0')}) {
    put_bytes(file, bad);
    BOOST_TEST(refused(Opened{path}.store(), "remove the data directory"));
    BOOST_TEST((bytes_of(file) == bad));
  }
  put_bytes(file, good);
  BOOST_TEST((found(path).promised == Term{5}));
}

BOOST_AUTO_TEST_CASE(a_store_that_a_rescue_has_retired_is_refused_from_then_on) {
  const test::TemporaryDir temporary;
  const std::string path = temporary / "d";
  {
    auto opened = Opened{path};
    auto store = opened.store().value();
    BOOST_REQUIRE(store.write(with(1, test::control_view("shop", 9))));
    BOOST_REQUIRE(store.write(VoterRecord{"shop", 99, {}, {}, nullptr, first_level, Lineage{std::uint64_t{9} << 58}, 77}));
  }
  for (int again = 0; again < 2; ++again) {
    Opened opened{path};
    const auto store = opened.store();
    BOOST_REQUIRE(!store);
    BOOST_TEST((store.error().code == ErrorCode::bad_data_dir));
    BOOST_TEST(store.error().text.find("was rescued without this node's, as lineage 2400000000000000") != std::string::npos, store.error().text);
    BOOST_TEST(store.error().text.find("remove its data directory") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(the_survivor_of_a_rescue_is_opened_with_its_new_store) {
  const test::TemporaryDir temporary;
  const std::string path = temporary / "d";
  const Lineage lineage{std::uint64_t{9} << 58 | 1};
  {
    auto opened = Opened{path};
    auto store = opened.store().value();
    BOOST_REQUIRE(store.write(with(1, test::control_view("shop", 9))));
    BOOST_REQUIRE(store.write(VoterRecord{"shop", 99, Term{5}, {}, test::control_view("shop", 10), first_level, lineage, 77}));
  }
  const VoterRecord record = found(path);
  BOOST_TEST((record.store == 99U && record.retired == 77U && record.lineage == lineage && record.view != nullptr));
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
    int fdatasync(int fd) override { return ++calls == 3 ? (errno = EIO, -1) : FileOps::fdatasync(fd); }
    int calls = 0;
  } later;
  auto store = opened.store(later).value();
  const auto written = store.write(with(2));
  BOOST_REQUIRE(!written);
  BOOST_TEST((written.error().text.find("cannot sync") != std::string::npos));
  BOOST_TEST((written.error().text.find("the process must end") != std::string::npos));
  BOOST_TEST((store.record().promised == Term{1}));
  BOOST_TEST(!store.write(with(3)));
  BOOST_TEST(later.calls == 3);
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
  BOOST_TEST(disk_failed(store, "cannot get 1568 KiB of disk"));
  BOOST_TEST(!std::filesystem::exists(temporary / "d/register.new"));
  BOOST_TEST(opened.store().has_value());
}

BOOST_AUTO_TEST_CASE(openings_whose_syncs_fail_leave_the_record_that_is_surely_on_the_disk) {
  class SyncsAtOpening : public FileOps {
   public:
    int fdatasync(int fd) override { return calls_++ > 1 ? (errno = EIO, -1) : FileOps::fdatasync(fd); }

   private:
    int calls_ = 0;
  };
  for (std::uint64_t writes = 1; writes <= 3; ++writes) {  // so that each slot is the newest once
    const test::TemporaryDir temporary;
    const std::string path = temporary / "d";
    for (std::uint64_t i = 1; i <= writes; ++i) BOOST_REQUIRE(Opened{path}.store().value().write(with(i)));
    SyncsAtOpening syncs_at_opening;
    Bytes sure;
    {
      Opened opened{path};
      auto store = opened.store(syncs_at_opening).value();
      sure = bytes_of(path + "/register");
      BOOST_REQUIRE(!store.write(with(9)));  // can be read from now on, and is only in the system's memory
    }
    NoSync no_sync;
    for (int process = 0; process < 6; ++process) BOOST_TEST(disk_failed(Opened{path}.store(no_sync), "cannot sync"));
    // Power is lost: what was written since is neither old nor new.
    const Bytes seen = bytes_of(path + "/register");
    Bytes left = sure;
    for (std::size_t part = 0; part < 6; ++part) {
      const std::size_t at = slot_at(part / 3, part % 3);
      if (seen.compare(at, 1000, sure, at, 1000) != 0) left.replace(at, 64, Bytes(64, 'x'));
    }
    BOOST_TEST((left != sure));
    put_bytes(path + "/register", left);
    BOOST_TEST((found(path).promised == Term{writes}));
  }
}

BOOST_AUTO_TEST_CASE(a_record_of_the_next_level_makes_the_file_of_the_next_form_and_none_before_does) {
  const test::TemporaryDir temporary;
  const std::string file = temporary / "d/register";
  constexpr LevelRange both{1, 2};
  VoterRecord record = with(3, test::control_view("shop", 9));
  {
    Opened opened{temporary / "d"};
    auto store = opened.store(system_files(), both).value();
    BOOST_REQUIRE(store.write(record));
    BOOST_TEST(bytes_of(file).starts_with("reki register, version 2\n"));
    record.level = 2;
    BOOST_REQUIRE(store.write(record));
  }
  const Bytes now = bytes_of(file);
  BOOST_TEST(now.starts_with("reki register, version 3\n"));
  BOOST_TEST(now.substr(test::half_bytes).starts_with("reki register, version 3\n"));
  const auto earlier = Opened{temporary / "d"}.store();
  BOOST_TEST(refused(earlier, "has form 3 and was written by reki "));
  BOOST_TEST(refused(earlier, "leave the data directory as it is"));
  BOOST_TEST(!refused(earlier, "remove"));
  BOOST_TEST((bytes_of(file) == now));
  Opened opened{temporary / "d"};
  const auto later = opened.store(system_files(), both);
  BOOST_REQUIRE(later);
  BOOST_TEST((later->record().level == 2 && later->record().promised == Term{3} && later->damage().empty()));
}

BOOST_AUTO_TEST_CASE(a_register_whose_view_has_a_level_that_the_program_does_not_support_is_refused_and_left_alone) {
  const test::TemporaryDir temporary;
  const auto one = test::control_view("shop", 9);
  ViewHead head = one->head();
  head.level = 2;
  std::vector<Member> members{one->members().begin(), one->members().end()};
  for (Member& m : members) m.levels = {1, 2};
  const auto two = std::make_shared<const View>(View::make(head, members, one->table()).value());
  {
    Opened opened{temporary / "d"};
    BOOST_REQUIRE(opened.store(system_files(), {1, 2}).value().write(with(3, two)));
  }
  const Bytes file = bytes_of(temporary / "d/register");
  BOOST_TEST(file.starts_with("reki register, version 2\n"));  // accepted is not chosen
  const auto earlier = Opened{temporary / "d"}.store();
  BOOST_TEST(refused(earlier, "says that the cluster has level 2, and this reki supports level 1; start a later one on this node"));
  BOOST_TEST(!refused(earlier, "remove"));
  BOOST_TEST((bytes_of(temporary / "d/register") == file));
}

BOOST_AUTO_TEST_SUITE_END()
